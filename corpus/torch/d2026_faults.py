"""PyTorch trainings of 2026d: kinds of public bug reports, each beside its mended twin."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import c2026 as d
from corpus.data.first import images
from corpus.pairs import pair as pair_of
from corpus.skills import neighbors
from corpus.torch import d2026_models as m
from corpus.torch.c2026_models import net
from corpus.torch.fits import torch_fit

pair = functools.partial(pair_of, "pytorch", of="2026d")
CE, MSE, SGD, MISMATCH = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD, "loss-mismatch"


def _made(s: int, build: Any) -> Any:
    torch.manual_seed(s)
    return build()


# -- axes


def _over_queries(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Attends(-2 if b else -1))
    return torch_fit(model, CE, *d.orders(s), epochs=8, rate=3e-3)


pair(
    (MISMATCH, "batch-mixing"),
    "attention-softmax-over-queries",
    _over_queries,
    kind="attention",
    task="binary",
)


def _over_heads(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Attends(1 if b else -1))
    return torch_fit(model, CE, *d.orders(s), epochs=8, rate=3e-3)


pair(
    (MISMATCH, "batch-mixing"),
    "attention-softmax-over-heads",
    _over_heads,
    kind="attention",
    task="binary",
)


def _codes(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Placed(b)), CE, *d.calls(s), epochs=10, rate=3e-3)


pair("batch-mixing", "codes-of-places-along-the-batch", _codes, kind="attention")


def _not_batch_first(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Encoded(b)), CE, *d.calls(s), epochs=8, rate=3e-3)


pair("batch-mixing", "transformer-not-batch-first", _not_batch_first, kind="attention")


def _lstm(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.LastStep(b)), CE, *d.calls(s), epochs=12, rate=1e-2)


pair("batch-mixing", "lstm-not-batch-first", _lstm, kind="recurrent")


def _row_softmax(s: int, b: bool) -> Any:
    x, y = d.groups(s)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return functional.nll_loss(functional.log_softmax(out, 0 if b else 1), y)

    return torch_fit(net(s, 24, 32, 6), loss, x, y, epochs=8, rate=3e-3)


pair((MISMATCH, "batch-mixing"), "own-log-softmax-over-rows", _row_softmax)


# -- losses


def _twice(s: int, b: bool) -> Any:
    x, y = d.groups(s, apart=0.5)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(out.softmax(1) if b else out, y)

    return torch_fit(net(s, 24, 32, 6), loss, x, y, epochs=6, rate=0.05, optimizer=SGD)


pair(MISMATCH, "own-loss-softmax-twice", _twice)


def _rebuilt(s: int, b: bool) -> Any:
    def loss(out: Tensor, y: Tensor) -> Tensor:
        value = functional.cross_entropy(out, y)
        return torch.tensor(value.item(), requires_grad=True) if b else value

    return torch_fit(net(s, 24, 32, 6), loss, *d.groups(s), epochs=8, rate=3e-3)


pair(("unreached-layer", "loss-not-falling"), "loss-rebuilt-from-a-number", _rebuilt)


def _cosine(s: int, b: bool) -> Any:
    x, y = d.groups(s)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        other = out.roll(1, 0)
        same = (y == y.roll(1)).float()
        return functional.cosine_embedding_loss(out, other, same if b else 2 * same - 1)

    return torch_fit(net(s, 24, 32, 8), loss, x, y, epochs=12, rate=3e-3)


pair((MISMATCH, "loss-not-falling"), "cosine-loss-zero-one", _cosine, skill=neighbors)


def _margin(s: int, b: bool) -> Any:
    x, y = d.faults(s, rate=0.4)
    target = y.astype("float32")[:, None]
    return torch_fit(
        net(s, 8, 32, 1),
        nn.SoftMarginLoss(),
        x,
        target if b else 2 * target - 1,
        y,
        epochs=12,
        rate=5e-3,
    )


pair(MISMATCH, "soft-margin-zero-one", _margin, task="binary")


def _clipped(s: int, b: bool) -> Any:
    x, y = d.yields(s)
    last = nn.ReLU() if b else None
    return torch_fit(net(s, 6, 32, 32, 1, last=last), MSE, x, y, epochs=10, rate=3e-3)


pair((MISMATCH, "dead-units"), "relu-before-squares", _clipped, ("lin3", "last"), task="regression")


def _summed(s: int, b: bool) -> Any:
    loss = nn.MSELoss(reduction="sum" if b else "mean")
    return torch_fit(net(s, 6, 48, 48, 1), loss, *d.yields(s), epochs=8, rate=0.1, optimizer=SGD)


pair(
    ("learning-rate-too-high", "non-finite", "exploding-gradient", "dead-units"),
    "squares-summed-with-sgd",
    _summed,
    task="regression",
)


def _away(s: int, b: bool) -> Any:
    x, y = d.sensors(s)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        log = out.log_softmax(1)
        kept = -log if b else log
        return -(kept * functional.one_hot(y, 4)).sum(1).clamp(min=-20, max=20).mean()

    return torch_fit(net(s, 10, 32, 32, 4), loss, x, y, epochs=8, rate=3e-3)


pair((MISMATCH, "loss-not-falling", "regressed"), "minus-twice", _away)


# -- what moves


def _no_grad(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Backbone(b)), CE, *d.sensors(s), epochs=10, rate=5e-3)


pair("unreached-layer", "no-grad-around-encoder", _no_grad, ("enc1", "enc2"))


def _cut_in_time(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Stepwise((lambda _: True) if b else None))
    x, y = d.early(s, steps=12)
    return torch_fit(model, CE, x, y, epochs=6, rate=5e-3)


def _last_detached(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Stepwise((lambda t: t < 11) if b else None))
    x, y = d.early(s, steps=12)
    return torch_fit(model, CE, x, y, epochs=6, rate=5e-3)


pair("unreached-layer", "state-detached-everywhere", _cut_in_time, kind="recurrent", task="binary")
pair("unreached-layer", "state-detached-each-step", _last_detached, kind="recurrent", task="binary")


def _copied(s: int, b: bool) -> Any:
    import copy

    model = net(s, 24, 32, 6)
    other = copy.deepcopy(model)
    parameters = (other if b else model).parameters()
    return torch_fit(model, CE, *d.groups(s), epochs=6, rate=3e-3, parameters=parameters)


pair("unreached-layer", "optimizer-of-a-copy", _copied)


# -- modes


def _drops(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Drops(b)), CE, *d.groups(s), epochs=8, rate=3e-3)


pair("train-eval-gap", "functional-dropout-always", _drops)


# -- data and rates


def _imagenet(s: int, b: bool) -> Any:
    x, y = images(s, 1000, 1.0 if b else 1 / 255)
    x = ((x - 0.485) / 0.229).reshape(len(x), -1).astype("float32")
    model = net(s, 196, 64, 64, 10)
    return torch_fit(model, CE, x, y, epochs=6, rate=0.05, optimizer=SGD, momentum=0.9)


pair(
    ("unscaled-input", "learning-rate-too-high", "dead-units"),
    "statistics-of-unit-pixels-on-bytes",
    _imagenet,
    ("lin1",),
)


def _prices(s: int, b: bool) -> Any:
    x, y = d.yields(s)
    prices = (y * 4e4 + 2e5).astype("float32")
    return torch_fit(net(s, 6, 48, 48, 1), MSE, x, prices if b else y, epochs=10, rate=3e-3)


pair(
    ("learning-rate-too-low", "unscaled-input", "loss-not-falling", MISMATCH),
    "prices-with-adam",
    _prices,
    task="regression",
)


def _keep(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    drop = 0.97 if b else 0.03
    model = nn.Sequential(
        nn.Linear(10, 32),
        nn.ReLU(),
        nn.Dropout(drop),
        nn.Linear(32, 32),
        nn.ReLU(),
        nn.Dropout(drop),
        nn.Linear(32, 4),
    )
    return torch_fit(model, CE, *d.sensors(s), epochs=10, rate=3e-3)


pair(("loss-not-falling", "train-eval-gap"), "dropout-of-what-to-keep", _keep)


def _adam_tenth(s: int, b: bool) -> Any:
    x, y = d.shapes(s)
    torch.manual_seed(s)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(216, 48),
        nn.ReLU(),
        nn.Linear(48, 3),
    )
    return torch_fit(model, CE, x, y, epochs=6, rate=0.1 if b else 3e-3)


pair(("learning-rate-too-high", "dead-units"), "adam-one-tenth", _adam_tenth, kind="convolution")


def _labels_apart(s: int, b: bool) -> Any:
    x, y = d.groups(s, apart=0.7)
    moved = np.roll(y, 1) if b else y
    return torch_fit(net(s, 24, 48, 6), CE, x, moved, epochs=6, rate=3e-3)


pair("loss-not-falling", "labels-one-row-off", _labels_apart)
