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


@on_all
def layer_scales_and_own_layers() -> KerasTraining:
    class Scale(layers.Layer):
        def build(self, shape: Any) -> None:
            constant = keras.initializers.Constant(0.3)
            self.gamma = self.add_weight(shape=shape[-1:], initializer=constant, name="gamma")

        def call(self, x: Any) -> Any:
            return x * self.gamma

    given = keras.Input((12,))
    x = layers.Lambda(lambda z: keras.ops.maximum(z, 0))(layers.Dense(16, name="a")(given))
    for i in range(2):
        h = layers.Dense(24, "gelu", name=f"up{i}")(layers.RMSNormalization()(x))
        x = layers.Add()([x, Scale(name=f"scale{i}")(layers.Dense(16, name=f"down{i}")(h))])
    x = layers.PReLU()(layers.Dense(16, name="bent")(x))
    return _fit(keras.Model(given, layers.Dense(5, "softmax", name="out")(x)), *_arrays(12))


@on_all
def distilled_from_a_frozen_teacher() -> KerasTraining:
    class Distilled(keras.Model):
        def __init__(self, student: Any, teacher: Any):
            super().__init__()
            self.student, self.teacher = student, teacher
            self.teacher.trainable = False

        def call(self, x: Any, training: bool | None = None) -> Any:
            return self.student(x, training=training)

        def compute_loss(
            self,
            x: Any = None,
            y: Any = None,
            y_pred: Any = None,
            sample_weight: Any = None,
            training: bool = True,
        ) -> Any:
            loss = super().compute_loss(x, y, y_pred, sample_weight, training)
            return loss + keras.ops.mean(keras.ops.square(self.teacher(x) - y_pred))

    def network(name: str, width: int) -> Any:
        stack = [
            keras.Input((12,)),
            layers.Dense(width, "relu", name=f"{name}_a"),
            layers.Dense(5, "softmax", name=f"{name}_b"),
        ]
        return keras.Sequential(stack, name=name)

    return _fit(Distilled(network("student", 8), network("teacher", 32)), *_arrays(12))


@on_all
def adapters_in_half_precision() -> KerasTraining:
    policy = "mixed_bfloat16"
    stack = [
        keras.Input((12,)),
        layers.Dense(24, "gelu", name="a", dtype=policy),
        layers.Dense(24, "relu", name="b", dtype=policy),
        layers.Dense(5, "softmax", name="out"),
    ]
    model = keras.Sequential(stack)
    model.get_layer("a").enable_lora(2)
    return _fit(model, *_arrays(12), global_clipnorm=0.1)


@on_all
def depthwise_transposed_and_pairs() -> KerasTraining:
    stack = [
        keras.Input((8, 8, 2)),
        layers.SeparableConv2D(6, 3, activation="relu", name="pair"),
        layers.DepthwiseConv2D(3, activation="tanh", name="depthwise"),
        layers.Conv2DTranspose(5, 3, activation="gelu", name="transposed"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(5, "softmax", name="out"),
    ]
    return _fit(keras.Sequential(stack), *_arrays(8, 8, 2))
