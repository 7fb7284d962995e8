"""Small Keras models, compiled."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

Sparse = "sparse_categorical_crossentropy"


def compiled(
    model: Any,
    loss: Any = Sparse,
    rate: Any = 1e-3,
    optimizer: Any = keras.optimizers.Adam,
    **o: Any,
) -> Any:
    """`model`, compiled."""
    model.compile(optimizer(rate, **o), loss)
    return model


def mlp(
    inputs: int,
    outputs: int,
    depth: int = 2,
    width: int = 32,
    activation: Any = "relu",
    out: str = "softmax",
    seed: int = 0,
    extra: Any = None,
    first: list[Any] | None = None,
    **options: Any,
) -> Any:
    """A multilayer perceptron; hidden layers h1, h2, ..., output layer out."""
    keras.utils.set_random_seed(seed)
    stack: list[Any] = [keras.Input((inputs,)), *(first or [])]
    for i in range(depth):
        own = {
            k: (v(i) if callable(v) and not isinstance(v, keras.initializers.Initializer) else v)
            for k, v in options.items()
        }
        stack.append(layers.Dense(width, activation, name=f"h{i + 1}", **own))
        if extra is not None:
            stack.append(extra())
    stack.append(layers.Dense(outputs, out or None, name="out"))
    return keras.Sequential(stack)


def normed_mlp(inputs: int, outputs: int, norm: Any, depth: int, seed: int, width: int = 32) -> Any:
    """Dense, normalization, ReLU."""
    keras.utils.set_random_seed(seed)
    stack: list[Any] = [keras.Input((inputs,))]
    for i in range(depth):
        stack += [layers.Dense(width, name=f"h{i + 1}"), norm(), layers.ReLU()]
    return keras.Sequential([*stack, layers.Dense(outputs, "softmax", name="out")])


def residual(
    inputs: int, outputs: int, blocks: int, seed: int, zero: bool = False, out: str = "softmax"
) -> Any:
    """A residual perceptron; with `zero` every branch begins at 0."""
    keras.utils.set_random_seed(seed)
    x = given = keras.Input((inputs,))
    x = layers.Dense(32, name="stem")(x)
    last = "zeros" if zero else "glorot_uniform"
    for i in range(blocks):
        y = layers.Dense(32, "relu", name=f"a{i + 1}")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(32, kernel_initializer=last, name=f"b{i + 1}")(y)])
    return keras.Model(given, layers.Dense(outputs, out or None, name="out")(x))


def conv(
    classes: int = 10,
    seed: int = 0,
    norm: bool = False,
    pool: str = "flatten",
    depth: int = 2,
    out: str | None = "softmax",
    activation: str = "relu",
    first: list[Any] | None = None,
    **options: Any,
) -> Any:
    """A convolutional network for 14 x 14 images; layers c1, c2, ..., out."""
    keras.utils.set_random_seed(seed)
    stack: list[Any] = [keras.Input((14, 14, 1)), *(first or [])]
    for i in range(depth):
        stack.append(
            layers.Conv2D(
                8 * min(i + 1, 2),
                3,
                padding="same",
                name=f"c{i + 1}",
                activation=None if norm else activation,
                **options,
            )
        )
        if norm:
            stack += [layers.BatchNormalization(momentum=0.9), layers.Activation(activation)]
        if i < 2:
            stack.append(layers.MaxPooling2D(2))
    stack.append(layers.GlobalAveragePooling2D() if pool == "global" else layers.Flatten())
    return keras.Sequential([*stack, layers.Dense(classes, out, name="out")])


def recurrent(
    cell: Any,
    steps: int,
    features: int,
    outputs: int,
    out: str,
    seed: int,
    units: int = 16,
    **options: Any,
) -> Any:
    """One recurrent layer rnn and an output layer out."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((steps, features)),
            cell(units, name="rnn", **options),
            layers.Dense(outputs, out or None, name="out"),
        ]
    )


def words(seed: int, recurrent_cell: Any = None, vocabulary: int = 60, steps: int = 16) -> Any:
    """Embedding, then a mean or a recurrent layer."""
    keras.utils.set_random_seed(seed)
    middle = recurrent_cell(16, name="rnn") if recurrent_cell else layers.GlobalAveragePooling1D()
    return keras.Sequential(
        [
            keras.Input((steps,), dtype="int32"),
            layers.Embedding(vocabulary, 16, name="embed"),
            middle,
            layers.Dense(1, "sigmoid", name="out"),
        ]
    )


def attention(
    seed: int, vocabulary: int = 60, steps: int = 16, blocks: int = 1, scale: Any = None
) -> Any:
    """A small transformer encoder over tokens."""
    keras.utils.set_random_seed(seed)
    init = {"kernel_initializer": scale} if scale else {}
    x = given = keras.Input((steps,), dtype="int32")
    x = layers.Embedding(vocabulary, 16, name="embed")(x)
    for i in range(blocks):
        y = layers.LayerNormalization()(x)
        x = layers.Add()([x, layers.MultiHeadAttention(2, 8, name=f"attn{i + 1}")(y, y)])
        y = layers.LayerNormalization()(x)
        y = layers.Dense(32, "gelu", name=f"up{i + 1}", **init)(y)
        x = layers.Add()([x, layers.Dense(16, name=f"down{i + 1}")(y)])
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization()(x))
    return keras.Model(given, layers.Dense(1, "sigmoid", name="out")(x))


def train(model: Any, x: np.ndarray, y: np.ndarray, epochs: int = 20) -> Any:
    """`model`, trained and compiled anew."""
    model.fit(x, y, epochs=epochs, verbose=0, batch_size=32)
    return model


class StopGradient(layers.Layer):
    """Passes its input on and nothing back."""

    def call(self, x: Any) -> Any:
        return keras.ops.stop_gradient(x)


class Logarithm(layers.Layer):
    """log of what a ReLU leaves: minus infinity where that is 0."""

    def call(self, x: Any) -> Any:
        return keras.ops.log(keras.ops.relu(x))


class Root(layers.Layer):
    """Square root, also of what is negative."""

    def call(self, x: Any) -> Any:
        return keras.ops.sqrt(x)
