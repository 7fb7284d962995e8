"""Keras trainings, the same on every backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

from corpus.watch.case import case
from corpus.watch.keras_judge import KerasTraining

BACKENDS = ("torch", "jax", "tensorflow")


def on_all(make: Callable[[], Any]) -> Callable[[], Any]:
    """The same case for each backend."""
    for backend in BACKENDS:
        case(f"keras-{backend}")(make)
    return make


def _arrays(*shape: int, classes: int = 5) -> tuple[Any, Any]:
    rng = np.random.default_rng(3)
    return rng.normal(size=(48, *shape)).astype("float32"), np.arange(48) % classes


def _fit(
    model: Any, x: Any, y: Any, loss: Any = "sparse_categorical_crossentropy", **o: Any
) -> Any:
    model.compile(keras.optimizers.Adam(1e-2, **o), loss)
    return KerasTraining(model, x, y)


@on_all
def dense_dropout_norm() -> KerasTraining:
    stack = [
        keras.Input((12,)),
        layers.Dense(24, use_bias=False, name="a"),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.Dropout(0.2),
        layers.Dense(24, "tanh", name="b"),
        layers.Dense(5, "softmax", name="out"),
    ]
    return _fit(keras.Sequential(stack), *_arrays(12))


@on_all
def convolutions_clipped_averaged() -> KerasTraining:
    stack = [
        keras.Input((8, 8, 2)),
        layers.Conv2D(8, 3, activation="relu", name="a"),
        layers.Conv2D(8, 3, activation="silu", name="b"),
        layers.Flatten(),
        layers.Dense(5, "softmax", name="out"),
    ]
    return _fit(keras.Sequential(stack), *_arrays(8, 8, 2), clipnorm=0.5, use_ema=True)


@on_all
def pre_norm_transformer() -> KerasTraining:
    given = keras.Input((6,), dtype="int32")
    x = layers.Embedding(20, 16, name="embed")(given)
    h = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(2, 8, name="attention")(h, h)])
    h = layers.Dense(32, "gelu", name="up")(layers.LayerNormalization()(x))
    x = layers.Add()([x, layers.Dense(16, name="down")(h)])
    out = layers.Dense(5, "softmax", name="out")(layers.GlobalAveragePooling1D()(x))
    x_of = np.random.default_rng(1).integers(0, 20, (48, 6))
    return _fit(keras.Model(given, out), x_of, np.arange(48) % 5)


@on_all
def recurrent_two_outputs() -> KerasTraining:
    given = keras.Input((6, 3))
    h = layers.GRU(12, name="cell")(given)
    kind, size = layers.Dense(5, "softmax", name="kind")(h), layers.Dense(1, name="size")(h)
    x, y = _arrays(6, 3)
    model = keras.Model(given, [kind, size])
    return _fit(
        model, x, [y, x[:, 0, :1]], ["sparse_categorical_crossentropy", "mse"], weight_decay=0.01
    )


@on_all
def accumulated_and_frozen() -> KerasTraining:
    stack = [
        keras.Input((12,)),
        layers.Dense(24, "relu", name="a"),
        layers.Dense(24, "elu", name="b", trainable=False),
        layers.Dense(5, "softmax", name="out"),
    ]
    return _fit(keras.Sequential(stack), *_arrays(12), gradient_accumulation_steps=2)
