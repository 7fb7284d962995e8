"""JAX trainings of 2026b: faults of layers and data, each faulty one beside its mended twin."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import optax

from corpus.data import b2026 as d
from corpus.jax import models as m
from corpus.jax.fits import jax_fit
from corpus.pairs import pair

pair(
    "jax",
    "vanishing-gradient",
    "sigmoid-8",
    lambda s, b: jax_fit(
        m.Jax([16, *[32] * 8, 6], s, jax.nn.sigmoid if b else jax.nn.relu, 1.0 if b else 2.0),
        *d.vowels(s),
        optax.adam(2e-3),
    ),
)


def _jax_zeros(s: int, b: bool) -> Any:
    net = m.Jax([16, 32, 32, 6], s)
    net.params = jax.tree.map(np.zeros_like, net.params) if b else net.params
    return jax_fit(net, *d.vowels(s), optax.adam(3e-3))


pair("jax", "constant-initialization", "zeros", _jax_zeros)
pair(
    "jax",
    "unreached-layer",
    "stopped",
    lambda s, b: jax_fit(
        m.Jax([2, 32, 8, 2], s, cut=1 if b else -1), *d.checkers(s), optax.adam(1e-2), 25
    ),
)
