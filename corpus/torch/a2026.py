"""PyTorch trainings of 2026a."""

# ruff: noqa: ARG005

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from corpus.case import Book
from corpus.data.a2026 import counts, friedman, spirals, tones
from corpus.torch import models as t

TORCH = Book("pytorch", "2026a")
CE, LOGITS, MSE = nn.CrossEntropyLoss, nn.BCEWithLogitsLoss, nn.MSELoss


def _t(
    name: str,
    source: Any,
    build: Any,
    loss: Any = CE,
    rule: str | None = None,
    ok: tuple[str, ...] = (),
    epochs: int = 8,
    x_of: Any = None,
    y_of: Any = None,
    kind: str = "dense",
    task: str = "multi-class",
    rate: float = 2e-3,
    opt: Any = torch.optim.Adam,
    **o: Any,
) -> None:
    def make(seed: int) -> Any:
        x, y = source(seed)
        x, y = x if x_of is None else x_of(x), y if y_of is None else y_of(y)
        torch.manual_seed(seed)
        model = build(seed)
        return (model, loss(), opt(model.parameters(), lr=rate, **o), t.loader(x, y, seed=seed)), {
            "epochs": epochs
        }

    TORCH.add(name, kind, task, make, rule, ok)


SGD = torch.optim.SGD
_t("spirals", spirals, lambda s: t.mlp(2, 3, 3, 48, seed=s), epochs=25, rate=5e-3)
_t("counts", counts, lambda s: t.mlp(25, 4, seed=s))
_t("counts-five-epochs-slow", counts, lambda s: t.mlp(25, 4, seed=s), rate=3e-4, epochs=5)
_t("friedman", friedman, lambda s: t.mlp(8, 1, 2, 64, nn.Tanh, seed=s), MSE, task="regression")
_t(
    "friedman-sgd",
    friedman,
    lambda s: t.mlp(8, 1, 2, 64, seed=s),
    MSE,
    task="regression",
    opt=SGD,
    rate=0.05,
)
_t(
    "tones-lstm",
    tones,
    lambda s: t.Recurrent(nn.LSTM, 1, 3, 24),
    kind="recurrent",
    rate=1e-2,
    epochs=12,
)
_t("counts-residual", counts, lambda s: t.Residual(25, 4, 6), kind="residual")
_t(
    "one-against-rest",
    counts,
    lambda s: t.mlp(25, 1, seed=s),
    LOGITS,
    task="binary",
    y_of=lambda y: (y == 0).astype("float32")[:, None],
)
_t("counts-rate-one", counts, lambda s: t.mlp(25, 4, 1, 64, seed=s), opt=SGD, rate=1.0)
_t(
    "sigmoid-7",
    counts,
    lambda s: t.mlp(25, 4, 7, 48, nn.Sigmoid, seed=s),
    CE,
    "vanishing-gradient",
    ("0",),
)
_t("dead", counts, lambda s: _biased(t.mlp(25, 4, 2, seed=s)), CE, "dead-units", ("0",))
_t(
    "softmax-twice",
    counts,
    lambda s: t.mlp(25, 4, seed=s, last=[nn.Softmax(1)]),
    CE,
    "loss-mismatch",
    ("4",),
)
_t(
    "broadcast",
    friedman,
    lambda s: t.mlp(8, 1, seed=s),
    MSE,
    "loss-mismatch",
    ("4",),
    task="regression",
    y_of=lambda y: y[:, 0],
)
_t(
    "rate-50",
    counts,
    lambda s: t.mlp(25, 4, seed=s),
    CE,
    "learning-rate-too-high",
    opt=SGD,
    rate=50.0,
)
_t(
    "lstm-1e-6",
    tones,
    lambda s: t.Recurrent(nn.LSTM, 1, 3),
    CE,
    "learning-rate-too-low",
    kind="recurrent",
    rate=1e-6,
)
_t(
    "nan",
    counts,
    lambda s: t.mlp(25, 4, seed=s),
    CE,
    "non-finite",
    x_of=lambda x: np.where(np.arange(x.size).reshape(x.shape) == 5, np.nan, x).astype("float32"),
)
_t(
    "normal-3",
    counts,
    lambda s: t.mlp(25, 4, 4, 64, seed=s, init=t.normal(3.0)),
    CE,
    "bad-initial-scale",
    ("0", "2", "4", "6", "8"),
)
_t(
    "detached",
    counts,
    lambda s: t.Parts(25, 4, detach=True),
    CE,
    "unreached-layer",
    ("first", "second"),
)
_t(
    "shuffled",
    counts,
    lambda s: t.mlp(25, 4, 1, 8, seed=s),
    CE,
    "loss-not-falling",
    y_of=lambda y: np.random.default_rng(9).permutation(y),
    epochs=4,
)


def _biased(model: nn.Sequential) -> nn.Sequential:
    nn.init.constant_(model.get_parameter("0.bias"), -20.0)
    return model
