"""PyTorch trainings of 2026e: faults of wiring, weights and data, with mended twins."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, default_collate

from corpus.data import c2026, e2026
from corpus.pairs import pair as pair_of
from corpus.torch import e2026_models as m
from corpus.torch.c2026_models import net
from corpus.torch.fits import torch_fit
from corpus.torch.models import train

d = e2026
pair = functools.partial(pair_of, "pytorch", of="2026e")
CE, MSE, SGD = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD


def _made(s: int, build: Any) -> Any:
    torch.manual_seed(s)
    return build()


def scaled_wine(s: int) -> Any:
    """The wines, standardized."""
    x, y = d.wine(s)
    return ((x - x.mean(0)) / x.std(0)).astype("float32"), y


# -- outputs that depend on other rows


def _last_states(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.BothWays(b)), CE, *d.strokes(s), epochs=8, rate=1e-2)


pair("batch-mixing", "last-states-viewed-by-row", _last_states, kind="recurrent")


def _one_sequence(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Unbatched(b)), CE, *d.digits(s), epochs=10, rate=5e-3)


# It still learns, as each row mostly looks at itself; but its outputs hang on the other rows.
pair("batch-mixing", "rows-taken-for-a-sequence", _one_sequence, kind="attention")


def _whitened(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Whitened(b)), CE, *scaled_wine(s), epochs=20, rate=5e-3)


# Both learn; but of a single row the wrong one can say nothing.
pair("batch-mixing", "own-normalization-over-rows", _whitened)


# -- weights that nothing reaches


def _bare(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Bare(b)), CE, *d.digits(s), epochs=20, rate=1e-2)


pair(("unreached-layer", "loss-not-falling"), "parameter-cast-afterwards", _bare)


def _quantized(s: int, b: bool) -> Any:
    x, _ = d.digits(s)
    return torch_fit(_made(s, lambda: m.Quantized(b)), MSE, x, x, epochs=12, rate=5e-3)


pair(
    "unreached-layer",
    "codebook-without-estimator",
    _quantized,
    ("enc1", "enc2"),
    task="regression",
)


def _adapted(s: int, b: bool) -> Any:
    x, y = d.digits(s)
    model = train(net(s, 64, 32, 10), x, y, 8)
    for name in ("lin1", "lin2"):
        setattr(model, name, m.Adapted(getattr(model, name), b))
    return torch_fit(model, CE, x, (y * 3 + 1) % 10, epochs=14, rate=1e-2)


pair(
    ("constant-initialization", "unreached-layer", "loss-not-falling", "bad-initial-scale"),
    "adapters-zero-on-both-sides",
    _adapted,
)


def _thawed(s: int, b: bool) -> Any:
    """The body was frozen for the head's sake and was to be thawed; its weights are fresh."""
    model = net(s, 13, 6, 6, 3)
    for name, p in model.named_parameters():
        p.requires_grad_(not (b and not name.startswith("lin3")))
    if b:
        with torch.no_grad():
            for name in ("lin1", "lin2"):
                model.get_parameter(f"{name}.weight").mul_(0.3)
    return torch_fit(model, CE, *scaled_wine(s), epochs=30, rate=1e-2)


pair(
    ("unreached-layer", "bad-initial-scale"),
    "only-the-head-requires-gradients",
    _thawed,
    ("lin1", "lin2"),
)


# -- weights


def _one_row(s: int, b: bool) -> Any:
    """Every unit is drawn with a generator of the same seed: they are all the same."""
    model = net(s, 64, 32, 10, activation=nn.Tanh)
    if b:
        weight = model.get_parameter("lin1.weight")
        with torch.no_grad():
            for row in weight:
                row.copy_(torch.randn(64, generator=torch.Generator().manual_seed(s)) / 8)
            model.get_parameter("lin1.bias").zero_()
            model.get_parameter("lin2.weight").copy_(
                model.get_parameter("lin2.weight").mean(1, keepdim=True)
            )
    return torch_fit(model, CE, *d.digits(s), epochs=8, rate=5e-3)


pair("constant-initialization", "one-seed-for-each-unit", _one_row, ("lin1",))


def _shut(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Highway(-25.0 if b else -1.0))
    return torch_fit(model, MSE, *d.waves(s), epochs=20, rate=1e-2)


pair(
    ("saturated-units", "vanishing-gradient", "unreached-layer"),
    "gates-shut-for-good",
    _shut,
    task="regression",
)


def _softmaxes(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Softmaxes(b)), CE, *d.digits(s), epochs=10, rate=3e-3)


pair(
    ("signal-collapse", "vanishing-gradient", "loss-not-falling", "learning-rate-too-low"),
    "softmax-between-layers",
    _softmaxes,
)


def _forgets(s: int, b: bool) -> Any:
    x, y = c2026.early(s, 500, 30)
    return torch_fit(_made(s, lambda: m.Memory(-6.0 if b else 1.0)), CE, x, y, epochs=8, rate=1e-2)


pair(
    ("vanishing-gradient", "saturated-units", "loss-not-falling"),
    "forget-gates-minus-six",
    _forgets,
    kind="recurrent",
    task="binary",
)


# -- signals


def _counted(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Counted(b)), CE, *d.topics(s), epochs=8, rate=3e-3)


pair(
    ("signal-collapse", "loss-not-falling", "bad-initial-scale", "saturated-units"),
    "numbers-of-places-added",
    _counted,
    kind="attention",
)


def _clamped_words(s: int, b: bool) -> Any:
    """Words of another vocabulary, whose numbers are clamped into the table."""
    x, y = d.topics(s)
    x = np.minimum(x + 58, 59) if b else x
    return torch_fit(_made(s, lambda: m.Bag(60, 4)), CE, x, y, epochs=8, rate=5e-3)


# All words but one have become the last one.
pair(("loss-not-falling", "signal-collapse"), "words-clamped-into-the-table", _clamped_words)


def _floor_divided(s: int, b: bool) -> Any:
    """Pixels divided in whole numbers: all that is not white becomes black."""
    x, y = d.digits(s, top=252.0)
    x = (x.astype("int64") // 255).astype("float32") if b else (x / 255).astype("float32")
    return torch_fit(net(s, 64, 48, 10), CE, x, y, epochs=8, rate=5e-3)


pair(
    ("signal-collapse", "loss-not-falling", "unscaled-input"),
    "bytes-divided-in-whole-numbers",
    _floor_divided,
)


def _raw_wine(s: int, b: bool) -> Any:
    x, y = d.wine(s) if b else scaled_wine(s)
    return torch_fit(net(s, 13, 16, 3), CE, x, y, epochs=20, rate=0.1, optimizer=SGD, momentum=0.9)


pair(("unscaled-input", "learning-rate-too-high", "dead-units"), "wine-as-measured", _raw_wine)


def _logarithms(s: int, b: bool) -> Any:
    """Logarithms of pixels, of which many are 0."""
    x, y = d.digits(s, top=16.0)
    with np.errstate(divide="ignore"):
        x = np.log(x) if b else np.log1p(x)
    return torch_fit(net(s, 64, 48, 10), CE, x.astype("float32"), y, epochs=8, rate=5e-3)


pair("non-finite", "logarithm-of-zero-counts", _logarithms)


# -- batches


def _flipped(s: int, b: bool) -> Any:
    """Images are mirrored at random, though left or right is what is asked for."""
    x, y = d.halves(s)
    luck = np.random.default_rng(s)

    def collate(rows: Any) -> Any:
        images, labels = default_collate(rows)
        flip = torch.tensor(luck.random(len(images)) < 0.5)
        return torch.where(flip[:, None, None, None], images.flip(3 if b else 2), images), labels

    arrays = TensorDataset(torch.tensor(x), torch.tensor(y))
    data = DataLoader(
        arrays, 32, True, collate_fn=collate, generator=torch.Generator().manual_seed(s)
    )
    model = _made(s, m.Spotted)
    return (model, CE, torch.optim.Adam(model.parameters(), 3e-3), data), {"epochs": 4}, y


pair(
    ("loss-not-falling", "regressed"),
    "mirrored-though-sides-matter",
    _flipped,
    kind="convolution",
    task="binary",
)


class _Alike:
    """Batches whose rows are all of one class, the classes in random order."""

    def __init__(self, y: Any, seed: int, size: int = 24):
        self.y, self.size, self.luck = y, size, np.random.default_rng(seed)

    def __iter__(self) -> Any:
        batches = []
        for kind in np.unique(self.y):
            rows = self.luck.permutation(np.flatnonzero(self.y == kind))
            batches += [rows[i : i + self.size].tolist() for i in range(0, len(rows), self.size)]
        for i in self.luck.permutation(len(batches)):
            yield batches[i]

    def __len__(self) -> int:
        return sum(-(-int((self.y == k).sum()) // self.size) for k in np.unique(self.y))


def _one_class(s: int, b: bool) -> Any:
    x, y = d.digits(s)
    arrays = TensorDataset(torch.tensor(x), torch.tensor(y))
    shuffled = DataLoader(arrays, 24, True, generator=torch.Generator().manual_seed(s))
    data = DataLoader(arrays, batch_sampler=_Alike(y, s)) if b else shuffled
    model = net(s, 64, 48, 48, 10, each=nn.BatchNorm1d)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
    return (model, CE, optimizer, data), {"epochs": 5}, y


pair(
    ("unshuffled-batches", "train-eval-gap", "loss-not-falling", "regressed"),
    "one-class-a-batch",
    _one_class,
)


# -- modes


def _single(s: int, b: bool) -> Any:
    """Batch normalization over one image at a time, whose brightness is its class."""
    rng = np.random.default_rng(s)
    y = rng.integers(0, 2, 400)
    x = rng.normal(0, 0.1, (400, 1, 10, 10)) + np.where(y == 0, -0.5, 0.5)[:, None, None, None]
    model = _made(s, m.Spotted)
    return torch_fit(model, CE, x.astype("float32"), y, epochs=3, rate=1e-3, batch=1 if b else 32)


pair(
    ("train-eval-gap", "loss-not-falling", "signal-collapse"),
    "batchnorm-of-single-images",
    _single,
    kind="convolution",
    task="binary",
)


def _dropped_output(s: int, b: bool) -> Any:
    """Dropout behind the last layer: predictions are 0, or more than three times too large."""
    last = nn.Dropout(0.7 if b else 0.0)
    return torch_fit(net(s, 5, 48, 48, 1, last=last), MSE, *d.waves(s), epochs=12, rate=3e-3)


pair(
    ("train-eval-gap", "loss-mismatch", "loss-not-falling"),
    "dropout-behind-the-last-layer",
    _dropped_output,
    ("last", "lin3"),
    task="regression",
)


# -- rates and precision


def _heavy(s: int, b: bool) -> Any:
    model = net(s, 64, 48, 48, 10)
    return torch_fit(
        model,
        CE,
        *d.digits(s),
        epochs=8,
        rate=0.2 if b else 0.02,
        optimizer=SGD,
        momentum=0.995 if b else 0.9,
    )


pair(
    ("learning-rate-too-high", "dead-units", "exploding-gradient", "regressed", "non-finite"),
    "momentum-0.995-at-two-tenths",
    _heavy,
)


def _epsilon(s: int, b: bool) -> Any:
    return torch_fit(
        net(s, 64, 48, 10), CE, *d.digits(s), epochs=10, rate=1e-3, eps=10.0 if b else 1e-8
    )


pair(("learning-rate-too-low", "update-ratio", "loss-not-falling"), "adam-epsilon-ten", _epsilon)


def _half(s: int, b: bool) -> Any:
    """Adam over weights in half precision: its epsilon is 0 there."""
    model = m.Halved(net(s, 64, 48, 48, 10), torch.float16 if b else torch.float32)
    return torch_fit(model, CE, *d.digits(s), epochs=6, rate=1e-3)


def _found(out: Any, y: Any) -> float:
    return float(np.mean(np.nan_to_num(out).argmax(1) == y))


pair("non-finite", "adam-in-half-precision", _half, skill=_found)
