"""PyTorch trainings of 2026b: faults of loss and rates, each faulty one beside its mended twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from corpus.data import b2026 as d
from corpus.pairs import pair
from corpus.torch import models_b2026 as m
from corpus.torch.fits import torch_fit

CE, SGD = nn.CrossEntropyLoss(), torch.optim.SGD
MISMATCH = "loss-mismatch"


def _column(y: np.ndarray) -> np.ndarray:
    return y.astype("float32")[:, None]


def _conv_twice(s: int, b: bool) -> Any:
    x, y = d.gratings(s)
    torch.manual_seed(s)
    return torch_fit(
        m.TorchConv(last=nn.Softmax(1) if b else None), CE, x, y, rate=0.1, optimizer=SGD
    )


pair("pytorch", MISMATCH, "conv-softmax-ce", _conv_twice, ("head", "last"), kind="convolution")


def _nll(s: int, b: bool) -> Any:
    x, y = d.vowels(s)
    return torch_fit(
        m.dense([16, 32, 6], nn.ReLU, s, nn.Softmax(1) if b else nn.LogSoftmax(1)),
        nn.NLLLoss(),
        x,
        y,
        epochs=4,
    )


pair("pytorch", MISMATCH, "nll-softmax", _nll, ("lin2", "last"))


def _sigmoid_logits(s: int, b: bool) -> Any:
    x, y = d.checkers(s)
    return torch_fit(
        m.dense([2, 48, 48, 1], nn.ReLU, s, nn.Sigmoid() if b else None),
        nn.BCEWithLogitsLoss(),
        x,
        _column(y),
        epochs=20,
        rate=3e-3,
    )


pair("pytorch", MISMATCH, "sigmoid-bcewithlogits", _sigmoid_logits, ("lin3", "last"), task="binary")


def _huber_flat(s: int, b: bool) -> Any:
    x, y = d.demand(s)
    torch.manual_seed(s)
    return torch_fit(
        m.Sequence(nn.GRU, 1, 1), nn.HuberLoss(), x, y[:, 0] if b else y, y, epochs=10, rate=5e-3
    )


pair(
    "pytorch",
    MISMATCH,
    "gru-broadcast",
    _huber_flat,
    ("head",),
    kind="recurrent",
    task="regression",
)


def _softmax_single(s: int, b: bool) -> Any:
    x, y = d.genes(s)
    return torch_fit(
        m.dense([60, 24, 1], nn.Tanh, s, nn.Softmax(1) if b else nn.Sigmoid()),
        nn.BCELoss(),
        x,
        y[:, :1],
    )


pair("pytorch", MISMATCH, "softmax-single", _softmax_single, ("lin2", "last"), task="binary")

# -- rates


def _high(framework: str, name: str, make: Any, **o: Any) -> None:
    pair(framework, "learning-rate-too-high", name, make, **o)


def _torch_high(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Tokens(), CE, *d.reviews(s), epochs=10, rate=0.3 if b else 1e-3)


_high("pytorch", "transformer", _torch_high, kind="attention")


def _sum(s: int, b: bool) -> Any:
    x, y = d.vowels(s)
    return torch_fit(
        m.dense([16, 64, 64, 6], nn.ReLU, s),
        nn.CrossEntropyLoss(reduction="sum" if b else "mean"),
        x,
        y,
        rate=0.1,
        optimizer=SGD,
        momentum=0.9,
    )


_high("pytorch", "reduction-sum", _sum)
_high(
    "pytorch",
    "momentum-regression",
    lambda s, b: torch_fit(
        m.dense([5, 32, 32, 1], nn.ReLU, s),
        nn.MSELoss(),
        *d.houses_scaled(s),
        rate=0.5 if b else 0.01,
        optimizer=SGD,
        momentum=0.9,
    ),
    task="regression",
)


def _low(framework: str, name: str, make: Any, **o: Any) -> None:
    pair(framework, "learning-rate-too-low", name, make, **o)


def _torch_low(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(
        m.Sequence(nn.GRU, 3, 3),
        CE,
        *d.gestures(s),
        epochs=12,
        rate=1e-4 if b else 0.1,
        optimizer=SGD,
        momentum=0.9,
    )


_low("pytorch", "gru-sgd", _torch_low, kind="recurrent")
_low(
    "pytorch",
    "adam-1e-5",
    lambda s, b: torch_fit(
        m.dense([2, 48, 48, 2], nn.ReLU, s), CE, *d.checkers(s), epochs=20, rate=1e-5 if b else 5e-3
    ),
)
