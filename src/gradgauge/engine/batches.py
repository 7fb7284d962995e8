"""Rows of a dataset as the network takes them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from gradgauge.engine.program_key import ProgramKey
from gradgauge.parts.losses import LOSSES

Array = Any


def as_inputs(raw: Array, dtype: str) -> Array:
    """Rows as floats; bytes become [0, 1]."""
    x = raw.astype(dtype)
    return x * (1 / 255) if raw.dtype == jnp.uint8 else x


def as_targets(key: ProgramKey, y: Array) -> Array:
    """Classes as one-hot rows, numbers as they are."""
    if LOSSES[key.loss].classification:
        return jax.nn.one_hot(y, key.outputs, dtype=key.dtype)
    return y.astype(key.dtype)


def batch(
    key: ProgramKey, x_data: Array, y_data: Array, order: Array, at: Array
) -> tuple[Array, Array, Array | None]:
    """Inputs, targets and sample weights of step `at`; weights only if batches differ in size."""
    size, samples = key.batch_size, order.shape[0]
    first = at * size
    weights = None
    if key.ragged:
        positions = first + jnp.arange(size)
        weights = (positions < samples).astype(key.dtype)
        rows = order[jnp.minimum(positions, samples - 1)]
    else:
        rows = lax.dynamic_slice(order, (first,), (size,))
    return as_inputs(x_data[rows], key.dtype), as_targets(key, y_data[rows]), weights
