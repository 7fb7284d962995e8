"""Small Keras models of 2026b."""

from __future__ import annotations

from typing import Any, cast

import jax
import keras
from keras import layers


def gratings_net(seed: int, out: str | None = "softmax", **options: Any) -> Any:
    """Two convolutions for 10 x 10 images: k1, k2, head."""
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((10, 10, 1)),
            layers.Conv2D(12, 3, activation="relu", name="k1", **options),
            layers.MaxPooling2D(2),
            layers.Conv2D(16, 3, activation="relu", name="k2", **options),
            layers.Flatten(),
            layers.Dense(4, out, name="head"),
        ]
    )


def two_heads(seed: int, out: str | None = "softmax") -> Any:
    """A shared trunk, a classifier `kind` and a regressor `size`."""
    keras.utils.set_random_seed(seed)
    given = keras.Input((16,))
    x = layers.Dense(48, "relu", name="trunk1")(given)
    x = layers.Dense(32, "relu", name="trunk2")(x)
    kind, size = layers.Dense(6, out, name="kind")(x), layers.Dense(1, name="size")(x)
    return keras.Model(given, [kind, size])


def two_towers(seed: int, activation: str = "relu", depth: int = 2) -> Any:
    """The halves of 16 inputs go through towers of their own, joined before the output."""
    keras.utils.set_random_seed(seed)
    given = cast("Any", keras.Input((16,)))
    ends = []
    for side in ("left", "right"):
        x = given[:, :8] if side == "left" else given[:, 8:]
        for i in range(depth):
            x = layers.Dense(32, activation, name=f"{side}{i + 1}")(x)
        ends.append(x)
    joint = layers.Concatenate()(ends)
    return keras.Model(given, layers.Dense(6, "softmax", name="head")(joint))


class OwnStep(keras.Model):
    """A model with a train_step of its own (JAX backend: stateless), as in Keras's guides."""

    def __init__(self, classes: int, **options: Any):
        super().__init__(**options)
        self.hidden = layers.Dense(48, "relu", name="hidden")
        self.head = layers.Dense(classes, "softmax", name="head")

    def call(self, x: Any, training: bool = False) -> Any:  # noqa: ARG002 Keras passes it
        return self.head(self.hidden(x))

    def train_step(self, state: Any, data: Any) -> Any:
        trainable, others, optimizer, metrics = state
        x, y = data[:2]

        def forward(trainable: Any) -> Any:
            out, new = self.stateless_call(trainable, others, x, training=True)[:2]
            return self.compute_loss(x, y, out), new

        (loss, others), slopes = jax.value_and_grad(forward, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, slopes, trainable)
        return {"loss": loss}, (trainable, others, optimizer, metrics)


class Sampling(keras.Model):
    """A variational autoencoder: squared error, and a divergence added as a second loss."""

    def __init__(self, inputs: int, code: int = 4, **options: Any):
        super().__init__(**options)
        self.encoder = layers.Dense(32, "relu", name="encoder")
        self.mean, self.spread = layers.Dense(code, name="mean"), layers.Dense(code, name="spread")
        self.decoder, self.out = layers.Dense(32, "relu", name="decoder"), layers.Dense(inputs)
        self.seeds = keras.random.SeedGenerator(3)

    def call(self, x: Any, training: bool = False) -> Any:
        h = self.encoder(x)
        mean, spread = self.mean(h), self.spread(h)
        kl = -0.5 * keras.ops.mean(1 + spread - mean**2 - keras.ops.exp(spread))
        self.add_loss(0.01 * kl)
        if training:
            noise = keras.random.normal(keras.ops.shape(mean), seed=self.seeds)
            mean = mean + keras.ops.exp(0.5 * spread) * noise
        return self.out(self.decoder(mean))


class Unit(layers.Layer):
    """What a ReLU leaves, scaled to length 1 without a small number under the fraction."""

    def call(self, x: Any) -> Any:
        x = keras.ops.relu(x)
        return x / keras.ops.sqrt(keras.ops.sum(x * x, axis=-1, keepdims=True))
