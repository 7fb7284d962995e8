"""Keras models that are hard to watch, and what a training of one leaves."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from gradgauge.run import Run

L = keras.layers


FIT = {"epochs": 1, "verbose": 0, "batch_size": 16}


class Swish17(L.Layer):
    def call(self, z):
        return z * keras.ops.sigmoid(1.7 * z)


def zoo() -> Any:
    """One of everything: normalization, residual, attention, recurrence, shared, frozen."""
    keras.utils.set_random_seed(0)
    image, ids = keras.Input((6, 6, 1), name="image"), keras.Input((4,), name="ids", dtype="int32")
    x = L.Conv2D(4, 3, padding="same", activation="relu", name="conv")(image)
    y = L.Conv2D(4, 3, padding="same", use_bias=False, name="conv_bn")(x)
    y = L.ReLU()(L.BatchNormalization(name="bn")(y))
    y = L.Conv2D(4, 3, padding="same", name="conv_sum")(y)
    x = L.Activation("tanh")(L.Add()([x, y]))
    x = L.Dropout(0.2)(L.GlobalAveragePooling2D()(x))
    x = L.Dense(8, activation=lambda z: z * keras.ops.sigmoid(1.7 * z), name="custom")(x)
    x = keras.ops.gelu(L.Dense(8, name="operation")(x), approximate=False)
    shared = L.Dense(8, activation="tanh", name="shared", kernel_regularizer="l2")
    x = shared(shared(x))
    frozen = L.Dense(8, activation="elu", name="frozen", trainable=False)
    x = frozen(x)
    t = L.Embedding(10, 8, name="embedding")(ids)
    t = t + L.MultiHeadAttention(2, 4, name="attention")(t, t)
    t = L.LSTM(8, name="lstm")(L.LayerNormalization(name="norm")(t))
    x = L.Concatenate()([x, t])
    outputs = [L.Dense(3, activation="softmax", name="classes")(x), L.Dense(1, name="number")(x)]
    model = keras.Model([image, ids], outputs)
    model.compile(keras.optimizers.Adam(1e-2), ["sparse_categorical_crossentropy", "mse"])
    return model


def zoo_data() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(48, 6, 6, 1)).astype("float32"), rng.integers(0, 10, (48, 4))]
    return x, [rng.integers(0, 3, 48), rng.normal(size=(48, 1)).astype("float32")]


def state(model: Any) -> list[np.ndarray]:
    variables = [*model.variables, *model.optimizer.variables]
    return [np.array(keras.ops.convert_to_numpy(v)) for v in variables if "float" in str(v.dtype)]


def train_zoo(callbacks: list[Any]) -> Any:
    model = zoo()
    x, y = zoo_data()
    model.fit(x, y, callbacks=callbacks, epochs=2, verbose=0, batch_size=16)
    return model


def alike(one: list[np.ndarray], other: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def left_behind(model: Any) -> list[str]:
    return [layer.name for layer in model._flatten_layers() if "call" in vars(layer)]


def value(run: Run, name: str, layer: str, probe: int = 0) -> float:
    index = [row.name for row in run.layers].index(layer)
    return float(run.values("probes", name)[0, probe, index])


class Own(keras.Model):
    """A subclassed model with operations of its own and a train step of its own."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.head = L.Dense(6), L.Dense(6), L.Dense(3)
        self.unused = L.Dense(4)
        self.unused.build((None, 6))

    def call(self, x):
        z = self.b(keras.ops.relu(self.a(x)))
        return self.head(keras.ops.where(z > 0.1, z, 0.2 * z * z))

    def train_step(self, *arguments):
        return super().train_step(*arguments)


class Residual(keras.Model):
    """One residual unit, its norm before the branch or behind the sum; sums are operators."""

    def __init__(self, post: bool):
        super().__init__()
        self.post, self.stem, self.norm = post, L.Dense(6, name="stem"), L.LayerNormalization()
        self.up, self.down = L.Dense(8, "relu", name="up"), L.Dense(6, name="down")
        self.head = L.Dense(2, name="head")

    def call(self, x):
        x = self.stem(x)
        if self.post:
            return self.head(self.norm(x + self.down(self.up(x))))
        return self.head(x + self.down(self.up(self.norm(x))))


def functional(post: bool) -> Any:
    given = keras.Input((4,))
    x = L.Dense(6, name="stem")(given)
    inner = x if post else L.LayerNormalization(name="norm")(x)
    x = L.Add()([x, L.Dense(6, name="down")(L.Dense(8, "relu", name="up")(inner))])
    x = L.LayerNormalization(name="norm")(x) if post else x
    return keras.Model(given, L.Dense(2, name="head")(x))


class Scale(L.Layer):
    """A layer scale: one factor for every unit."""

    def build(self, shape):
        self.gamma = self.add_weight(shape=shape[-1:], initializer=keras.initializers.Constant(0.3))

    def call(self, x):
        return x * self.gamma


def scaled() -> Any:
    """Parameters of one dimension, and a user's own activation as a layer."""
    given = keras.Input((4,))
    x = L.Lambda(lambda z: keras.ops.maximum(z, 0))(L.Dense(6, name="stem")(given))
    x = Scale(name="scale")(L.Dense(6, name="branch")(x))
    x = L.PReLU(name="bend")(L.Dense(6, name="bent")(x))
    return keras.Model(given, L.Dense(3, "softmax", name="head")(x))


class Mixing(L.Layer):
    """Attention by hand, then a gated part; no name says what a layer is for."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.parts = [L.Dense(width, use_bias=False, name=f"part{i}") for i in range(4)]
        self.bent, self.straight = L.Dense(2 * width, name="bent"), L.Dense(2 * width, name="plain")
        self.back, self.norm = L.Dense(width, name="back"), L.LayerNormalization(name="norm")

    def split(self, x):
        x = keras.ops.reshape(x, (-1, x.shape[1], self.heads, x.shape[2] // self.heads))
        return keras.ops.transpose(x, (0, 2, 1, 3))

    def call(self, x):
        given = self.norm(x)
        value, query, key = (self.split(part(given)) for part in self.parts[:3])
        scores = keras.ops.matmul(query, keras.ops.transpose(key, (0, 1, 3, 2)))
        mixed = keras.ops.matmul(keras.ops.softmax(scores / query.shape[-1] ** 0.5), value)
        mixed = keras.ops.reshape(keras.ops.transpose(mixed, (0, 2, 1, 3)), (-1, *x.shape[1:]))
        x = x + self.parts[3](mixed)
        return x + self.back(keras.ops.silu(self.bent(x)) * self.straight(x))


def unnamed() -> Any:
    """A transformer whose layers are only numbered, and a classical feed-forward part."""
    given = keras.Input((5, 8))
    x = Mixing(8, 2)(L.Dense(8, name="stem")(given))
    h = L.Dense(12, "gelu", name="first")(L.LayerNormalization(name="before")(x))
    x = L.Add()([x, L.EinsumDense("abc,cd->abd", (5, 8), name="second")(h)])
    x = L.EinsumDense("abc,cde->abde", (5, 2, 3), name="wide")(x)
    return keras.Model(given, L.Dense(3, name="last")(L.Flatten()(x)))


class Convolved(keras.Model):
    """A batch normalization that alone reads its convolution, in a subclassed model."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = L.Conv2D(4, 3, name="conv"), L.BatchNormalization()
        self.head = L.Dense(3)

    def call(self, x, training=False):
        x = keras.ops.relu(self.norm(self.conv(x), training=training))
        return self.head(keras.ops.mean(x, (1, 2)))


class Spoiled(L.Layer):
    """What goes through it is not finite at one step: on the way forwards, or backwards alone."""

    def __init__(self, backwards: bool):
        super().__init__()
        self.backwards = backwards
        self.passes = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        rest = 1 - keras.ops.cast(keras.ops.equal(self.passes, 5.0), x.dtype)
        if training:
            self.passes.assign(self.passes + 1)
        return x + keras.ops.sqrt(rest * keras.ops.square(x)) if self.backwards else x / rest
