"""Small models of the second fresh set."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import torch
from keras import layers
from torch import nn


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
    given = keras.Input((16,))
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
            out, new = self.stateless_call(trainable, others, x, training=True)
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


class TorchConv(nn.Module):
    """Two convolutions and a linear head."""

    def __init__(self, classes: int = 4, last: nn.Module | None = None):
        super().__init__()
        self.k1, self.k2 = nn.Conv2d(1, 12, 3), nn.Conv2d(12, 16, 3, stride=2)
        self.head, self.last = nn.Linear(16 * 9, classes), last or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.k1(x.permute(0, 3, 1, 2)))
        return self.last(self.head(torch.relu(self.k2(x)).flatten(1)))


class DeepConv(nn.Module):
    """A residual convolutional network with batch normalisation."""

    def __init__(self, blocks: int = 8, width: int = 8, classes: int = 4):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1),
            )
            for _ in range(blocks)
        )
        self.head = nn.Linear(width * 16, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x.permute(0, 3, 1, 2))
        for block in self.blocks:
            x = x + block(x)
        return self.head(x.flatten(1))


class Bag(nn.Module):
    """The mean of embeddings, sparse gradients if asked for."""

    def __init__(self, sparse: bool = False, frozen: bool = False):
        super().__init__()
        self.embed = nn.Embedding(80, 16, sparse=sparse)
        self.embed.weight.requires_grad = not frozen
        self.hidden, self.head = nn.Linear(16, 16), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.hidden(self.embed(x).mean(1))))


class Sequence(nn.Module):
    """A recurrent layer, its last state, a head."""

    def __init__(self, cell: Any, features: int, outputs: int, units: int = 20, **options: Any):
        super().__init__()
        self.cell = cell(features, units, batch_first=True, **options)
        self.head = nn.Linear(units, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(x)[0][:, -1])


class Encoded(nn.Module):
    """An encoder and a head; the encoder may run under no_grad."""

    def __init__(self, inputs: int, outputs: int, cut: bool = False):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
        self.head, self.cut = nn.Linear(8, outputs), cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.cut):
            x = self.encoder(x)
        return self.head(x)


class Tokens(nn.Module):
    """A transformer encoder of two layers, its first place as the summary."""

    def __init__(self, width: int = 24):
        super().__init__()
        self.embed = nn.Embedding(80, width)
        block = nn.TransformerEncoderLayer(width, 3, 48, 0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.embed(x)).mean(1))


def dense(
    widths: list[int],
    activation: Any,
    seed: int,
    last: nn.Module | None = None,
    each: Callable[[int], nn.Module] | None = None,
    fix: Callable[[nn.Linear], None] | None = None,
) -> nn.Sequential:
    """Linear layers (`lin1`, `lin2`, ...), activations, maybe one more module after each."""
    torch.manual_seed(seed)
    model = nn.Sequential()
    for i, (a, b) in enumerate(itertools.pairwise(widths), 1):
        layer = nn.Linear(a, b)
        if fix is not None:
            fix(layer)
        model.add_module(f"lin{i}", layer)
        if i < len(widths) - 1:
            model.add_module(f"act{i}", activation())
            if each is not None:
                model.add_module(f"each{i}", each(b))
    if last is not None:
        model.add_module("last", last)
    return model


class Jax:
    """A perceptron of plain JAX: parameters, predict, loss."""

    def __init__(
        self,
        widths: list[int],
        seed: int,
        activation: Any = jax.nn.relu,
        gain: float = 2.0,
        kind: str = "sparse_categorical",
        cut: int = -1,
    ):
        rng = np.random.default_rng(seed)
        self.activation, self.kind, self.cut = activation, kind, cut
        self.params = [
            {
                "w": jnp.asarray(rng.normal(0, (gain / a) ** 0.5, (a, b)), jnp.float32),
                "b": jnp.zeros(b),
            }
            for a, b in itertools.pairwise(widths)
        ]

    def predict(self, params: Any, x: Any) -> Any:
        for i, layer in enumerate(params[:-1]):
            x = self.activation(x @ layer["w"] + layer["b"])
            x = jax.lax.stop_gradient(x) if i == self.cut else x
        return x @ params[-1]["w"] + params[-1]["b"]

    def loss(self, params: Any, x: Any, y: Any) -> Any:
        out = self.predict(params, x)
        if self.kind == "mse":
            return jnp.mean((out - y) ** 2)
        return -jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], 1).mean()
