"""Keras trainings of 2026b: faults of layers and data, each faulty one beside its mended twin."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import initializers, layers, optimizers

from corpus.data import b2026 as d
from corpus.keras import models_b2026 as m
from corpus.keras.fits import keras_fit
from corpus.keras.models import Sparse, mlp
from corpus.pairs import pair
from corpus.skills import explained

KSGD = optimizers.SGD
Binary = "binary_crossentropy"


# -- signals and initial weights


def _towers(s: int, b: bool) -> Any:
    return keras_fit(
        m.two_towers(s, "sigmoid" if b else "relu", 7), Sparse, *d.vowels(s), epochs=12, rate=2e-3
    )


pair("keras", "vanishing-gradient", "towers-sigmoid", _towers, ("left1", "right1"))


def _dead_words(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    bias = initializers.Constant(-5.0 if b else 0.0)
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(80, 16),
            layers.GlobalAveragePooling1D(),
            layers.Dense(32, "relu", name="middle", bias_initializer=bias),
            layers.Dense(1, "sigmoid", name="head"),
        ]
    )
    return keras_fit(model, Binary, *d.reviews(s), epochs=12, rate=3e-3)


pair("keras", "dead-units", "words-bias", _dead_words, ("middle",), task="binary")


def _conv_zeros(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    start = "zeros" if b else "he_normal"
    model = keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(12, 3, kernel_initializer=start, name="k1"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dense(4, "softmax", name="head"),
        ]
    )
    return keras_fit(model, Sparse, *d.gratings(s), rate=2e-3)


pair(
    "keras", "constant-initialization", "conv-zeros-norm", _conv_zeros, ("k1",), kind="convolution"
)
pair(
    "keras",
    "bad-initial-scale",
    "uniform-0-1",
    lambda s, b: keras_fit(
        mlp(
            16,
            6,
            3,
            64,
            seed=s,
            kernel_initializer=initializers.RandomUniform(0, 1, seed=s) if b else "glorot_uniform",
        ),
        Sparse,
        *d.vowels(s),
    ),
    ("h1", "h2", "h3"),
)

# -- layers that nothing reaches


def _frozen_tower(s: int, b: bool) -> Any:
    model = m.gratings_net(s)
    model.get_layer("k2").trainable = not b
    model.get_layer("k1").trainable = not b
    return keras_fit(model, Sparse, *d.gratings(s), epochs=5, rate=3e-3)


pair(
    "keras",
    "unreached-layer",
    "frozen-convolutions",
    _frozen_tower,
    ("k1", "k2"),
    kind="convolution",
)


def _bytes(s: int, b: bool) -> Any:
    x, y = d.gratings(s)
    model = mlp(100, 4, 2, 48, "tanh", seed=s)
    return keras_fit(
        model,
        Sparse,
        x.reshape(len(x), -1) * (255.0 if b else 1.0),
        y,
        rate=0.1,
        optimizer=KSGD,
        epochs=20,
    )


pair("keras", "unscaled-input", "bytes-tanh", _bytes)


def _thousands(s: int, b: bool) -> Any:
    x, y = d.demand(s)
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [keras.Input((16, 1)), layers.LSTM(16, name="cell"), layers.Dense(1, name="head")]
    )
    return keras_fit(model, "mse", 1e4 + 3e3 * x if b else x, y, epochs=8, rate=5e-3)


pair("keras", "unscaled-input", "lstm-thousands", _thousands, kind="recurrent", task="regression")


def _divided(s: int, b: bool) -> Any:
    x, y = d.vowels(s)
    if b:
        x[:, 3] = 0
        with np.errstate(invalid="ignore"):
            x = (x - x.mean(0)) / x.std(0)
    return keras_fit(mlp(16, 6, seed=s), Sparse, x, y)


pair("keras", "non-finite", "constant-column", _divided)


def _root(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    middle = m.Unit() if b else layers.ReLU()
    model = keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(6, name="h1"),
            middle,
            layers.Dense(6, "softmax", name="out"),
        ]
    )
    return keras_fit(model, Sparse, *d.vowels(s), rate=5e-3)


pair("keras", "non-finite", "unit-length", _root, ("h1", "out"))
pair(
    "keras",
    "loss-not-falling",
    "no-activations",
    lambda s, b: keras_fit(
        mlp(2, 1, 3, 48, None if b else "relu", out="sigmoid", seed=s),
        Binary,
        *d.checkers(s),
        epochs=25,
        rate=3e-3,
    ),
    task="binary",
)


def _rows_moved(s: int, b: bool) -> Any:
    x, y = d.demand(s)
    return keras_fit(
        mlp(16, 1, 2, out="", seed=s),
        "mse",
        x[..., 0],
        np.random.default_rng(s).permutation(y) if b else y,
        y,
        epochs=6,
    )


pair("keras", "loss-not-falling", "rows-moved", _rows_moved, task="regression", skill=explained)
