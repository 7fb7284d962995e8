"""PyTorch trainings of 2026c: faults of loss, targets and data, each beside its mended twin."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from corpus.data import c2026 as d
from corpus.data.first import images
from corpus.pairs import pair as pair_of
from corpus.skills import accuracy
from corpus.torch import c2026_models as m
from corpus.torch.fits import torch_fit

pair = functools.partial(pair_of, "pytorch", of="2026c")
CE, MSE, BCE = nn.CrossEntropyLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()
SGD, MISMATCH = torch.optim.SGD, "loss-mismatch"


def _flat_targets(s: int, b: bool) -> Any:
    x, y = d.yields(s)
    return torch_fit(m.net(s, 6, 32, 32, 1), MSE, x, y[:, 0] if b else y, y, epochs=12, rate=3e-3)


pair(MISMATCH, "mse-column-against-flat", _flat_targets, ("lin3",), task="regression")


def _flat_likelihood(s: int, b: bool) -> Any:
    x, y = d.yields(s)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        mean, log_var = out[:, 0], out[:, 1]
        y = y if b else y[:, 0]  # (n, 1) against (n,): every target against every mean
        return (0.5 * (log_var + (y - mean) ** 2 * torch.exp(-log_var))).mean()

    return torch_fit(m.net(s, 6, 32, 32, 2), loss, x, y, epochs=12, rate=3e-3)


pair(
    (MISMATCH, "loss-not-falling"),
    "own-likelihood-broadcast",
    _flat_likelihood,
    ("lin3",),
    task="regression",
    skill=lambda out, y: 1 - float(np.mean((out[:, :1] - y) ** 2) / np.var(y)),
)


def _signs(s: int, b: bool) -> Any:
    x, y = d.sensors(s)
    y = (y % 2).astype("float32")[:, None]
    return torch_fit(m.net(s, 10, 32, 32, 1), BCE, x, 2 * y - 1 if b else y, y, epochs=12)


pair(
    (MISMATCH, "exploding-gradient"), "bce-targets-plus-minus-one", _signs, ("lin3",), task="binary"
)


def _raw_nll(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    loss = nn.NLLLoss() if b else CE
    return torch_fit(
        m.net(s, 24, 32, 6), loss, x, y, epochs=12, rate=1e-2, optimizer=SGD, momentum=0.9
    )


pair((MISMATCH, "exploding-gradient", "non-finite"), "nll-on-logits", _raw_nll, ("lin2",))


def _sigmoid_ce(s: int, b: bool) -> Any:
    x, y = d.groups(s, apart=0.4)
    last = nn.Sigmoid() if b else None
    return torch_fit(m.net(s, 24, 32, 6, last=last), CE, x, y, epochs=6, rate=0.05, optimizer=SGD)


pair(MISMATCH, "sigmoid-before-ce", _sigmoid_ce, ("lin2", "last"))


def _away(s: int, b: bool) -> Any:
    x, y = d.groups(s)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        probability = torch.softmax(out, 1).gather(1, y[:, None])
        return probability.mean() if b else -probability.mean()

    return torch_fit(m.net(s, 24, 32, 6), loss, x, y, epochs=10)


pair((MISMATCH, "loss-not-falling"), "sign-of-own-loss", _away)


def _ignored(s: int, b: bool) -> Any:
    x, y = d.groups(s, classes=3, apart=0.6)
    loss = nn.CrossEntropyLoss(ignore_index=0 if b else -100)
    return torch_fit(m.net(s, 24, 32, 3), loss, x, y, epochs=8)


pair((MISMATCH, "index-out-of-range"), "ignore-index-is-a-class", _ignored, ("lin2",))


def _mostly_padding(s: int, b: bool) -> Any:
    x, y = d.padded(s)
    torch.manual_seed(s)
    loss = nn.CrossEntropyLoss(ignore_index=-100 if b else 0)
    return torch_fit(m.Language(), loss, x, y, epochs=6, rate=2e-3)


def _words_right(out: Any, y: Any) -> float:
    real = y > 0
    return float(np.mean(out.argmax(1)[real] == y[real]))


pair(
    (MISMATCH, "loss-not-falling", "learning-rate-too-low"),
    "padding-in-the-loss",
    _mostly_padding,
    kind="recurrent",
    skill=_words_right,
)


def _shifted(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    return torch_fit(m.net(s, 24, 32, 6), CE, x, y + 1 if b else y, y, epochs=6)


pair(("index-out-of-range", MISMATCH), "labels-from-one", _shifted, ("lin2",))


def _vocabulary(s: int, b: bool) -> Any:
    x, y = d.orders(s)
    torch.manual_seed(s)
    words = int(x.max()) + (0 if b else 1)
    model = nn.Sequential(
        nn.EmbeddingBag(words, 16), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2)
    )
    return torch_fit(model, CE, x, y, epochs=10, rate=5e-3)


pair("index-out-of-range", "vocabulary-one-short", _vocabulary, ("0",), kind="attention")


def _own_log(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    x = x * 5

    def loss(out: Tensor, y: Tensor) -> Tensor:
        log = torch.log(torch.softmax(out * 40, 1)) if b else torch.log_softmax(out * 40, 1)
        return -(nn.functional.one_hot(y, 6) * log).sum(1).mean()

    return torch_fit(m.net(s, 24, 64, 6), loss, x, y, epochs=8)


pair(("non-finite", MISMATCH), "log-of-softmax-zero", _own_log)


def _distance(s: int, b: bool) -> Any:
    x, y = d.groups(s)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        square = (out[:, None] - out[None]).pow(2).sum(-1)
        distance = square.sqrt() if b else (square + 1e-8).sqrt()
        same = y[:, None] == y[None]
        return torch.where(same, distance, torch.relu(2 - distance)).mean()

    return torch_fit(m.net(s, 24, 32, 4), loss, x, y, epochs=8)


def _near(out: Any, y: Any) -> float:
    from corpus.skills import neighbors

    return neighbors(np.nan_to_num(out), y)


pair(("non-finite", "exploding-gradient"), "root-of-zero-distance", _distance, skill=_near)


class _Standardized(nn.Module):
    def __init__(self, small: float):
        super().__init__()
        self.small = small

    def forward(self, x: Tensor) -> Tensor:
        return (x - x.mean(0)) / (x.std(0) + self.small)


def _constant_column(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    x[:, 5] = 3.0
    torch.manual_seed(s)
    model = nn.Sequential(_Standardized(0.0 if b else 1e-5), *m.net(s, 24, 32, 6))
    return torch_fit(model, CE, x, y, epochs=6)


pair("non-finite", "constant-column-standardised", _constant_column)


def _sorted(s: int, b: bool) -> Any:
    x, y = d.groups(s, apart=0.6)
    order = np.argsort(y, kind="stable")
    arrays = TensorDataset(torch.tensor(x[order]), torch.tensor(y[order]))
    model = m.net(s, 24, 48, 48, 6)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9)
    data = DataLoader(arrays, 10, shuffle=not b, generator=torch.Generator().manual_seed(s))
    return (model, CE, optimizer, data), {"epochs": 4}, y[order]


pair(("unshuffled-batches", "regressed", "loss-not-falling"), "sorted-by-class", _sorted)


def _sorted_target(s: int, b: bool) -> Any:
    x, y = d.yields(s)
    order = np.argsort(y[:, 0])
    arrays = TensorDataset(torch.tensor(x[order]), torch.tensor(y[order]))
    model = m.net(s, 6, 48, 48, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9)
    data = DataLoader(arrays, 10, shuffle=not b, generator=torch.Generator().manual_seed(s))
    return (model, MSE, optimizer, data), {"epochs": 4}, y[order]


pair(
    ("unshuffled-batches", "regressed", "loss-not-falling"),
    "sorted-by-target",
    _sorted_target,
    task="regression",
)


def _raw_bytes(s: int, b: bool) -> Any:
    x, y = images(s, 1200, 1.0 if b else 1 / 255)
    model = m.net(s, 196, 64, 64, 10)
    return torch_fit(
        model, CE, x.reshape(len(x), -1), y, epochs=6, rate=0.05, optimizer=SGD, momentum=0.9
    )


pair(
    ("unscaled-input", "learning-rate-too-high", "dead-units"),
    "bytes-with-momentum",
    _raw_bytes,
    ("lin1",),
)


def _twice_divided(s: int, b: bool) -> Any:
    x, y = images(s, 1200, 1 / 255**2 if b else 1 / 255)
    return torch_fit(
        m.net(s, 196, 64, 10), CE, x.reshape(len(x), -1), y, epochs=6, rate=0.2, optimizer=SGD
    )


pair(("unscaled-input", "learning-rate-too-low"), "divided-by-255-twice", _twice_divided, ("lin1",))


def _years(s: int, b: bool) -> Any:
    x, y = d.sensors(s)
    x = x.copy()
    far = (x * 8 + 2000).astype("float32") if b else x
    return torch_fit(m.net(s, 10, 48, 48, 4), CE, far, y, epochs=12, rate=3e-3)


pair("unscaled-input", "years-not-centred", _years, ("lin1",))


def _prices(s: int, b: bool) -> Any:
    x, y = d.yields(s)
    y = (y * 6e4 + 3e5).astype("float32") if b else y
    return torch_fit(m.net(s, 6, 32, 32, 1), MSE, x, y, epochs=8, rate=0.02, optimizer=SGD)


pair(
    ("learning-rate-too-high", "unscaled-input", "exploding-gradient", "non-finite", MISMATCH),
    "targets-in-hundred-thousands",
    _prices,
    task="regression",
)


def _shuffled_apart(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    moved = np.random.default_rng(s).permutation(y) if b else y
    return torch_fit(m.net(s, 24, 48, 6), CE, x, moved, epochs=8)


pair("loss-not-falling", "rows-and-labels-apart", _shuffled_apart, skill=accuracy)
