"""Units in deep saturation: f'(z) is close to nothing, and the figures are still those of f'."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import gradgauge as gg

UNITS = 16


def shown(run, name: str) -> float:
    return float(run.values("probes", name)[0, 0, 0])


def tanh_slope(z: np.ndarray) -> np.ndarray:
    """In float64, without the difference 1 - tanh^2."""
    return 1.0 / np.cosh(z.astype(np.float64)) ** 2


def watched_torch(scale: float, seed: int, dtype: torch.dtype = torch.float32):
    """A tanh layer all of whose z are about `scale` in size; its z, g and Run."""
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(8, UNITS), nn.Tanh(), nn.Linear(UNITS, 2)).to(dtype)
    with torch.no_grad():
        model.get_parameter("0.weight").mul_(0.01 * scale)
        model.get_parameter("0.bias").copy_(torch.sign(torch.randn(UNITS)) * scale)
    x = torch.randn(32, 8).to(dtype)
    kept = {}

    def keep(_module, inputs, output):
        kept["z"] = inputs[0].detach()
        output.register_hook(lambda grad: kept.__setitem__("g", grad.detach()))

    model[1].register_forward_hook(keep)
    optimizer = torch.optim.SGD(model.parameters(), 0.0)
    with gg.watch(model, every=1) as watcher:
        nn.functional.cross_entropy(model(x).float(), torch.arange(32) % 2).backward()
        optimizer.step()
    return kept["z"].double().numpy(), kept["g"].double().numpy(), watcher.run


@given(scale=st.floats(1.0, 40.0), seed=st.integers(0, 99))
def test_a_saturated_tanh_has_its_slope_gain(scale, seed):
    z, g, run = watched_torch(scale, seed)
    expected = np.linalg.norm(g * tanh_slope(z)) / np.linalg.norm(g)
    assert run.layers[0].activation == "tanh"
    assert not run.layers[0].derived
    assert shown(run, "slope_gain") == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_too(dtype):
    z, g, run = watched_torch(12.0, 0, dtype)
    expected = np.linalg.norm(g * tanh_slope(z)) / np.linalg.norm(g)
    assert shown(run, "slope_gain") == pytest.approx(expected, rel=1e-3)


def test_a_saturated_tanh_in_keras():
    x = np.sign(np.random.default_rng(0).normal(size=(32, 8))).astype("float32")
    model = keras.Sequential(
        [keras.Input((8,)), keras.layers.Dense(UNITS, "tanh"), keras.layers.Dense(2)]
    )
    model.layers[0].bias.assign(12 * np.ones(UNITS))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watcher = gg.watch(model, every=1)
    model.fit(x, np.arange(32) % 2, epochs=1, verbose=0, callbacks=[watcher])
    assert watcher.run.layers[0].activation == "tanh"
    assert 0 < shown(watcher.run, "slope_gain") < 1


def test_a_saturated_tanh_in_jax():
    rng = np.random.default_rng(0)
    x = jnp.sign(jnp.asarray(rng.normal(size=(32, 8)), jnp.float32))
    params = {
        "a": 0.1 * jnp.asarray(rng.normal(size=(8, UNITS)), jnp.float32),
        "b": jnp.asarray(rng.normal(size=(UNITS, 2)), jnp.float32),
        "bias": jnp.full(UNITS, 10.0),
    }

    def loss(p, x):
        return jnp.mean((jnp.tanh(x @ p["a"] + p["bias"]) @ p["b"]) ** 2)

    watcher = gg.watch(loss, params, every=1)
    watcher.step(params, jax.grad(loss)(params, x), batch=(x,))
    z = np.asarray(x @ params["a"] + 10)
    h = np.tanh(np.asarray(z, np.float64))
    b = np.asarray(params["b"], np.float64)
    g = (h @ b) @ b.T
    expected = np.linalg.norm(g * tanh_slope(z)) / np.linalg.norm(g)
    assert shown(watcher.run, "slope_gain") == pytest.approx(expected, rel=1e-3)


class Leaky(nn.Module):
    """z goes round the activation, too; `apart` of it to a place of its own."""

    def __init__(self, *, apart: bool):
        super().__init__()
        self.fc, self.act, self.head = nn.Linear(8, UNITS), nn.Tanh(), nn.Linear(UNITS, 2)
        self.apart, self.z, self.h = apart, torch.empty(0), torch.empty(0)

    def forward(self, x):
        self.z = self.fc(x)
        self.h = self.act(self.z) if self.apart else self.act(self.z) + 0.5 * self.z
        self.h.retain_grad()
        return self.head(self.h)


def watched_leaky(*, apart: bool):
    torch.manual_seed(0)
    model = Leaky(apart=apart)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        loss = model(torch.randn(32, 8)).square().mean()
        (loss + model.z.square().mean() if apart else loss).backward()
        optimizer.step()
    return model, watcher.run


def test_a_second_way_out_of_z_that_joins_the_first_is_part_of_the_function():
    model, run = watched_leaky(apart=False)
    z, g = model.z.detach().double().numpy(), model.h.grad.double().numpy()
    expected = np.linalg.norm(g * (tanh_slope(z) + 0.5)) / np.linalg.norm(g)
    assert run.layers[0].activation == ""
    assert run.layers[0].derived
    assert shown(run, "slope_gain") == pytest.approx(expected, rel=1e-4)


def test_a_second_way_out_of_z_to_the_loss_is_still_found():
    _, run = watched_leaky(apart=True)
    assert np.isnan(shown(run, "slope_gain"))
    assert [(note.reason, note.layers) for note in run.notes] == [("branches", ("fc",))]
