"""JAX trainings of 2026b: healthy ones."""

from __future__ import annotations

import jax.numpy as jnp
import optax

from corpus.data import b2026 as d
from corpus.jax import models as m
from corpus.jax.fits import jax_fit
from corpus.pairs import pair
from corpus.skills import explained

# -- JAX
pair(
    "jax", None, "adam", lambda s, _: jax_fit(m.Jax([16, 32, 6], s), *d.vowels(s), optax.adam(3e-3))
)
pair(
    "jax",
    None,
    "tanh-mse",
    lambda s, _: jax_fit(
        m.Jax([5, 32, 32, 1], s, jnp.tanh, 1.0, kind="mse"), *d.houses_scaled(s), optax.adamw(3e-3)
    ),
    task="regression",
    skill=explained,
)
