"""Healthy trainings in Keras that do not get far in their few steps, and odd shapes of models."""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import layers, optimizers

from corpus.case import Book
from corpus.data import first as data
from corpus.keras.models import (
    Sparse,
    compiled,
    mlp,
)

BOOK = Book("keras")
Binary = "binary_crossentropy"


def _fit(model: Any, x: Any, y: Any, epochs: int = 6, **options: Any) -> Any:
    return (model, x, y), {"epochs": epochs, **options}


# Harder ones, which do not get far in their few steps and are well all the same.
_hard = functools.partial(data.blobs, apart=0.35)


def _harder(name: str, build: Any, epochs: int = 8, source: Any = _hard, **o: Any) -> None:
    def make(seed: int) -> Any:
        x, y = source(seed)
        return _fit(compiled(build(seed), **o), x, y, epochs)

    BOOK.add(name, "dense", "multi-class", make)


_harder("overlapping", lambda s: mlp(20, 5, seed=s))
_harder(
    "overlapping-tanh-sgd",
    lambda s: mlp(20, 5, 3, activation="tanh", seed=s),
    rate=0.05,
    optimizer=optimizers.SGD,
)
_harder("overlapping-two-epochs", lambda s: mlp(20, 5, seed=s), 2)
_harder("overlapping-slow", lambda s: mlp(20, 5, seed=s), 12, rate=2e-4)
_harder(
    "overlapping-dropout-norm",
    lambda s: mlp(
        20,
        5,
        2,
        48,
        extra=lambda: keras.Sequential([layers.BatchNormalization(), layers.Dropout(0.4)]),
        seed=s,
    ),
)
_harder(
    "twenty-classes",
    lambda s: mlp(20, 20, 2, 64, seed=s),
    source=functools.partial(data.blobs, classes=20, apart=0.8),
)
_harder(
    "few-per-class",
    lambda s: mlp(20, 10, 2, 64, seed=s),
    20,
    functools.partial(data.blobs, n=120, classes=10),
)
_harder(
    "large-batches",
    lambda s: mlp(20, 5, seed=s),
    30,
    functools.partial(data.blobs, n=1_024, apart=0.6),
    rate=3e-3,
)
_harder(
    "deep-elu",
    lambda s: mlp(20, 5, 8, 32, "elu", seed=s),
    source=functools.partial(data.blobs, apart=0.6),
)
_harder(
    "deep-glorot-relu",
    lambda s: mlp(20, 5, 6, 32, seed=s),
    source=functools.partial(data.blobs, apart=0.6),
)
_harder(
    "sigmoid-three",
    lambda s: mlp(20, 5, 3, 64, "sigmoid", seed=s),
    25,
    rate=1e-2,
    source=functools.partial(data.blobs, apart=0.8),
)


def _noisy_curve(name: str, build: Any, epochs: int = 15, noise: float = 1.0, **o: Any) -> None:
    def make(seed: int) -> Any:
        x, y = data.curve(seed, noise=noise)
        return _fit(compiled(build(seed), "mse", **o), x, y, epochs)

    BOOK.add(name, "dense", "regression", make)


_noisy_curve("noisy", lambda s: mlp(5, 1, out="", seed=s))
_noisy_curve("noisy-deep", lambda s: mlp(5, 1, 5, 32, out="", seed=s), noise=0.5)
_noisy_curve(
    "tanh-output", lambda s: mlp(5, 1, 2, 32, "tanh", out="", seed=s), noise=0.3, rate=3e-3
)


def _two_heads(seed: int) -> Any:
    x, y = data.blobs(seed)
    keras.utils.set_random_seed(seed)
    given = keras.Input((20,))
    h = layers.Dense(48, "relu", name="h1")(given)
    classes = layers.Dense(5, "softmax", name="class")(h)
    number = layers.Dense(1, name="number")(h)
    model = keras.Model(given, [classes, number])
    model.compile(optimizers.Adam(5e-3), [Sparse, "mse"])
    return _fit(model, x, [y, x[:, :3].sum(1, keepdims=True) / 3], 12)


def _two_inputs(seed: int) -> Any:
    x, y = data.blobs(seed)
    keras.utils.set_random_seed(seed)
    left, right = keras.Input((10,)), keras.Input((10,))
    shared = layers.Dense(24, "relu", name="shared")
    both = layers.Concatenate()([shared(left), shared(right)])
    model = keras.Model([left, right], layers.Dense(5, "softmax", name="out")(both))
    return _fit(compiled(model, rate=5e-3), [x[:, :10], x[:, 10:]], y, 10)


BOOK.add("two-heads", "dense", "multi-class", _two_heads)
BOOK.add("two-inputs", "dense", "multi-class", _two_inputs)
