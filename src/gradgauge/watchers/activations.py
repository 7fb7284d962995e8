"""The activation that a framework's name means, with its parameters."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from gradgauge.parts.activations import ACTIVATIONS, Activation

Array = Any

ALIASES = {
    "atan": "arctan",
    "celu": "elu",
    "hard_silu": "",
    "hard_swish": "",
    "hard_tanh": "hardtanh",
    "hardsigmoid": "hard_sigmoid",
    "identity": "linear",
    "logistic": "sigmoid",
    "swish": "silu",
}

_SAME = 1e-5
"""How closely f(z) must repeat h, in shares of the largest h, to be called its activation."""


def named(name: str, options: Mapping[str, Any] | None = None) -> Activation | None:
    """The activation called `name` by Keras, PyTorch or JAX; None where its slope is not known.

    Args:
        name: `relu`, `LeakyReLU`, `leaky_relu_`, `swish`, ...
        options: its parameters, as the framework spells them.
    """
    options = options or {}
    key = name.strip("_").lower()
    key = {k.replace("_", ""): k for k in ACTIVATIONS}.get(key.replace("_", ""), key)
    key = ALIASES.get(key, key)
    if key == "gelu" and options.get("approximate") in (True, "tanh"):
        key = "gelu_tanh"
    base = ACTIVATIONS.get(key)
    if base is None:
        return None
    if key == "leaky_relu":
        return _leaky(base, float(options.get("negative_slope", 0.01)))
    if key == "elu" and float(options.get("alpha", 1.0)) != 1.0:
        return None
    if key == "hardtanh" and (options.get("min_val", -1.0), options.get("max_val", 1.0)) != (-1, 1):
        return None
    if key == "softplus" and (options.get("beta", 1.0), options.get("threshold", 20.0)) != (1, 20):
        return None
    return base


def _leaky(base: Activation, slope: float) -> Activation:
    if slope == 0.01:
        return base

    def f(z: Array) -> Array:
        return array_namespace(z).where(z > 0, z, slope * z)

    def derivative(z: Array) -> Array:
        xp = array_namespace(z)
        return xp.where(z > 0, xp.ones_like(z), xp.full_like(z, slope))

    return dataclasses.replace(base, f=f, slope=derivative, max_slope=max(1.0, abs(slope)))


def recognized(z: np.ndarray, h: np.ndarray, hint: Activation | None = None) -> Activation | None:
    """The known f with f(z) = h, entry by entry, or None.

    Args:
        z, h: of one shape.
        hint: to try first.
    """
    scale = float(np.max(np.abs(h), initial=0.0))
    if not np.isfinite(scale) or scale == 0.0:
        return hint
    for known in (*([hint] if hint else []), *ACTIVATIONS.values()):
        with np.errstate(all="ignore"):
            if np.max(np.abs(known.f(z) - h)) <= _SAME * scale:
                return known
    return None
