"""A small JAX model."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


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
