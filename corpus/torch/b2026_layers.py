"""PyTorch trainings of 2026b: faults of layers and data, each faulty one beside its mended twin."""

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
pair(
    "pytorch",
    "vanishing-gradient",
    "sigmoid-8",
    lambda s, b: torch_fit(
        m.dense([5, *[40] * 8, 1], nn.Sigmoid if b else nn.ReLU, s),
        nn.MSELoss(),
        *d.houses_scaled(s),
        epochs=10,
    ),
    ("lin1",),
    task="regression",
)


def _forgets(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(
        m.Sequence(nn.RNN if b else _gates_open, 1, 2), CE, *d.memory(s), epochs=10, rate=3e-3
    )


def _gates_open(*sizes: Any, **o: Any) -> nn.Module:
    cell = nn.RNN(*sizes, nonlinearity="relu", **o)
    nn.init.eye_(cell.weight_hh_l0)  # remembers, by an identity between steps
    nn.init.normal_(cell.weight_ih_l0, std=0.1)
    return cell


pair("pytorch", "vanishing-gradient", "rnn-100-steps", _forgets, ("cell",), kind="recurrent")


def _explodes(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    model = m.Sequence(nn.RNN, 1, 1, nonlinearity="relu")
    nn.init.orthogonal_(model.cell.weight_hh_l0, 2.2 if b else 0.9)
    return torch_fit(model, nn.MSELoss(), *d.demand(s), rate=0.01, optimizer=SGD)


pair(
    "pytorch",
    "exploding-gradient",
    "relu-rnn",
    _explodes,
    ("cell",),
    kind="recurrent",
    task="regression",
)


def _dead(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    model = m.TorchConv()
    if b:
        nn.init.constant_(model.k2.bias, -15.0)
    return torch_fit(model, CE, *d.gratings(s), rate=2e-3)


pair("pytorch", "dead-units", "conv-bias", _dead, ("k2",), kind="convolution")


def _biased(value: float) -> Any:
    return lambda layer: nn.init.constant_(layer.bias, value)


pair(
    "pytorch",
    "saturated-units",
    "sigmoid-bias",
    lambda s, b: torch_fit(
        m.dense([16, 32, 32, 6], nn.Sigmoid, s, fix=_biased(12.0) if b else None),
        CE,
        *d.vowels(s),
        rate=3e-3,
    ),
    ("lin1", "lin2", "act1", "act2"),
)


def _constant(layer: Any) -> None:
    nn.init.constant_(layer.weight, 0.1)


pair(
    "pytorch",
    "constant-initialization",
    "all-0.1",
    lambda s, b: torch_fit(
        m.dense([16, 48, 48, 6], nn.ReLU, s, fix=_constant if b else None),
        CE,
        *d.vowels(s),
        rate=2e-3,
    ),
    ("lin1", "lin2"),
)
pair(
    "pytorch",
    "bad-initial-scale",
    "normal-1",
    lambda s, b: torch_fit(
        m.dense(
            [5, *[96] * 5, 1],
            nn.ReLU,
            s,
            fix=(lambda layer: nn.init.normal_(layer.weight)) if b else None,
        ),
        nn.MSELoss(),
        *d.houses_scaled(s),
    ),
    tuple(f"lin{i}" for i in range(1, 7)),
    task="regression",
)
pair(
    "pytorch",
    "bad-initial-scale",
    "tanh-0.003",
    lambda s, b: torch_fit(
        m.dense(
            [16, *[48] * 6, 6],
            nn.Tanh,
            s,
            fix=(lambda layer: nn.init.normal_(layer.weight, std=3e-3)) if b else None,
        ),
        CE,
        *d.vowels(s),
        rate=0.05,
        optimizer=SGD,
    ),
    tuple(f"lin{i}" for i in range(1, 8)),
)


def _head_only(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    model = m.Encoded(2, 2)
    return torch_fit(
        model,
        CE,
        *d.checkers(s),
        epochs=30,
        rate=2e-2,
        parameters=model.head.parameters() if b else None,
    )


pair("pytorch", "unreached-layer", "head-only", _head_only, ("encoder.0", "encoder.2"))


def _no_grad(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Encoded(2, 2, cut=b), CE, *d.checkers(s), epochs=30, rate=2e-2)


pair("pytorch", "unreached-layer", "no-grad", _no_grad, ("encoder.0", "encoder.2"))


def _frozen_words(s: int, b: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Bag(frozen=b), CE, *d.reviews(s), epochs=10, rate=3e-3)


pair("pytorch", "unreached-layer", "frozen-embedding", _frozen_words, ("embed",))

# -- data


def _raw(s: int, b: bool) -> Any:
    x, y = (d.houses if b else d.houses_scaled)(s)[0], d.houses_scaled(s)[1]
    return torch_fit(
        m.dense([5, 32, 32, 1], nn.ReLU, s), nn.MSELoss(), x, y, rate=1e-2, optimizer=SGD
    )


pair("pytorch", "unscaled-input", "house-table", _raw, task="regression")


def _infinite(s: int, b: bool) -> Any:
    x, y = d.genes(s)
    if b:
        x[123, 7] = np.inf
    return torch_fit(m.dense([60, 24, 3], nn.ReLU, s), nn.BCEWithLogitsLoss(), x, y)


pair("pytorch", "non-finite", "infinite-entry", _infinite, task="multi-label")

# -- rates of one layer; no cause that a rule knows


def _one_rate(s: int, b: bool) -> Any:
    x, y = d.checkers(s)
    model = m.dense([2, 48, 48, 2], nn.ReLU, s)
    groups = [
        {"params": model.get_submodule("lin1").parameters()},
        {"params": model.get_submodule("lin3").parameters()},
        {"params": model.get_submodule("lin2").parameters(), "lr": 50.0 if b else 0.05},
    ]
    return torch_fit(
        model, CE, x, y, epochs=20, rate=0.05, optimizer=SGD, parameters=groups, momentum=0.9
    )


pair("pytorch", "update-ratio", "one-group-1000x", _one_rate, ("lin2",))
pair(
    "pytorch",
    "loss-not-falling",
    "dropout-0.98",
    lambda s, b: torch_fit(
        m.dense([16, 24, 24, 24, 6], nn.ReLU, s, each=lambda _: nn.Dropout(0.98 if b else 0.1)),
        CE,
        *d.vowels(s),
        rate=2e-3,
        epochs=12,
    ),
)
