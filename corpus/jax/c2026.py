"""JAX trainings of 2026c: faulty ones beside their mended twins, and healthy ones."""

from __future__ import annotations

import functools
import math
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from corpus.data import c2026 as d
from corpus.jax.fits import jax_fit
from corpus.jax.models import Jax
from corpus.pairs import pair as pair_of
from corpus.skills import neighbors

pair = functools.partial(pair_of, "jax", of="2026c")


def fit(net: Jax, loss: Any, x: Any, y: Any, rate: float = 3e-3, epochs: int = 8) -> Any:
    """A network with a loss of its own: `loss(params, x, y)`."""
    own: Any = SimpleNamespace(loss=loss, params=net.params, predict=net.predict, kind=net.kind)
    args, options, truth = jax_fit(own, x, y, optax.adam(rate), epochs)
    options.pop("kind")
    return args, options, truth


def _own_log(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    net = Jax([24, 48, 6], s)

    def loss(params: Any, x: Any, y: Any) -> Any:
        out = 40 * net.predict(params, 5 * x)
        log = jnp.log(jax.nn.softmax(out)) if b else jax.nn.log_softmax(out)
        return -jnp.take_along_axis(log, y[:, None], 1).mean()

    return fit(net, loss, x, y)


pair(("non-finite", "loss-mismatch"), "log-of-softmax", _own_log)


def _turned(s: int, b: bool) -> Any:
    x, y = d.calls(s, 960)
    rng = np.random.default_rng(s)
    params = {
        "in": jnp.asarray(rng.normal(0, 0.5, (2, 24)), jnp.float32),
        "state": jnp.asarray(np.linalg.qr(rng.normal(size=(24, 24)))[0], jnp.float32),
        "out": jnp.asarray(rng.normal(0, 0.2, (24, 3)), jnp.float32),
    }

    def predict(params: Any, x: Any) -> Any:
        n, steps, features = x.shape
        first = x.reshape(steps, n, features) if b else x.transpose(1, 0, 2)

        def step(h: Any, x: Any) -> Any:
            return jnp.tanh(x @ params["in"] + h @ params["state"]), None

        h, _ = jax.lax.scan(step, jnp.zeros((n, 24)), first)
        return h @ params["out"]

    def loss(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(predict(params, x))
        return -jnp.take_along_axis(log, y[:, None], 1).mean()

    net: Any = SimpleNamespace(params=params, predict=predict, kind="sparse_categorical")
    return fit(net, loss, x, y, 5e-3, 12)


pair("batch-mixing", "reshape-before-scan", _turned, kind="recurrent")


def _one_hot(s: int, b: bool) -> Any:
    x, y = d.groups(s, classes=3, apart=0.6)
    net = Jax([24, 48, 3], s)
    shifted = y + 1 if b else y

    def loss(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(net.predict(params, x))
        return -(jax.nn.one_hot(y, 3) * log).sum(1).mean()

    args, options, _ = fit(net, loss, x, shifted)
    return args, options, y


pair(("index-out-of-range", "loss-mismatch"), "labels-from-one-hot", _one_hot)


def _fixed(s: int, b: bool) -> Any:
    net = Jax([10, 6, 24, 4], s, cut=0 if b else -1)
    return jax_fit(net, *d.sensors(s), optax.adam(5e-3), 12)


pair("unreached-layer", "stop-gradient-behind-first", _fixed)


def _one_layer_left_out(s: int, b: bool) -> Any:
    net = Jax([10, 6, 6, 24, 4], s, jnp.tanh)
    labels = ["still" if b and i < 3 else "moves" for i in range(4)]
    kinds = {"still": optax.set_to_zero(), "moves": optax.adam(5e-3)}
    return jax_fit(net, *d.sensors(s), optax.multi_transform(kinds, labels), 12)


pair("unreached-layer", "hidden-layers-set-to-zero", _one_layer_left_out)


def _equal(s: int, b: bool) -> Any:
    net = Jax([24, 32, 32, 6], s, jnp.tanh)
    if b:
        net.params = jax.tree.map(lambda p: jnp.full_like(p, 0.05), net.params)
    return jax_fit(net, *d.groups(s), optax.adam(3e-3), 8)


pair(
    ("constant-initialization", "bad-initial-scale", "signal-collapse"), "all-one-twentieth", _equal
)


def _schedule(s: int, b: bool) -> Any:
    rate = optax.exponential_decay(5e-3, 1 if b else 300, 0.8)
    return jax_fit(Jax([10, 48, 48, 4], s), *d.sensors(s), optax.adam(rate), 12)


pair(("learning-rate-too-low", "update-ratio"), "decay-every-step", _schedule)


def _upwards(s: int, b: bool) -> Any:
    rise = optax.scale(0.05 if b else -0.05)
    return jax_fit(
        Jax([24, 48, 6], s),
        *d.groups(s),
        optax.chain(optax.scale_by_adam(), optax.scale(0.1), rise),
        6,
    )


pair(
    ("loss-not-falling", "learning-rate-too-high", "exploding-gradient", "regressed"),
    "minus-forgotten",
    _upwards,
)


# -- healthy


def _flow(s: int, _: bool) -> Any:
    x, y = d.spots(s)
    rng = np.random.default_rng(s)
    params = {
        "means": jnp.asarray(rng.normal(size=(12, 2)), jnp.float32),
        "log_scales": jnp.full((12, 2), -1.0),
        "weights": jnp.zeros(12),
    }

    def predict(params: Any, x: Any) -> Any:
        z = (x[:, None] - params["means"]) * jnp.exp(-params["log_scales"])
        log = (-0.5 * z**2 - params["log_scales"] - 0.5 * math.log(2 * math.pi)).sum(-1)
        return jax.nn.logsumexp(log + jax.nn.log_softmax(params["weights"]), 1, keepdims=True)

    def loss(params: Any, x: Any, y: Any) -> Any:  # noqa: ARG001 a density has no targets
        return -predict(params, x).mean()

    net: Any = SimpleNamespace(params=params, predict=predict, kind="")
    return fit(net, loss, x, y, 0.02, 15)


pair(None, "density-above-one", _flow, task="regression", skill=lambda out, _: float(np.mean(out)))


def _info(s: int, _: bool) -> Any:
    x, y = d.views(s)
    net = Jax([24, 48, 16], s)

    def embed(params: Any, x: Any) -> Any:
        z = net.predict(params, x)
        return z / (jnp.linalg.norm(z, axis=-1, keepdims=True) + 1e-6)

    def loss(params: Any, x: Any, y: Any) -> Any:  # noqa: ARG001 the pairs are the targets
        z = embed(params, x)
        scores = z[:, 0] @ z[:, 1].T / 0.2
        return -jnp.diagonal(jax.nn.log_softmax(scores)).mean()

    own: Any = SimpleNamespace(params=net.params, predict=embed, kind="")
    return fit(own, loss, x, y, 2e-3, 12)


pair(None, "two-views-in-batch", _info, skill=lambda out, y: neighbors(np.asarray(out)[:, 0], y))


def _warm(s: int, _: bool) -> Any:
    rate = optax.warmup_cosine_decay_schedule(1e-6, 5e-3, 150, 12 * 37, 1e-4)
    return jax_fit(Jax([10, 48, 48, 4], s), *d.sensors(s), optax.adamw(rate), 12)


pair(None, "warm-up-then-cosine", _warm)


def _adapters(s: int, _: bool) -> Any:
    x, y = d.groups(s, apart=0.8)
    base = Jax([24, 48, 6], s)
    rng = np.random.default_rng(s)
    params = [
        {"a": jnp.asarray(rng.normal(0, 0.2, (a, 6)), jnp.float32), "b": jnp.zeros((6, c))}
        for a, c in ((24, 48), (48, 6))
    ]

    def predict(params: Any, x: Any) -> Any:
        for i, (own, low) in enumerate(zip(base.params, params, strict=True)):
            x = x @ own["w"] + own["b"] + x @ low["a"] @ low["b"]
            x = jax.nn.relu(x) if i == 0 else x
        return x

    def loss(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(predict(params, x))
        return -jnp.take_along_axis(log, y[:, None], 1).mean()

    net: Any = SimpleNamespace(params=params, predict=predict, kind="sparse_categorical")
    return fit(net, loss, x, y, 1e-2, 10)


pair(None, "adapters-from-zero", _adapters)
