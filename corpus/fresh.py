"""Trainings on other data, written when all limits stood: neither tuned on nor in a half."""

# ruff: noqa: ARG005

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import torch
from keras import initializers, layers, optimizers
from torch import nn

from corpus import keras_models as k
from corpus import torch_models as t
from corpus._case import Book
from corpus.fresh_data import bars, counts, friedman, spirals, tones

KERAS, TORCH = Book("keras", "fresh"), Book("pytorch", "fresh")
CE, LOGITS, MSE = nn.CrossEntropyLoss, nn.BCEWithLogitsLoss, nn.MSELoss


def _k(
    name: str,
    source: Any,
    build: Any,
    loss: Any = k.Sparse,
    rule: str | None = None,
    ok: tuple[str, ...] = (),
    epochs: int = 8,
    x_of: Any = None,
    y_of: Any = None,
    kind: str = "dense",
    task: str = "multi-class",
    batch: int = 32,
    **o: Any,
) -> None:
    def make(seed: int) -> Any:
        x, y = source(seed)
        x, y = x if x_of is None else x_of(x), y if y_of is None else y_of(y)
        return (k.compiled(build(seed), loss, **o), x, y), {"epochs": epochs, "batch_size": batch}

    KERAS.add(name, kind, task, make, rule, ok)


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


SGD, KSGD = torch.optim.SGD, optimizers.SGD


def conv12(seed: int, **options: Any) -> Any:
    """Two convolutions and a mean."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu", name="c1", **options),
            layers.Conv2D(16, 3, strides=2, activation="relu", name="c2", **options),
            layers.Flatten(),
            layers.Dense(3, "softmax", name="out"),
        ]
    )


# -- healthy
_k("spirals", spirals, lambda s: k.mlp(2, 3, 3, 48, seed=s), epochs=30, rate=5e-3)
_k("spirals-short", spirals, lambda s: k.mlp(2, 3, 2, 32, seed=s), epochs=6)
_k("counts-sgd", counts, lambda s: k.mlp(25, 4, 2, seed=s), optimizer=KSGD, rate=0.05)
_k(
    "counts-default-sgd",
    counts,
    lambda s: k.mlp(25, 4, 1, seed=s),
    optimizer=KSGD,
    rate=0.01,
    epochs=10,
)
_k("counts-norm", counts, lambda s: k.normed_mlp(25, 4, layers.BatchNormalization, 4, s))
_k(
    "friedman-swish",
    friedman,
    lambda s: k.mlp(8, 1, 3, 32, "silu", out="", seed=s),
    "mse",
    task="regression",
)
_k(
    "friedman-large-batch",
    friedman,
    lambda s: k.mlp(8, 1, 2, 64, out="", seed=s),
    "mse",
    task="regression",
    epochs=40,
    batch=256,
    rate=5e-3,
)
_k("bars", bars, lambda s: conv12(s), kind="convolution", rate=3e-3)
_k(
    "tones-gru",
    tones,
    lambda s: k.recurrent(layers.GRU, 30, 1, 3, "softmax", s, 24),
    kind="recurrent",
    rate=5e-3,
    epochs=12,
)
_k(
    "tones-conv1d",
    tones,
    lambda s: keras.Sequential(
        [
            keras.Input((30, 1)),
            layers.Conv1D(16, 5, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(3, "softmax"),
        ]
    ),
    kind="convolution",
    rate=5e-3,
)
_k("counts-residual", counts, lambda s: k.residual(25, 4, 6, s), kind="residual")
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

# -- faulty
_k(
    "sigmoid-7",
    counts,
    lambda s: k.mlp(25, 4, 7, 48, "sigmoid", seed=s),
    k.Sparse,
    "vanishing-gradient",
    ("h1",),
)
_k(
    "softsign-sigmoid-9",
    friedman,
    lambda s: k.mlp(8, 1, 9, 32, "sigmoid", out="", seed=s),
    "mse",
    "vanishing-gradient",
    ("h1",),
    task="regression",
)
_k(
    "dead",
    friedman,
    lambda s: k.mlp(8, 1, 2, out="", seed=s, bias_initializer=initializers.Constant(-8.0)),
    "mse",
    "dead-units",
    ("h1", "h2"),
    task="regression",
)
_k(
    "saturated",
    counts,
    lambda s: k.mlp(25, 4, 4, 32, "tanh", seed=s, bias_initializer=initializers.Constant(7.0)),
    k.Sparse,
    "saturated-units",
    ("h1", "h2", "h3", "h4"),
)
_k(
    "softmax-twice",
    counts,
    lambda s: k.mlp(25, 4, seed=s),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    "loss-mismatch",
    ("out",),
)
_k(
    "linear-out",
    counts,
    lambda s: k.mlp(25, 4, out="", seed=s),
    k.Sparse,
    "loss-mismatch",
    ("out",),
)
_k(
    "sigmoid-target",
    friedman,
    lambda s: k.mlp(8, 1, out="sigmoid", seed=s),
    "mse",
    "loss-mismatch",
    ("out",),
    task="regression",
    y_of=lambda y: 5 * y + 50,
)
_k(
    "one-unit-softmax",
    counts,
    lambda s: k.mlp(25, 1, seed=s),
    "binary_crossentropy",
    "loss-mismatch",
    ("out",),
    task="binary",
    y_of=lambda y: y % 2,
)
_k(
    "rate-5",
    counts,
    lambda s: k.mlp(25, 4, 3, seed=s),
    k.Sparse,
    "learning-rate-too-high",
    optimizer=KSGD,
    rate=20.0,
)
_k(
    "adam-2",
    bars,
    lambda s: conv12(s),
    k.Sparse,
    "learning-rate-too-high",
    kind="convolution",
    rate=2.0,
)
_k(
    "adam-1e-6",
    bars,
    lambda s: conv12(s),
    k.Sparse,
    "learning-rate-too-low",
    kind="convolution",
    rate=1e-6,
)
_k(
    "sgd-1e-6",
    friedman,
    lambda s: k.mlp(8, 1, out="", seed=s),
    "mse",
    "learning-rate-too-low",
    task="regression",
    optimizer=KSGD,
    rate=1e-6,
)
_k(
    "units",
    friedman,
    lambda s: k.mlp(8, 1, out="", seed=s),
    "mse",
    "unscaled-input",
    task="regression",
    optimizer=KSGD,
    rate=0.01,
    x_of=lambda x: 2_000 * x,
)
_k(
    "zeros",
    counts,
    lambda s: k.mlp(25, 4, 2, seed=s, kernel_initializer="zeros"),
    k.Sparse,
    "constant-initialization",
    ("h1", "h2"),
)
_k(
    "normal-5",
    counts,
    lambda s: k.mlp(
        25, 4, 3, 48, seed=s, kernel_initializer=initializers.RandomNormal(stddev=5.0, seed=s)
    ),
    k.Sparse,
    "bad-initial-scale",
    ("h1", "h2", "h3", "out"),
)


def _frozen(seed: int) -> Any:
    x, y = counts(seed)
    model = k.mlp(25, 4, 4, seed=seed)
    model.get_layer("h3").trainable = False
    return (k.compiled(model), x, y), {"epochs": 6}


KERAS.add("frozen", "dense", "multi-class", _frozen, "unreached-layer", ("h3",))
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
    nn.init.constant_(model[0].bias, -20.0)  # type: ignore[arg-type]
    return model
