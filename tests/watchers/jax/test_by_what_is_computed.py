"""Programs whose parameters meet data in more than one way, and what layers are for."""

from __future__ import annotations

import math
from typing import Any

import equinox
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import gradgauge as gg

RNG = np.random.default_rng(4)
X, Y = jnp.asarray(RNG.normal(size=(12, 8)), jnp.float32), jnp.arange(12) % 4
WIDTHS = {"a": (8, 12), "b": (12, 12), "out": (12, 4)}


def array(*shape: int) -> Any:
    return jnp.asarray(RNG.normal(size=shape) / math.sqrt(shape[0]), jnp.float32)


PARAMS = {name: {"w": array(*shape), "b": jnp.zeros(shape[1])} for name, shape in WIDTHS.items()}
ZEROS = {name: jnp.zeros((12, shape[1])) for name, shape in WIDTHS.items()}


def cross_entropy(out: Any) -> Any:
    return optax.softmax_cross_entropy_with_integer_labels(out, Y).mean()


def predict(params: Any, x: Any, shifts: Any = None) -> Any:
    for name, layer in params.items():
        x = x @ layer["w"] + layer["b"] + (shifts[name] if shifts else 0)
        x = x if name == "out" else jnp.tanh(x)
    return x


def penalty_on_inputs(params: Any, shifts: Any = None) -> Any:
    slope = jax.grad(lambda x: predict(params, x, shifts)[:, 0].sum())(X)
    return cross_entropy(predict(params, X, shifts)) + (slope**2).mean()


def penalty_on_gradients(params: Any, shifts: Any = None) -> Any:
    value, slopes = jax.value_and_grad(lambda p: cross_entropy(predict(p, X, shifts)))(params)
    return value + 0.01 * sum(jnp.sum(s**2) for s in jax.tree.leaves(slopes))


def adversarial(params: Any, shifts: Any = None) -> Any:
    away = jnp.sign(jax.grad(lambda x: cross_entropy(predict(params, x)))(X))
    return cross_entropy(predict(params, X + 0.1 * jax.lax.stop_gradient(away), shifts))


def watched(loss: Any, params: Any) -> Any:
    watcher = gg.watch(loss, params, every=1)
    watcher.step(params, jax.grad(loss)(params), params)
    watcher.close()
    return watcher.run


def rows(run: Any) -> dict[str, Any]:
    return {layer.name: layer for layer in run.layers}


@pytest.mark.parametrize("loss", [penalty_on_inputs, penalty_on_gradients, adversarial])
def test_gradients_inside_the_loss(loss):
    run = watched(lambda params: loss(params), PARAMS)
    wanted = jax.grad(lambda shifts: loss(PARAMS, shifts))(ZEROS)
    delta = run.values("probes", "delta_norm")[0, 0]
    for got, name in zip(delta, rows(run), strict=True):
        assert got == pytest.approx(float(jnp.linalg.norm(wanted[name])), rel=1e-4)
    gradients = run.values("steps", "weight_grad_norm")[0, 0]
    norms = [float(jnp.linalg.norm(jax.grad(loss)(PARAMS)[name]["w"])) for name in rows(run)]
    assert gradients == pytest.approx(norms, rel=1e-4)
    assert [(r.units, r.activation, r.output) for r in run.layers] == [
        (12, "tanh", False),
        (12, "tanh", False),
        (4, "linear", True),
    ]


def test_weights_used_in_two_ways_are_noted():
    params = {"embed": array(7, 6), "mid": array(6, 6)}
    tokens = jnp.arange(12).reshape(4, 3) % 7

    def loss(params):
        out = jnp.tanh(params["embed"][tokens] @ params["mid"]) @ params["embed"].T
        return optax.softmax_cross_entropy_with_integer_labels(out, tokens).mean()

    run = watched(loss, params)
    found = rows(run)["embed"]
    assert (found.kind, found.units) == ("embedding", 6)
    noted = [note.layers for note in run.notes if note.reason == "used_otherwise"]
    assert noted == [("embed",)]


def test_a_layer_scale_is_no_normalization():
    params = {
        "stem": array(8, 8),
        "gain": jnp.ones(8),
        "up": array(8, 12),
        "down": array(12, 8),
        "scale": jnp.full(8, 0.3),
        "temperature": jnp.ones(()),
        "shift": jnp.zeros(()),
        "out": array(8, 4),
    }

    def loss(p):
        x = X @ p["stem"]
        h = x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-6) * p["gain"]
        x = x + (jax.nn.gelu(h @ p["up"]) @ p["down"]) * p["scale"]
        return cross_entropy((x @ p["out"]) * p["temperature"] + p["shift"])

    run = watched(loss, params)
    assert {name: row.kind for name, row in rows(run).items()} == {
        "stem": "dense",
        "gain": "normalization",
        "up": "dense",
        "down": "dense",
        "scale": "scale",
        "temperature": "scale",
        "out": "dense",
    }
    assert rows(run)["out"].output
    delta = dict(zip(rows(run), run.values("probes", "delta_norm")[0, 0], strict=True))
    assert delta["down"] == pytest.approx(0.3 * delta["scale"], rel=1e-4)


def attention(p: Any, x: Any, heads: int = 2) -> Any:
    def split(t: Any) -> Any:
        return t.reshape(*t.shape[:-1], heads, -1).swapaxes(-2, -3)

    q, k, v = (split(x @ p[f"l{i}"]) for i in (1, 2, 3))
    weights = jax.nn.softmax(q @ k.swapaxes(-1, -2) / math.sqrt(q.shape[-1]))
    return (weights @ v).swapaxes(-2, -3).reshape(x.shape) @ p["l4"]


def test_roles_by_what_is_done_with_the_output():
    params = {
        "t": array(9, 8),
        "n": jnp.ones(8),
        "x": {f"l{i}": array(8, 8) for i in range(1, 5)},
        "y": {"m1": array(8, 12), "m2": array(8, 12), "m3": array(12, 8)},
        "z": {"m4": array(8, 16), "m5": array(16, 8)},
        "last": array(8, 4),
    }
    tokens = jnp.arange(12).reshape(4, 3) % 9

    def loss(p):
        x = p["t"][tokens]
        h = x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-6) * p["n"]
        x = x + attention(p["x"], h)
        x = x + (jax.nn.silu(x @ p["y"]["m1"]) * (x @ p["y"]["m2"])) @ p["y"]["m3"]
        x = x + jax.nn.relu(x @ p["z"]["m4"]) @ p["z"]["m5"]
        out = x.mean(1) @ p["last"]
        return optax.softmax_cross_entropy_with_integer_labels(out, jnp.arange(4)).mean()

    assert {name: row.role for name, row in rows(watched(loss, params)).items()} == {
        "t": "embedding",
        "n": "norm",
        "x.l1": "q",
        "x.l2": "k",
        "x.l3": "v",
        "x.l4": "o",
        "y.m1": "gate",
        "y.m2": "up",
        "y.m3": "down",
        "z.m4": "up",
        "z.m5": "down",
        "last": "head",
    }


def test_an_activation_behind_a_reshaped_output_and_before_a_dropout():
    conv = equinox.nn.Conv1d(4, 6, 3, padding=1, key=jax.random.PRNGKey(0))
    params, static = equinox.partition([conv, array(12, 4)], equinox.is_array)

    def loss(params):
        conv, last = equinox.combine(params, static)
        h = jax.nn.relu(jax.vmap(conv)(X.reshape(12, 4, 2))).reshape(12, -1)
        kept = jax.random.bernoulli(jax.random.PRNGKey(1), 0.8, h.shape)
        return cross_entropy(jnp.where(kept, h / 0.8, 0) @ last)

    first = watched(loss, params).layers[0]
    assert (first.kind, first.units, first.fan_in) == ("convolution", 6, 12)
    assert first.activation == "relu"
