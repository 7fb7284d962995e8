r"""Gaussian moments in closed form, for the activations that have them.

Each function takes q (a number or an array) and returns the moment of u ~ N(0, q):

    square          E[f(u)^2]              slope_square   E[f'(u)^2]
    square_growth   d E[f(u)^2] / dq       slope_fourth   E[f'(u)^4]
    mean            E[f(u)]                mean_slope     E[f'(u)]

and for pairs of correlation 1 - eps, half_gap E[(f(u1) - f(u2))^2] / 2 and the same of f'.

References:
    ReLU and leaky ReLU: Cho & Saul (2009), section 2; erf: Williams (1997), section 3.1.
    GELU, sin and the clipped lines: by integration by parts, here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtr

from gradgauge.theory._panels import Array, Floats, density

if TYPE_CHECKING:
    from jaxtyping import Float64

Moment = Callable[[float | Floats], Floats]
Gap = Callable[[float, float], float]


@dataclass(frozen=True)
class ClosedForms:
    """What is known of an activation; None where quadrature has to serve."""

    square: Moment
    slope_square: Moment
    square_growth: Moment
    mean: Moment | None = None
    mean_slope: Moment | None = None
    slope_fourth: Moment | None = None
    half_gap: Gap | None = None
    slope_half_gap: Gap | None = None
    homogeneity: float | None = None
    """E[f(u)^2] / q where f(a u) = a f(u) for a > 0; None for other activations."""


def two_lines(negative_slope: float) -> ClosedForms:
    """max(u, 0) + negative_slope min(u, 0): every moment is proportional to a power of q."""

    def constant(power: int) -> Moment:
        value = (1 + negative_slope**power) / 2
        return lambda q: np.full_like(np.asarray(q, dtype=np.float64), value)

    half = (1 + negative_slope**2) / 2
    lift = (1 - negative_slope) / math.sqrt(2 * math.pi)
    return ClosedForms(
        square=lambda q: half * np.asarray(q, dtype=np.float64),
        slope_square=constant(2),
        square_growth=constant(2),
        mean=lambda q: lift * np.sqrt(np.asarray(q, dtype=np.float64)),
        mean_slope=constant(1),
        slope_fourth=constant(4),
        homogeneity=half,
    )


def clipped_line(low: float, high: float, slope: float, offset: float) -> ClosedForms:
    """clip(slope u + offset, low, high): partial moments of the normal density."""
    left, right = (low - offset) / slope, (high - offset) / slope

    def parts(q: float | Float64[Array, "*lengths"]) -> tuple[Float64[Array, "*lengths"], ...]:
        scale = np.maximum(np.sqrt(np.asarray(q, dtype=np.float64)), 1e-100)
        a, b = left / scale, right / scale
        zeroth = ndtr(b) - ndtr(a)
        first = scale * (density(a) - density(b))
        second = scale**2 * (zeroth + a * density(a) - b * density(b))
        return scale, ndtr(a), ndtr(-b), zeroth, first, second

    def square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
        _, below, above, zeroth, first, second = parts(q)
        inside = slope**2 * second + 2 * slope * offset * first + offset**2 * zeroth
        return low**2 * below + high**2 * above + inside

    def slope_square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
        return slope**2 * parts(q)[3]

    def square_growth(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
        scale, _, _, _, first, second = parts(q)
        return slope * (slope * second + offset * first) / scale**2

    return ClosedForms(square, slope_square, square_growth)


def _erf_square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    q = np.asarray(q, dtype=np.float64)
    return (2 / math.pi) * np.arcsin(2 * q / (1 + 2 * q))


def _erf_slope_square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return (4 / math.pi) / np.sqrt(1 + 4 * np.asarray(q, dtype=np.float64))


def _erf_square_growth(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    q = np.asarray(q, dtype=np.float64)
    return (4 / math.pi) / ((1 + 2 * q) * np.sqrt(1 + 4 * q))


def _erf_mean_slope(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return (2 / math.sqrt(math.pi)) / np.sqrt(1 + 2 * np.asarray(q, dtype=np.float64))


def _erf_slope_fourth(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return (4 / math.pi) ** 2 / np.sqrt(1 + 8 * np.asarray(q, dtype=np.float64))


def _erf_half_gap(q: float, eps: float) -> float:
    """(2 / pi) (asin a - asin(a c)), as the sine of a difference, which does not cancel."""
    a = 2 * q / (1 + 2 * q)
    b = a * (1 - eps)
    cos_a, cos_b = math.sqrt(1 + 4 * q) / (1 + 2 * q), math.sqrt((1 - b) * (1 + b))
    angle = math.atan2(a * a * eps * (2 - eps) / (a * cos_b + b * cos_a), cos_a * cos_b + a * b)
    return (2 / math.pi) * angle


def _erf_slope_half_gap(q: float, eps: float) -> float:
    equal = 1 + 4 * q
    apart = 4 * q * q * eps * (2 - eps)
    root, other = math.sqrt(equal), math.sqrt(equal + apart)
    return (4 / math.pi) * apart / (root * other * (root + other))


def _sin_square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return -0.5 * np.expm1(-2 * np.asarray(q, dtype=np.float64))


def _sin_slope_square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return 0.5 * (1 + np.exp(-2 * np.asarray(q, dtype=np.float64)))


def _sin_square_growth(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return np.exp(-2 * np.asarray(q, dtype=np.float64))


def _sin_mean_slope(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return np.exp(-0.5 * np.asarray(q, dtype=np.float64))


def _sin_slope_fourth(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    q = np.asarray(q, dtype=np.float64)
    return (3 + 4 * np.exp(-2 * q) + np.exp(-8 * q)) / 8


def _zero(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    return np.zeros_like(np.asarray(q, dtype=np.float64))


def _sin_half_gap(q: float, eps: float) -> float:
    """exp(-q) (sinh q - sinh q c), without its cancellation and its overflow."""
    return -0.5 * math.expm1(-q * eps) * (1 + math.exp(-q * (2 - eps)))


def _sin_slope_half_gap(q: float, eps: float) -> float:
    """exp(-q) (cosh q - cosh q c)."""
    return 0.5 * math.expm1(-q * eps) * math.expm1(-q * (2 - eps))


def _gelu_cdf_square(q: Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    """E[Phi(u)^2]."""
    return 0.25 + np.arcsin(q / (1 + q)) / (2 * math.pi)


def _gelu_square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    q = np.asarray(q, dtype=np.float64)
    return q * _gelu_cdf_square(q) + q * (q / (1 + q)) / (math.pi * np.sqrt(1 + 2 * q))


def _gelu_slope_square(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    q = np.asarray(q, dtype=np.float64)
    root = np.sqrt(1 + 2 * q)
    mixed = q / (math.pi * (1 + q) * root)
    return _gelu_cdf_square(q) + mixed + q / (2 * math.pi * root**3)


def _gelu_square_growth(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    q = np.asarray(q, dtype=np.float64)
    root = np.sqrt(1 + 2 * q)
    share = q / (1 + q)
    tail = 2.5 * share - share**2 - share * q / root**2
    return _gelu_cdf_square(q) + tail / (math.pi * root)


CLOSED_FORMS: dict[str, ClosedForms] = {
    "relu": two_lines(0.0),
    "linear": two_lines(1.0),
    "leaky_relu": two_lines(0.01),
    "hardtanh": clipped_line(-1.0, 1.0, 1.0, 0.0),
    "hard_sigmoid": clipped_line(0.0, 1.0, 1 / 6, 0.5),
    "relu6": clipped_line(0.0, 6.0, 1.0, 0.0),
    "erf": ClosedForms(
        _erf_square,
        _erf_slope_square,
        _erf_square_growth,
        mean=_zero,
        mean_slope=_erf_mean_slope,
        slope_fourth=_erf_slope_fourth,
        half_gap=_erf_half_gap,
        slope_half_gap=_erf_slope_half_gap,
    ),
    "sin": ClosedForms(
        _sin_square,
        _sin_slope_square,
        _sin_square_growth,
        mean=_zero,
        mean_slope=_sin_mean_slope,
        slope_fourth=_sin_slope_fourth,
        half_gap=_sin_half_gap,
        slope_half_gap=_sin_slope_half_gap,
    ),
    "gelu": ClosedForms(_gelu_square, _gelu_slope_square, _gelu_square_growth),
}
