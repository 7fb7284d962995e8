"""The gradient quotient of a network of a notation: how much its gradient changes over a step along
itself, as a share of itself.

References:
    Dauphin & Schoenholz (2019), MetaInit: Initializing learning by learning to initialize, eq. 2.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.remedies.spec.forward import outputs_of
from gradgauge.spec.network import NetworkSpec

EPSILON = 1e-5


@functools.lru_cache(maxsize=8)
def slope_of(network: NetworkSpec) -> Callable[..., Any]:
    """(factor of every weight matrix, parameters, inputs, targets) -> the quotient's slope in the
    factors, compiled once a network."""

    def quotient(factors: Any, params: Any, x: Any, targets: Any) -> Any:
        def loss(weights: list[Any]) -> Any:
            blocks = [{**b, "weight": w} for b, w in zip(params, weights, strict=True)]
            outputs = outputs_of(network, tuple(blocks), x)
            return -(jax.nn.log_softmax(outputs) * targets).sum(axis=1).mean()

        ends = np.cumsum([len(block["weight"]) for block in params])
        parts = jnp.split(factors, ends[:-1])
        weights = [b["weight"] * f[:, None, None] for b, f in zip(params, parts, strict=True)]
        gradients = jax.grad(loss)(weights)
        change = jax.grad(lambda w: sum((g * g).sum() for g in jax.grad(loss)(w)) / 2)(weights)
        safe = [g + EPSILON * jnp.where(g >= 0, 1.0, -1.0) for g in gradients]
        triples = zip(gradients, change, safe, strict=True)
        return sum(abs((g - c) / s - 1).sum() for g, c, s in triples) / sum(w.size for w in weights)

    return jax.jit(jax.grad(quotient))
