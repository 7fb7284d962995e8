"""JAX trainings of 2026d: kinds of public bug reports, each beside its mended twin, and healthy ones."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax

from corpus.data import c2026 as d
from corpus.jax.c2026 import fit
from corpus.jax.fits import jax_fit
from corpus.jax.models import Jax
from corpus.pairs import pair as pair_of

pair = functools.partial(pair_of, "jax", of="2026d")


def _row_softmax(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    net = Jax([24, 48, 6], s)

    def loss(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(net.predict(params, x), axis=0 if b else -1)
        return -jnp.take_along_axis(log, y[:, None], 1).mean()

    return fit(net, loss, x, y)


pair(("loss-mismatch", "batch-mixing"), "log-softmax-over-rows", _row_softmax)


def _stopped(s: int, b: bool) -> Any:
    x, y = d.yields(s)
    net = Jax([6, 48, 1], s, kind="mse")

    def loss(params: Any, x: Any, y: Any) -> Any:
        out = net.predict(params, x)
        return jnp.mean(((jax.lax.stop_gradient(out) if b else out) - y) ** 2)

    return fit(net, loss, x, y)


pair(
    ("unreached-layer", "loss-not-falling"), "stop-gradient-on-outputs", _stopped, task="regression"
)


def _masked(s: int, b: bool) -> Any:
    net = Jax([10, 48, 48, 4], s)
    mask = [{"w": True, "b": True}, {"w": False, "b": False}, {"w": True, "b": True}]
    optimizer = optax.masked(optax.adam(5e-3), mask) if b else optax.adam(5e-3)
    return jax_fit(net, *d.sensors(s), optimizer, 10)


pair(
    (
        "learning-rate-too-high",
        "exploding-gradient",
        "regressed",
        "non-finite",
        "update-ratio",
        "loss-not-falling",
        "dead-units",
    ),
    "masked-lets-gradients-through",
    _masked,
)


def _last_axis(s: int, _: bool) -> Any:
    """Squares of two outputs, each against its own target: nothing is held against all."""
    x, y = d.yields(s)
    both = jnp.concatenate([y, -0.5 * y], 1)
    net = Jax([6, 48, 2], s, kind="mse")
    return jax_fit(net, x, both, optax.adam(5e-3), 12)


pair(None, "two-outputs-squared", _last_axis, task="regression")


def _clipped(s: int, _: bool) -> Any:
    chain = optax.chain(optax.clip_by_global_norm(0.1), optax.adam(5e-3))
    return jax_fit(Jax([10, 48, 48, 4], s), *d.sensors(s), chain, 12)


pair(None, "clipped-under-adam", _clipped)
