"""Faulty trainings in PyTorch."""

# ruff: noqa: ARG005

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from corpus.data import first as data
from corpus.torch.book import BOOK, CE, LOGITS, MSE, SGD, case, column, fit
from corpus.torch.models import (
    Attention,
    Broken,
    Conv,
    Parts,
    Recurrent,
    mlp,
    normal,
)

case(
    "sigmoid-8",
    data.blobs,
    lambda s: mlp(20, 5, 8, activation=nn.Sigmoid, seed=s),
    CE,
    "vanishing-gradient",
    ("0",),
)
case(
    "relu-20-default",
    data.blobs,
    lambda s: mlp(20, 5, 20, seed=s),
    CE,
    "vanishing-gradient",
    ("0",),
)
case(
    "rnn-memory",
    data.remember,
    lambda s: Recurrent(nn.RNN, 2, 2),
    CE,
    "vanishing-gradient",
    ("rnn",),
    "recurrent",
    "binary",
    5,
)
case(
    "deep-normal",
    data.blobs,
    lambda s: mlp(20, 5, 12, 64, seed=s, init=normal(0.6)),
    CE,
    "exploding-gradient",
    ("0",),
    opt=SGD,
    rate=0.01,
)
case(
    "rnn-scale",
    data.waves,
    lambda s: _scaled_rnn(4.0),
    MSE,
    "exploding-gradient",
    ("rnn",),
    "recurrent",
    "regression",
    opt=SGD,
    rate=0.05,
)
case(
    "dead-bias",
    data.blobs,
    lambda s: _biased(mlp(20, 5, 3, seed=s), 2, -15.0),
    CE,
    "dead-units",
    ("2",),
)
case(
    "dead-all",
    data.curve,
    lambda s: _biased(mlp(5, 1, 1, seed=s), 0, -15.0),
    MSE,
    "dead-units",
    ("0",),
    task="regression",
)
case(
    "saturated",
    data.blobs,
    lambda s: _biased(mlp(20, 5, 3, activation=nn.Tanh, seed=s), 2, 9.0),
    CE,
    "saturated-units",
    ("2",),
)
case(
    "softmax-twice",
    data.blobs,
    lambda s: mlp(20, 5, seed=s, last=[nn.Softmax(-1)]),
    CE,
    "loss-mismatch",
    ("4",),
)
case(
    "sigmoid-twice",
    data.moons,
    lambda s: mlp(2, 1, seed=s, last=[nn.Sigmoid()]),
    LOGITS,
    "loss-mismatch",
    ("4",),
    task="binary",
    y_of=column,
)
case("logits-nll", data.blobs, lambda s: mlp(20, 5, seed=s), nn.NLLLoss, "loss-mismatch", ("4",))
case(
    "softmax-nll",
    data.blobs,
    lambda s: mlp(20, 5, seed=s, last=[nn.Softmax(-1)]),
    nn.NLLLoss,
    "loss-mismatch",
    ("4",),
)
case(
    "broadcast",
    data.curve,
    lambda s: mlp(5, 1, seed=s),
    MSE,
    "loss-mismatch",
    ("4",),
    task="regression",
    y_of=lambda y: y[:, 0],
)
case(
    "sigmoid-target",
    data.curve,
    lambda s: mlp(5, 1, seed=s, last=[nn.Sigmoid()]),
    MSE,
    "loss-mismatch",
    ("4",),
    task="regression",
    y_of=lambda y: 20 + 5 * y,
)
case(
    "pixels-sgd",
    data.images,
    lambda s: Conv(),
    CE,
    "unscaled-input",
    (),
    "convolution",
    x_of=lambda x: 255 * x,
    opt=SGD,
    rate=0.1,
)
case(
    "table",
    data.table,
    lambda s: mlp(6, 2, seed=s),
    CE,
    "unscaled-input",
    (),
    task="binary",
    opt=SGD,
    rate=0.01,
)
case(
    "tanh-hundreds",
    data.blobs,
    lambda s: mlp(20, 5, 3, activation=nn.Tanh, seed=s),
    CE,
    "unscaled-input",
    (),
    x_of=lambda x: 500 * x + 2000,
    opt=SGD,
    rate=0.01,
)
case(
    "sgd-30",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    CE,
    "learning-rate-too-high",
    (),
    opt=SGD,
    rate=30.0,
)
case(
    "adam-1",
    data.images,
    lambda s: Conv(),
    CE,
    "learning-rate-too-high",
    (),
    "convolution",
    rate=1.0,
)
case(
    "momentum",
    data.curve,
    lambda s: mlp(5, 1, seed=s),
    MSE,
    "learning-rate-too-high",
    (),
    task="regression",
    opt=SGD,
    rate=1.0,
    momentum=0.95,
)
case(
    "transformer-high",
    data.sentences,
    lambda s: Attention(),
    CE,
    "learning-rate-too-high",
    (),
    "attention",
    "binary",
    rate=5.0,
)
case(
    "sgd-low",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    CE,
    "learning-rate-too-low",
    (),
    opt=SGD,
    rate=1e-6,
)
case(
    "adam-low-conv",
    data.images,
    lambda s: Conv(),
    CE,
    "learning-rate-too-low",
    (),
    "convolution",
    rate=1e-7,
)
case(
    "lstm-low",
    data.signs,
    lambda s: Recurrent(nn.LSTM, 2, 2),
    CE,
    "learning-rate-too-low",
    (),
    "recurrent",
    "binary",
    rate=1e-6,
)
case(
    "shuffled-target",
    data.curve,
    lambda s: mlp(5, 1, 1, 8, seed=s),
    MSE,
    "loss-not-falling",
    (),
    task="regression",
    y_of=lambda y: np.random.default_rng(5).permutation(y),
    epochs=4,
)
case(
    "input-inf",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    CE,
    "non-finite",
    (),
    x_of=lambda x: np.where(np.arange(x.size).reshape(x.shape) == 4321, np.inf, x).astype(
        "float32"
    ),
)
case("root", data.blobs, lambda s: Broken(_root), CE, "non-finite", ("second", "out"))
case("log", data.blobs, lambda s: Broken(torch.log), CE, "non-finite", ("second", "out"))
case(
    "ones",
    data.blobs,
    lambda s: mlp(20, 5, 2, seed=s, init=_constant),
    CE,
    "constant-initialization",
    ("0", "2"),
)
case(
    "zeros",
    data.curve,
    lambda s: mlp(5, 1, 2, seed=s, init=_all_zero),
    MSE,
    "constant-initialization",
    ("0", "2"),
    task="regression",
)
case(
    "normal-1",
    data.blobs,
    lambda s: mlp(20, 5, 5, 128, seed=s, init=normal(1.0)),
    CE,
    "bad-initial-scale",
    ("0", "2", "4", "6", "8"),
)
case(
    "tiny",
    data.blobs,
    lambda s: mlp(20, 5, 6, activation=nn.Tanh, seed=s, init=normal(1e-3)),
    CE,
    "bad-initial-scale",
    ("0", "2", "4", "6", "8", "10"),
    opt=SGD,
    rate=0.05,
)
case(
    "detached", data.blobs, lambda s: Parts(detach=True), CE, "unreached-layer", ("first", "second")
)
case("unused", data.blobs, lambda s: Parts(unused=True), CE, "unreached-layer", ("second",))


def _root(x: torch.Tensor) -> torch.Tensor:
    """NaN where x is below 1."""
    return torch.sqrt(x - 1)


def _constant(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.constant_(module.weight, 0.05)
        nn.init.zeros_(module.bias)


def _all_zero(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)


def _biased(model: nn.Sequential, place: int, value: float) -> nn.Sequential:
    nn.init.constant_(model.get_parameter(f"{place}.bias"), value)
    return model


def _scaled_rnn(scale: float) -> nn.Module:
    model = Recurrent(nn.RNN, 1, 1, nonlinearity="relu")
    with torch.no_grad():
        model.rnn.weight_hh_l0.mul_(scale)
    return model


def _frozen(seed: int) -> Any:
    x, y = data.blobs(seed)
    torch.manual_seed(seed)
    model = Parts()
    for parameter in model.second.parameters():
        parameter.requires_grad = False
    return fit(model, CE(), torch.optim.Adam(model.parameters()), x, y, 6, seed)


def _forgotten(seed: int) -> Any:
    x, y = data.blobs(seed)
    torch.manual_seed(seed)
    model = Parts()
    some = [*model.second.parameters(), *model.third.parameters(), *model.out.parameters()]
    return fit(model, CE(), torch.optim.Adam(some), x, y, 6, seed)


def _one_group(high: float, low: float) -> Any:
    def make(seed: int) -> Any:
        x, y = data.blobs(seed)
        model = mlp(20, 5, 3, seed=seed)
        rest = [p for i in (0, 4, 6) for p in model[i].parameters()]
        groups = [{"params": model[2].parameters(), "lr": high}, {"params": rest, "lr": low}]
        return fit(model, CE(), SGD(groups), x, y, 6, seed)

    return make


BOOK.add("frozen", "dense", "multi-class", _frozen, "unreached-layer", ("second",))
BOOK.add("forgotten", "dense", "multi-class", _forgotten, "unreached-layer", ("first",))
BOOK.add("one-group", "dense", "multi-class", _one_group(1e4, 1e-3), "update-ratio", ("2",))
