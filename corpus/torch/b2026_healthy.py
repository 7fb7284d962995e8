"""PyTorch trainings of 2026b: healthy ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from corpus.data import b2026 as d
from corpus.pairs import pair
from corpus.torch import models_b2026 as m
from corpus.torch.fits import torch_fit
from corpus.torch.models import train

CE, SGD = nn.CrossEntropyLoss(), torch.optim.SGD


# -- PyTorch


def _normed_table(s: int, _: bool) -> Any:
    torch.manual_seed(s)
    model = nn.Sequential(nn.BatchNorm1d(5), nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 1))
    return torch_fit(
        model,
        nn.MSELoss(),
        d.houses(s)[0],
        d.houses_scaled(s)[1],
        rate=0.05,
        optimizer=SGD,
        epochs=12,
    )


pair("pytorch", None, "table-behind-norm", _normed_table, task="regression")
pair(
    "pytorch",
    None,
    "log-softmax-ce",
    lambda s, _: torch_fit(
        m.dense([16, 32, 6], nn.ReLU, s, nn.LogSoftmax(1)), CE, *d.vowels(s), rate=3e-3
    ),
)


def _deep(s: int, _: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.DeepConv(10), CE, *d.gratings(s), epochs=3, rate=2e-3)


pair("pytorch", None, "resnet-21", _deep, kind="residual")


def _sparse(s: int, _: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Bag(sparse=True), CE, *d.reviews(s), epochs=25, rate=0.5, optimizer=SGD)


pair("pytorch", None, "sparse-embedding", _sparse)


def _converged(s: int, _: bool) -> Any:
    model = train(m.dense([16, 64, 6], nn.ReLU, s), *d.vowels(s), epochs=40)
    return torch_fit(model, CE, *d.vowels(s), rate=1e-4, epochs=3)


pair("pytorch", None, "already-converged", _converged)


def _fine_tuned(s: int, _: bool) -> Any:
    x, y = d.gratings(s)
    torch.manual_seed(s)
    model = train(m.TorchConv(), x, y, epochs=6)
    for part in (model.k1, model.k2):
        part.requires_grad_(False)
    model.head = nn.Linear(16 * 9, 2)
    trained = [p for p in model.parameters() if p.requires_grad]
    return torch_fit(model, CE, x, y % 2, parameters=trained, rate=5e-3)


pair("pytorch", None, "fine-tuning", _fine_tuned, kind="convolution")


def _pinball(out: Any, y: Any) -> Any:
    return torch.maximum(0.75 * (y - out), -0.25 * (y - out)).mean()


pair(
    "pytorch",
    None,
    "pinball",
    lambda s, _: torch_fit(m.dense([4, 48, 48, 1], nn.GELU, s), _pinball, *d.tails(s), epochs=12),
    task="regression",
    skill=lambda out, y: float(np.mean(y <= out)),
)
pair(
    "pytorch",
    None,
    "huber-tails",
    lambda s, _: torch_fit(
        m.dense([4, 48, 48, 1], nn.SiLU, s), nn.SmoothL1Loss(), *d.tails(s), epochs=12
    ),
    task="regression",
)
pair(
    "pytorch",
    None,
    "far-from-zero",
    lambda s, _: torch_fit(
        m.dense([5, 48, 48, 1], nn.ReLU, s),
        nn.MSELoss(),
        d.houses_scaled(s)[0],
        d.houses_scaled(s)[1] + 20,
        epochs=20,
        rate=5e-3,
    ),
    task="regression",
)


def _rare(s: int, _: bool) -> Any:
    x, y = d.vowels(s)
    keep = (y > 0) | (np.random.default_rng(s).random(len(y)) < 0.35)
    target = (y[keep] == 0).astype("float32")[:, None]
    return torch_fit(
        m.dense([16, 32, 1], nn.ReLU, s),
        nn.BCEWithLogitsLoss(pos_weight=torch.tensor(10.0)),
        x[keep],
        target,
        epochs=15,
        rate=3e-3,
    )


pair("pytorch", None, "rare-positives", _rare, task="binary")


def _noisy(s: int, _: bool) -> Any:
    x, y = d.houses_scaled(s)
    y = y + 2.5 * np.random.default_rng(s).normal(size=y.shape).astype("float32")
    return torch_fit(m.dense([5, 16, 1], nn.Tanh, s), nn.MSELoss(), x, y, epochs=15, rate=3e-3)


pair("pytorch", None, "mostly-noise", _noisy, task="regression")


def _attends(s: int, _: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(m.Tokens(), CE, *d.reviews(s), epochs=10, rate=1e-3)


pair("pytorch", None, "transformer", _attends, kind="attention")


def _lstm(s: int, _: bool) -> Any:
    torch.manual_seed(s)
    return torch_fit(
        m.Sequence(nn.LSTM, 3, 3, num_layers=2), CE, *d.gestures(s), epochs=12, rate=1e-2
    )


pair("pytorch", None, "lstm-two-layers", _lstm, kind="recurrent")
pair(
    "pytorch",
    None,
    "one-big-batch",
    lambda s, _: torch_fit(
        m.dense([16, 64, 6], nn.ReLU, s), CE, *d.vowels(s), batch=900, epochs=40, rate=1e-2
    ),
)
pair(
    "pytorch",
    None,
    "dropout-half",
    lambda s, _: torch_fit(
        m.dense([16, 64, 64, 6], nn.ReLU, s, each=lambda _i: nn.Dropout(0.5)),
        CE,
        *d.vowels(s),
        epochs=8,
        rate=2e-3,
    ),
)
