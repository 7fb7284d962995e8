"""Keras trainings of 2026a."""

# ruff: noqa: ARG005

from __future__ import annotations

from typing import Any

import keras
from keras import initializers, layers, optimizers

from corpus.case import Book
from corpus.data.a2026 import bars, counts, friedman, spirals, tones
from corpus.keras import models as k

KERAS = Book("keras", "2026a")


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


KSGD = optimizers.SGD


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
