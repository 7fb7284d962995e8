"""Healthy trainings in PyTorch."""

# ruff: noqa: ARG005

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import nn

from corpus.data import first as data
from corpus.torch.book import BCE, BOOK, CE, LOGITS, MSE, RMS, SGD, case, column, fit
from corpus.torch.models import (
    Attention,
    Conv,
    Head,
    Recurrent,
    Residual,
    he,
    mlp,
    train,
)

case("relu", data.blobs, lambda s: mlp(20, 5, seed=s))
case("he-deep", data.blobs, lambda s: mlp(20, 5, 8, seed=s, init=he))
case(
    "tanh-momentum",
    data.blobs,
    lambda s: mlp(20, 5, 3, activation=nn.Tanh, seed=s),
    opt=SGD,
    rate=0.05,
    momentum=0.9,
)
case("batch-norm", data.blobs, lambda s: mlp(20, 5, 3, seed=s, norm=nn.BatchNorm1d))
case(
    "adamw-gelu",
    data.blobs,
    lambda s: mlp(20, 5, 3, activation=nn.GELU, seed=s),
    opt=torch.optim.AdamW,
    rate=3e-3,
)
case("residual", data.blobs, lambda s: Residual(20, 5), kind="residual")
case("log-softmax", data.blobs, lambda s: mlp(20, 5, seed=s, last=[nn.LogSoftmax(-1)]), nn.NLLLoss)
case(
    "moons-logits",
    data.moons,
    lambda s: mlp(2, 1, seed=s),
    LOGITS,
    task="binary",
    rate=1e-2,
    y_of=column,
    epochs=12,
)
case(
    "rings-sigmoid",
    data.rings,
    lambda s: mlp(2, 1, seed=s, last=[nn.Sigmoid()]),
    BCE,
    task="binary",
    rate=1e-2,
    y_of=column,
    epochs=12,
)
case(
    "regression",
    data.curve,
    lambda s: mlp(5, 1, seed=s),
    MSE,
    task="regression",
    rate=3e-3,
    epochs=12,
)
case(
    "regression-smooth",
    data.curve,
    lambda s: mlp(5, 1, 2, 64, nn.SiLU, seed=s),
    nn.SmoothL1Loss,
    task="regression",
    rate=3e-3,
    epochs=12,
)
case(
    "multi-label",
    data.several_labels,
    lambda s: mlp(12, 4, seed=s),
    LOGITS,
    task="multi-label",
    rate=3e-3,
)
case("conv", data.images, lambda s: Conv(), kind="convolution", rate=3e-3)
case("conv-norm", data.images, lambda s: Conv(norm=True), kind="convolution", rate=3e-3)
case(
    "conv-raw-norm",
    data.images,
    lambda s: Conv(norm=True),
    kind="convolution",
    x_of=lambda x: 255 * x,
    rate=3e-3,
)
case(
    "lstm",
    data.signs,
    lambda s: Recurrent(nn.LSTM, 2, 2),
    kind="recurrent",
    task="binary",
    rate=1e-2,
)
case(
    "gru-waves",
    data.waves,
    lambda s: Recurrent(nn.GRU, 1, 1),
    MSE,
    kind="recurrent",
    task="regression",
    rate=1e-2,
)
case(
    "rnn-clipped",
    data.signs,
    lambda s: Recurrent(nn.RNN, 2, 2),
    kind="recurrent",
    task="binary",
    rate=5e-3,
    opt=RMS,
)
case(
    "transformer",
    data.sentences,
    lambda s: Attention(),
    kind="attention",
    task="binary",
    rate=3e-3,
    epochs=10,
)
case("high-rate", data.blobs, lambda s: mlp(20, 5, seed=s), opt=SGD, rate=0.7)
case(
    "dropout",
    data.blobs,
    lambda s: mlp(20, 5, 2, 64, lambda: nn.Sequential(nn.ReLU(), nn.Dropout(0.5)), seed=s),
)
case("linear-zero", data.blobs, lambda s: mlp(20, 5, 0, seed=s, init=_zero), rate=0.03)


_hard = functools.partial(data.blobs, apart=0.4)
case("overlapping", _hard, lambda s: mlp(20, 5, seed=s))
case("overlapping-sgd", _hard, lambda s: mlp(20, 5, 3, seed=s), opt=SGD, rate=0.1, epochs=12)
case("overlapping-five-deep", _hard, lambda s: mlp(20, 5, 5, 64, seed=s), epochs=12)
case(
    "noisy-regression",
    functools.partial(data.curve, noise=0.8),
    lambda s: mlp(5, 1, 2, 64, seed=s),
    MSE,
    task="regression",
    rate=3e-3,
    epochs=12,
)
case(
    "weighted",
    _hard,
    lambda s: mlp(20, 5, seed=s),
    lambda: CE(weight=torch.tensor([1.0, 2.0, 1.0, 0.5, 1.0])),
)
case("sum-reduction", data.blobs, lambda s: mlp(20, 5, seed=s), lambda: CE(reduction="sum"))
case("smoothing", data.blobs, lambda s: mlp(20, 5, seed=s), lambda: CE(label_smoothing=0.1))


def _zero(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.zeros_(module.weight)


def _tuned_head(seed: int) -> Any:
    x, y = data.blobs(seed)
    body = train(mlp(20, 5, 3, seed=seed), x, y)[:-1]
    for parameter in body.parameters():
        parameter.requires_grad = False
    x, y = data.blobs(seed, classes=3)
    torch.manual_seed(seed)
    model = Head(body, 32, 3)
    return fit(model, CE(), torch.optim.Adam(model.head.parameters(), 1e-2), x, y, 6, seed)


def _going_on(seed: int) -> Any:
    x, y = data.blobs(seed)
    model = train(mlp(20, 5, seed=seed), x, y, 20)
    return fit(model, CE(), SGD(model.parameters(), 1e-3), x, y, 4, seed)


def _groups(seed: int) -> Any:
    x, y = data.blobs(seed)
    body = train(mlp(20, 5, 3, seed=seed), x, y)[:-1]
    torch.manual_seed(seed)
    model = Head(body, 32, 5)
    groups = [
        {"params": model.body.parameters(), "lr": 1e-5},
        {"params": model.head.parameters(), "lr": 1e-2},
    ]
    return fit(model, CE(), torch.optim.Adam(groups), x, y, 6, seed)


BOOK.add("tuned-head", "dense", "multi-class", _tuned_head)
BOOK.add("going-on", "dense", "multi-class", _going_on)
BOOK.add("groups", "dense", "multi-class", _groups)
