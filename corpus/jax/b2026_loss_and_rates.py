"""JAX trainings of 2026b: faults of loss and rates, each faulty one beside its mended twin."""

from __future__ import annotations

from typing import Any

import optax

from corpus.data import b2026 as d
from corpus.jax import models as m
from corpus.jax.fits import jax_fit
from corpus.pairs import pair

# -- rates


def _high(framework: str, name: str, make: Any, **o: Any) -> None:
    pair(framework, "learning-rate-too-high", name, make, **o)


_high(
    "jax",
    "sgd",
    lambda s, b: jax_fit(
        m.Jax([5, 32, 32, 1], s, kind="mse"), *d.houses_scaled(s), optax.sgd(1.5 if b else 0.02)
    ),
    task="regression",
)


def _low(framework: str, name: str, make: Any, **o: Any) -> None:
    pair(framework, "learning-rate-too-low", name, make, **o)


_low(
    "jax",
    "adam-1e-6",
    lambda s, b: jax_fit(m.Jax([16, 32, 6], s), *d.vowels(s), optax.adam(1e-6 if b else 3e-3)),
)
