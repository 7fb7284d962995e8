"""Outputs so far out that the loss clips them give no gradient, and are no cut all the same."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
import torch
from torch import nn

import gradgauge as gg

RNG = np.random.default_rng(0)
X = RNG.normal(size=(240, 16)).astype("float32")
Y = (X @ RNG.normal(size=(16, 4))).argmax(1)
SIZES = (16, 32, 32, 4)
WEIGHTS = [RNG.normal(size=pair).astype("float32") * 5 for pair in itertools.pairwise(SIZES)]


def in_keras(cut: bool) -> gg.Diagnosis:
    keras.utils.set_random_seed(0)
    ends = [keras.layers.Lambda(keras.ops.round)] if cut else []
    init = "glorot_uniform" if cut else keras.initializers.RandomNormal(stddev=5.0, seed=1)
    layers = [keras.layers.Dense(n, "relu", kernel_initializer=init) for n in SIZES[1:-1]]
    last = keras.layers.Dense(4, "softmax", kernel_initializer=init)
    model = keras.Sequential([keras.Input((16,)), *layers, last, *ends])

    def loss(y: Any, p: Any) -> Any:
        right = keras.ops.take_along_axis(p, keras.ops.cast(y[:, None], "int32"), 1)
        return -keras.ops.log(keras.ops.clip(right, 1e-7, 1 - 1e-7))

    model.compile(keras.optimizers.Adam(1e-2), loss)
    return gg.diagnose(model, X, Y, epochs=8)


def in_pytorch(cut: bool) -> gg.Diagnosis:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 4), nn.Softmax(1)
    )
    if not cut:
        with torch.no_grad():
            for layer, weight in zip(model[::2], WEIGHTS, strict=False):
                layer.weight.copy_(torch.from_numpy(weight.T))
                layer.bias.zero_()

    def loss(p: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        p = p.round() if cut else p
        return nn.functional.nll_loss(p.clamp(1e-7, 1 - 1e-7).log(), y)

    data = torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    loader = torch.utils.data.DataLoader(data, 24, shuffle=True)
    return gg.diagnose(model, loss, torch.optim.Adam(model.parameters(), 1e-2), loader, epochs=8)


def in_jax(cut: bool) -> gg.Diagnosis:
    scale = 0.05 if cut else 1.0
    params = [jnp.asarray(w * scale) for w in WEIGHTS]

    def predict(params: list[jax.Array], x: jax.Array) -> jax.Array:
        for w in params[:-1]:
            x = jax.nn.relu(x @ w)
        p = jax.nn.softmax(x @ params[-1])
        return jnp.round(p) if cut else p

    def loss(params: list[jax.Array], x: jax.Array, y: jax.Array) -> jax.Array:
        p = jnp.clip(predict(params, x), 1e-7, 1 - 1e-7)
        return -jnp.log(jnp.take_along_axis(p, y[:, None], 1)).mean()

    optimizer = optax.adam(1e-2)
    return gg.diagnose(loss, params, X, Y, optimizer=optimizer, predict=predict, epochs=8)


@pytest.mark.parametrize("diagnosed", [in_keras, in_pytorch, in_jax])
def test_saturated_is_not_cut_and_rounded_is(diagnosed):
    found = diagnosed(False)
    assert found.primary.rule == "bad-initial-scale"
    unreached = [f.case for f in found.findings if f.rule == "unreached-layer"]
    assert unreached == ["flat"]
    assert diagnosed(True).primary.rule == "unreached-layer"
