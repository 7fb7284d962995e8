"""PyTorch trainings of 2026f: layers, data and optimizers, each beside its mended twin."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from corpus.data import e2026 as d
from corpus.pairs import pair as pair_of
from corpus.torch import f2026_models as m
from corpus.torch.c2026_models import net
from corpus.torch.fits import torch_fit

pair = functools.partial(pair_of, "pytorch", of="2026f")
CE, MSE, SGD = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD


def _digits(build: Any, epochs: int = 8, rate: float = 3e-3) -> Any:
    def make(s: int, b: bool) -> Any:
        torch.manual_seed(s)
        return torch_fit(build(b), CE, *d.digits(s), epochs=epochs, rate=rate)

    return make


def _strokes(build: Any) -> Any:
    def make(s: int, b: bool) -> Any:
        torch.manual_seed(s)
        return torch_fit(build(b), CE, *d.strokes(s), epochs=10, rate=1e-2)

    return make


# -- what does not learn

pair("unreached-layer", "result-thrown-away", _digits(m.Thrown), layers=("two",))
pair("unreached-layer", "tensor-is-no-parameter", _digits(m.Plain, 10, 1e-2))
pair(
    ("unreached-layer", "loss-mismatch", "signal-collapse"),
    "attention-softmax-of-one",
    _strokes(m.Attends),
    layers=("score",),
    kind="recurrent",
)


class _Round(nn.Module):
    def forward(self, x: Any) -> Any:
        return (x > 0.5).float().requires_grad_()


def _thresholded(s: int, b: bool) -> Any:
    """What the sigmoid gives is compared with a half before the loss."""
    x, y = d.tumors(s)
    layers = [*net(s, 30, 24, 1), nn.Sigmoid()] + ([_Round()] if b else [])
    y = y.astype("float32")[:, None]
    return torch_fit(nn.Sequential(*layers), nn.BCELoss(), x, y, epochs=10, rate=3e-3)


pair(
    ("unreached-layer", "loss-mismatch", "loss-not-falling"),
    "answers-compared-with-a-half",
    _thresholded,
    task="binary",
)

# -- what depends on more than its row

pair(
    ("batch-mixing", "train-eval-gap"),
    "state-carried-to-other-rows",
    _strokes(m.Carried),
    kind="recurrent",
)
pair(("train-eval-gap",), "dropout-made-in-forward", _digits(m.FreshDropout, 10))
pair(
    ("batch-mixing", "train-eval-gap", "unreached-layer"),
    "batch-norm-made-in-forward",
    _digits(m.FreshNorm),
)

# -- what does not get through


def _first_step(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Ends(b), CE, *d.strokes(s), epochs=10, rate=1e-2)


pair(
    ("loss-not-falling", "signal-collapse", "unreached-layer"),
    "first-step-for-the-last",
    _first_step,
    kind="recurrent",
)
pair(
    ("signal-collapse", "loss-not-falling", "index-out-of-range"),
    "levels-cut-to-zero",
    _digits(m.Levels, 8, 1e-2),
)


def _single_values(s: int, b: bool) -> Any:
    """Groups of one value each: what is normalized is 0 everywhere."""
    torch.manual_seed(s)
    layers = [nn.Linear(64, 48), nn.GroupNorm(48 if b else 4, 48), nn.ReLU(), nn.Linear(48, 10)]
    return torch_fit(nn.Sequential(*layers), CE, *d.digits(s), epochs=8, rate=3e-3)


pair(
    ("signal-collapse", "unreached-layer", "dead-units", "loss-not-falling"),
    "groups-of-single-values",
    _single_values,
)


def _order(s: int, b: bool) -> Any:
    """Which of two words comes first; the transformer is not told where they are."""
    rng = np.random.default_rng(s)
    x = rng.integers(2, 20, (800, 8))
    y = rng.integers(0, 2, 800)
    for i in range(800):
        a, c = np.sort(rng.permutation(8)[:2])
        x[i, a], x[i, c] = (0, 1) if y[i] else (1, 0)
    torch.manual_seed(s)
    return torch_fit(m.Places(b, 20, 8), CE, x, y.astype("int64"), epochs=20, rate=3e-3)


pair(
    ("loss-not-falling", "signal-collapse", "unreached-layer"),
    "words-without-places",
    _order,
    kind="attention",
)


class _Softmaxes(nn.Sequential):
    def __init__(self, b: bool):
        act = functools.partial(nn.Softmax, 1) if b else nn.ReLU
        super().__init__(
            nn.Linear(64, 48),
            act(),
            nn.Linear(48, 48),
            act(),
            nn.Linear(48, 48),
            act(),
            nn.Linear(48, 10),
        )


pair(
    ("vanishing-gradient", "signal-collapse", "learning-rate-too-low", "loss-not-falling"),
    "softmax-between-layers",
    _digits(_Softmaxes),
)


def _positive(s: int, b: bool) -> Any:
    """All weights are drawn between 0 and 1."""
    model = net(s, 64, 96, 96, 10)
    for layer in model:
        if isinstance(layer, nn.Linear) and b:
            nn.init.uniform_(layer.weight)
    return torch_fit(model, CE, *d.digits(s), epochs=8, rate=1e-3)


pair(
    ("bad-initial-scale", "exploding-gradient", "learning-rate-too-low", "loss-not-falling"),
    "weights-between-zero-and-one",
    _positive,
)

# -- data and optimizers


class _Rows(Dataset):
    """Rows as a data set gives them; wrong: always the first."""

    def __init__(self, x: Any, y: Any, wrong: bool):
        self.x, self.y, self.wrong = torch.as_tensor(x), torch.as_tensor(y), wrong
        self.tensors = self.x, self.y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i: int) -> Any:
        return self.x[0 if self.wrong else i], self.y[i]


def _same_row(s: int, b: bool) -> Any:
    """The data set ignores which row is asked for when it reads the inputs."""
    x, y = d.digits(s)
    model = net(s, 64, 48, 10)
    generator = torch.Generator().manual_seed(s)
    loader = DataLoader(_Rows(x, y, b), 32, shuffle=True, generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    return (model, CE, optimizer, loader), {"epochs": 6}, y


pair(
    ("signal-collapse", "unshuffled-batches", "loss-not-falling", "loss-mismatch"),
    "always-the-same-inputs",
    _same_row,
)


def _maximized(s: int, b: bool) -> Any:
    """The optimizer was left to climb."""
    model = net(s, 64, 48, 10)
    return torch_fit(model, CE, *d.digits(s), epochs=6, rate=1e-3, maximize=b)


pair(
    ("loss-not-falling", "learning-rate-too-high", "regressed", "exploding-gradient"),
    "optimizer-left-to-climb",
    _maximized,
)


def _large_epsilon(s: int, b: bool) -> Any:
    """Adam's epsilon is one: its steps are a hundredth of what they should be."""
    model = net(s, 64, 48, 10)
    o = {"eps": 10.0} if b else {}
    return torch_fit(model, CE, *d.digits(s), epochs=8, rate=1e-3, **o)


pair(
    ("learning-rate-too-low", "update-ratio", "loss-not-falling"),
    "epsilon-of-adam-ten",
    _large_epsilon,
)


def _momentum(s: int, b: bool) -> Any:
    """A momentum of one never forgets a step."""
    return torch_fit(
        net(s, 64, 48, 10),
        CE,
        *d.digits(s),
        epochs=10,
        rate=0.05,
        optimizer=SGD,
        momentum=1.0 if b else 0.9,
    )


pair(
    ("learning-rate-too-high", "loss-not-falling", "exploding-gradient", "regressed", "non-finite"),
    "momentum-of-one",
    _momentum,
)
