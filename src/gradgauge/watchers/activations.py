"""The activation that a framework's name means, with its parameters."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

from array_api_compat import array_namespace

from gradgauge.parts import formulas
from gradgauge.parts.activations import ACTIVATIONS, Activation

Array = Any

ALIASES = {
    "atan": "arctan",
    "gelu_accurate": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "gelu_python": "gelu",
    "hard_silu": "hard_swish",
    "hard_tanh": "hardtanh",
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_swish",
    "identity": "linear",
    "logistic": "sigmoid",
    "logsigmoid": "log_sigmoid",
    "relu_squared": "relu2",
    "relu_squared_activation": "relu2",
    "squareplus": "",
    "swish": "silu",
    "tanh_shrink": "tanhshrink",
}


def _where(condition: Array, yes: Array, no: Array) -> Array:
    return array_namespace(condition).where(condition, yes, no)


def _ones(z: Array) -> Array:
    return array_namespace(z).ones_like(z)


def _zeros(z: Array) -> Array:
    return array_namespace(z).zeros_like(z)


def _hard_swish_slope(z: Array) -> Array:
    return _where(z >= 3, _ones(z), formulas.inside(z, -3.0, 3.0) * (z / 3 + 0.5))


def _quick_gelu_slope(z: Array) -> Array:
    return formulas.silu_slope(1.702 * z)


_LAPLACE = 0.707107, 0.282095
"""Mean and deviation of the normal distribution that transformers' `laplace` integrates."""


def _laplace(z: Array) -> Array:
    return (z - _LAPLACE[0]) / (_LAPLACE[1] * math.sqrt(2))


def _made(
    name: str,
    f: Callable[[Array], Array],
    slope: Callable[[Array], Array],
    max_slope: float,
    kinks: tuple[float, ...] = (),
) -> Activation:
    """An activation that is recognized, but that no notation names."""
    return Activation(name, f, slope, max_slope, math.nan, "", "", "", kinks=kinks)


MORE = {
    a.name: a
    for a in (
        _made(
            "hard_swish",
            lambda z: z * formulas.clip(z / 6 + 0.5, 0.0, 1.0),
            _hard_swish_slope,
            1.5,
            kinks=(-3.0, 3.0),
        ),
        _made(
            "quick_gelu",
            lambda z: z * formulas.sigmoid(1.702 * z),
            _quick_gelu_slope,
            1.099839320128867,
        ),
        _made(
            "relu2",
            lambda z: formulas.relu(z) * formulas.relu(z),
            lambda z: 2 * formulas.relu(z),
            math.inf,
        ),
        _made("log_sigmoid", lambda z: -formulas.softplus(-z), lambda z: formulas.sigmoid(-z), 1.0),
        _made(
            "tanhshrink",
            lambda z: z - formulas.tanh(z),
            lambda z: formulas.tanh(z) * formulas.tanh(z),
            1.0,
        ),
        _made("square", lambda z: z * z, lambda z: 2 * z, math.inf),
        _made(
            "exp",
            lambda z: array_namespace(z).exp(z),
            lambda z: array_namespace(z).exp(z),
            math.inf,
        ),
        _made(
            "abs",
            lambda z: array_namespace(z).abs(z),
            lambda z: array_namespace(z).sign(z),
            1.0,
            kinks=(0.0,),
        ),
        _made(
            "cos",
            lambda z: array_namespace(z).cos(z),
            lambda z: -array_namespace(z).sin(z),
            1.0,
        ),
        _made(
            "laplace",
            lambda z: 0.5 * (1 + ACTIVATIONS["erf"].f(_laplace(z))),
            lambda z: 0.5 * formulas.erf_slope(_laplace(z)) / (_LAPLACE[1] * math.sqrt(2)),
            1 / (_LAPLACE[1] * math.sqrt(2 * math.pi)),
        ),
        _made(
            "expm1",
            lambda z: array_namespace(z).expm1(z),
            lambda z: array_namespace(z).exp(z),
            math.inf,
        ),
    )
}
"""Activations of the frameworks beyond those that a notation may name."""

KNOWN = {"linear": ACTIVATIONS["linear"], **ACTIVATIONS, **MORE}
"""All whose value and slope are known; parameters as the frameworks have them by default."""


def leaky_relu(slope: float) -> Activation:
    """max(z, 0) + slope * min(z, 0)."""
    base = ACTIVATIONS["leaky_relu"]
    if slope == 0.01:
        return base
    if slope == 0.0:
        return ACTIVATIONS["relu"]
    return dataclasses.replace(
        base,
        f=lambda z: _where(z > 0, z, slope * z),
        slope=lambda z: _where(z > 0, _ones(z), slope * _ones(z)),
        max_slope=max(1.0, abs(slope)),
    )


def prelu(slope: Array) -> Activation:
    """Leaky ReLU whose slope, a scalar or one a unit, is learned."""

    def negative(z: Array) -> Array:
        return array_namespace(z).asarray(slope, dtype=z.dtype)

    return dataclasses.replace(
        ACTIVATIONS["leaky_relu"],
        name="prelu",
        f=lambda z: _where(z > 0, z, negative(z) * z),
        slope=lambda z: _where(z > 0, _ones(z), negative(z) * _ones(z)),
        max_slope=max(1.0, float(abs(slope).max())),
    )


def elu(alpha: float) -> Activation:
    """z above 0, alpha (e^z - 1) below."""
    base = ACTIVATIONS["elu"]
    if alpha == 1.0:
        return base
    return dataclasses.replace(
        base,
        f=lambda z: _where(z > 0, z, alpha * formulas.elu(z)),
        slope=lambda z: _where(z > 0, _ones(z), alpha * formulas.elu_slope(z)),
        max_slope=max(1.0, abs(alpha)),
        kinks=(0.0,),
    )


def celu(alpha: float) -> Activation:
    """z above 0, alpha (e^(z / alpha) - 1) below."""
    base = ACTIVATIONS["elu"]
    if alpha == 1.0:
        return base
    return dataclasses.replace(
        base,
        name="celu",
        f=lambda z: _where(z > 0, z, alpha * formulas.elu(z / alpha)),
        slope=lambda z: _where(z > 0, _ones(z), formulas.elu_slope(z / alpha)),
    )


def softplus(beta: float, threshold: float = 20.0) -> Activation:
    """ln(1 + e^(beta z)) / beta, and z itself where beta z is beyond the threshold."""
    base = ACTIVATIONS["softplus"]
    if (beta, threshold) == (1.0, 20.0):
        return base
    return dataclasses.replace(
        base,
        f=lambda z: _where(beta * z > threshold, z, formulas.softplus(beta * z) / beta),
        slope=lambda z: _where(beta * z > threshold, _ones(z), formulas.sigmoid(beta * z)),
    )


def bounded(low: float, high: float) -> Activation:
    """z between two bounds, and the bounds themselves outside."""
    for name, bounds in (("hardtanh", (-1.0, 1.0)), ("relu6", (0.0, 6.0)), ("relu", (0, math.inf))):
        if (low, high) == bounds:
            return ACTIVATIONS[name]
    return dataclasses.replace(
        ACTIVATIONS["hardtanh"],
        f=lambda z: formulas.clip(z, low, high),
        slope=lambda z: formulas.inside(z, low, high),
        saturates=math.isfinite(low) and math.isfinite(high),
        kinks=tuple(bound for bound in (low, high) if math.isfinite(bound)),
    )


def shrunk(width: float, *, soft: bool) -> Activation:
    """0 within `width` of 0; outside z, which `soft` moves towards 0 by `width`."""
    moved = width if soft else 0.0
    return _made(
        "softshrink" if soft else "hardshrink",
        lambda z: _where(z > width, z - moved, _where(z < -width, z + moved, _zeros(z))),
        lambda z: _where(abs(z) > width, _ones(z), _zeros(z)),
        1.0,
        kinks=(-width, width),
    )


_FAMILIES: dict[str, Callable[[Mapping[str, Any]], Activation | None]] = {
    "leaky_relu": lambda o: leaky_relu(float(o.get("negative_slope", 0.01))),
    "elu": lambda o: elu(float(o.get("alpha", 1.0))),
    "celu": lambda o: celu(float(o.get("alpha", 1.0))),
    "softplus": lambda o: softplus(float(o.get("beta", 1.0)), float(o.get("threshold", 20.0))),
    "hardtanh": lambda o: bounded(float(o.get("min_val", -1.0)), float(o.get("max_val", 1.0))),
    "softshrink": lambda o: shrunk(float(o.get("lambd", 0.5)), soft=True),
    "hardshrink": lambda o: shrunk(float(o.get("lambd", 0.5)), soft=False),
}
"""Activations with parameters, as the frameworks spell them."""


def named(name: str, options: Mapping[str, Any] | None = None) -> Activation | None:
    """The activation called `name` by Keras, PyTorch or JAX; None where its slope is not known.

    Args:
        name: `relu`, `LeakyReLU`, `leaky_relu_`, `swish`, ...
        options: its parameters, as the framework spells them.
    """
    options = options or {}
    key = name.strip("_").lower()
    spelled = {k.replace("_", ""): k for k in (*KNOWN, *ALIASES, *_FAMILIES)}
    key = spelled.get(key.replace("_", ""), key)
    key = ALIASES.get(key, key)
    if key == "gelu" and options.get("approximate") in (True, "tanh"):
        key = "gelu_tanh"
    family = _FAMILIES.get(key)
    return family(options) if family is not None else KNOWN.get(key)
