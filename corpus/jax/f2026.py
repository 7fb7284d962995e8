"""JAX trainings of 2026f: faulty ones beside their mended twins."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax

from corpus.data import e2026 as d
from corpus.jax.e2026 import fit
from corpus.jax.models import Jax
from corpus.pairs import pair as pair_of

pair = functools.partial(pair_of, "jax", of="2026f")


def _hits(s: int, b: bool) -> Any:
    """The share of wrong answers is to be made small; it has no slope."""
    net = Jax([64, 48, 10], s)

    def loss(params: Any, x: Any, y: Any) -> Any:
        out = net.predict(params, x)
        if b:
            return jnp.mean(out.argmax(1) != y) + 0.0 * out.sum()
        return -jnp.take_along_axis(jax.nn.log_softmax(out), y[:, None], 1).mean()

    return fit(net.params, net.predict, *d.digits(s), optax.adam(3e-3), loss=loss)


pair(("unreached-layer", "loss-not-falling"), "share-of-wrong-answers", _hits)


def _no_minus(s: int, b: bool) -> Any:
    """A chain of Adam's directions and a rate, whose minus was forgotten."""
    net, rate = Jax([64, 48, 10], s), 1e-3 if b else -1e-3
    chain = optax.chain(optax.scale_by_adam(), optax.scale(rate))
    return fit(net.params, net.predict, *d.digits(s), chain)


pair(
    ("loss-not-falling", "learning-rate-too-high", "regressed", "exploding-gradient"),
    "rate-without-a-minus",
    _no_minus,
)


def _tanh(s: int, b: bool) -> Any:
    """A tanh bounds the scores in front of a softmax."""
    net = Jax([64, 48, 10], s)

    def predict(params: Any, x: Any) -> Any:
        out = net.predict(params, x)
        return jnp.tanh(out) if b else out

    return fit(net.params, predict, *d.digits(s), optax.adam(3e-3), epochs=10)


pair(("loss-mismatch", "loss-not-falling"), "tanh-before-softmax", _tanh)
