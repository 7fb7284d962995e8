"""Keras trainings of 2026b: faults of loss and rates, each faulty one beside its mended twin."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, losses, optimizers

from corpus.data import b2026 as d
from corpus.keras import models_b2026 as m
from corpus.keras.fits import keras_fit
from corpus.keras.models import Sparse, mlp
from corpus.pairs import pair

KSGD = optimizers.SGD
Binary = "binary_crossentropy"
MISMATCH = "loss-mismatch"


def _column(y: np.ndarray) -> np.ndarray:
    return y.astype("float32")[:, None]


# -- outputs, loss and targets


def _relu_binary(s: int, b: bool) -> Any:
    x, y = d.checkers(s)
    return keras_fit(
        mlp(2, 1, 2, 48, out="relu" if b else "sigmoid", seed=s), Binary, x, y, epochs=25
    )


pair("keras", MISMATCH, "relu-binary", _relu_binary, ("out",), task="binary")


def _categorical_one_unit(s: int, b: bool) -> Any:
    x, y = d.checkers(s)
    model = mlp(2, 1, 2, 48, out="sigmoid", seed=s)
    return keras_fit(
        model, "categorical_crossentropy" if b else Binary, x, _column(y), y, epochs=25
    )


pair("keras", MISMATCH, "categorical-one-unit", _categorical_one_unit, ("out",), task="binary")


def _sigmoid_bytes(s: int, b: bool) -> Any:
    x, _ = d.gratings(s)
    flat = x.reshape(len(x), -1)
    model = mlp(100, 100, 2, 64, out="sigmoid", seed=s)
    y = 255 * flat if b else flat
    return keras_fit(model, "mse", flat, y, epochs=15, rate=3e-3)


pair("keras", MISMATCH, "autoencoder-bytes", _sigmoid_bytes, ("out",), task="regression")


def _head_twice(s: int, b: bool) -> Any:
    x, y = d.vowels(s)
    loss = {"kind": losses.SparseCategoricalCrossentropy(from_logits=b), "size": "mse"}
    size = x[:, :2].sum(1, keepdims=True)
    return keras_fit(m.two_heads(s), loss, x, {"kind": y, "size": size}, y)


pair(
    "keras",
    MISMATCH,
    "one-head-twice",
    _head_twice,
    ("kind",),
    skill=lambda out, y: float(
        np.mean((out["kind"] if isinstance(out, dict) else out[0]).argmax(1) == y)
    ),
)


def _stars(s: int, b: bool) -> Any:
    x, y = d.gestures(s)
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((20, 3)),
            layers.LSTM(24, name="cell"),
            layers.Dense(3, "softmax", name="head"),
        ]
    )
    return keras_fit(model, Sparse, x, y + 1 if b else y, y, epochs=12, rate=1e-2)


pair("keras", MISMATCH, "lstm-labels-from-one", _stars, ("head",), kind="recurrent")


def _tanh_binary(s: int, b: bool) -> Any:
    x, y = d.reviews(s)
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(80, 16),
            layers.GlobalAveragePooling1D(),
            layers.Dense(1, "tanh" if b else "sigmoid", name="head"),
        ]
    )
    return keras_fit(model, Binary, x, y, epochs=15, rate=1e-2)


pair("keras", MISMATCH, "tanh-binary", _tanh_binary, ("head",), task="binary")


def _softmax_labels(s: int, b: bool) -> Any:
    x, y = d.genes(s)
    return keras_fit(mlp(60, 3, out="softmax" if b else "sigmoid", seed=s), Binary, x, y)


pair("keras", MISMATCH, "softmax-genes", _softmax_labels, ("out",), task="multi-label")


def _sigmoid_price(s: int, b: bool) -> Any:
    x, y = d.houses_scaled(s)
    return keras_fit(
        mlp(5, 1, 2, 48, out="sigmoid" if b else "", seed=s), "mae", x, 3 * y, epochs=12
    )


pair("keras", MISMATCH, "sigmoid-regression", _sigmoid_price, ("out",), task="regression")

# -- rates


def _high(framework: str, name: str, make: Any, **o: Any) -> None:
    pair(framework, "learning-rate-too-high", name, make, **o)


_high(
    "keras",
    "adam-100x",
    lambda s, b: keras_fit(
        mlp(16, 6, 4, 64, seed=s), Sparse, *d.vowels(s), rate=0.2 if b else 2e-3
    ),
)
_high(
    "keras",
    "rmsprop-towers",
    lambda s, b: keras_fit(
        m.two_towers(s), Sparse, *d.vowels(s), rate=1.0 if b else 3e-3, optimizer=optimizers.RMSprop
    ),
)
_high(
    "keras",
    "conv-momentum",
    lambda s, b: keras_fit(
        m.gratings_net(s),
        Sparse,
        *d.gratings(s),
        rate=1.0 if b else 0.05,
        optimizer=KSGD,
        momentum=0.9,
    ),
    kind="convolution",
)
_high(
    "keras",
    "price-unscaled-sgd",
    lambda s, b: keras_fit(
        mlp(5, 1, 2, out="", seed=s),
        "mse",
        d.houses_scaled(s)[0],
        d.houses(s)[1] if b else d.houses_scaled(s)[1],
        rate=0.01,
        optimizer=KSGD,
    ),
    task="regression",
)


def _low(framework: str, name: str, make: Any, **o: Any) -> None:
    pair(framework, "learning-rate-too-low", name, make, **o)


_low(
    "keras",
    "adadelta",
    lambda s, b: keras_fit(
        mlp(16, 6, 2, seed=s),
        Sparse,
        *d.vowels(s),
        rate=1e-3 if b else 1.0,
        optimizer=optimizers.Adadelta,
    ),
)
_low(
    "keras",
    "adam-100x",
    lambda s, b: keras_fit(m.gratings_net(s), Sparse, *d.gratings(s), rate=2e-5 if b else 2e-3),
    kind="convolution",
)
_low(
    "keras",
    "price-unscaled-adam",
    lambda s, b: keras_fit(
        mlp(5, 1, 2, out="", seed=s),
        "mse",
        d.houses_scaled(s)[0],
        d.houses(s)[1] if b else d.houses_scaled(s)[1],
        rate=1e-3,
        epochs=12,
    ),
    task="regression",
)
_low(
    "keras",
    "decayed",
    lambda s, b: keras_fit(
        mlp(16, 6, 2, seed=s),
        Sparse,
        *d.vowels(s),
        rate=optimizers.schedules.ExponentialDecay(2e-3, 1 if b else 100, 0.5 if b else 0.9),
    ),
)
_low(
    "keras",
    "clipped-to-nothing",
    lambda s, b: keras_fit(
        mlp(16, 6, 2, seed=s),
        Sparse,
        *d.vowels(s),
        rate=0.1,
        optimizer=KSGD,
        clipnorm=1e-4 if b else 1.0,
    ),
)
