r"""The length map: how the variance of pre-activations goes from layer to layer.

    q_next = M(q) = sigma_w^2 V(q) + sigma_b^2,   V(q) = E[f(u)^2],  u ~ N(0, q)

Its fixed point is not found by iterating, which stalls wherever the map's slope is 1, but by
looking for the first root of M(q) - q on the way from q = 1: M grows with q, so an iteration
from 1 moves one way only and stops at exactly that root.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.spec.checks import not_negative, positive
from gradgauge.theory._panels import Array
from gradgauge.theory.activation_moments import Moments, moments, output_at_zero
from gradgauge.theory.solving import least, root

if TYPE_CHECKING:
    from jaxtyping import Float64

START = 1.0
"""The variance from which the iteration is followed: that of a normalized input."""

EQUAL = 1e-9
"""Two slopes closer than this are not told apart: a slope of 1 +- EQUAL counts as 1."""

NEARLY_FIXED = 1e-7
"""Where |M(q) - q| has a minimum on the way that is smaller than this times q, the length is
held there for millions of layers (a half-stable point): it counts as the fixed point."""

_LOWEST, _HIGHEST, _FARTHEST = 1e-12, 1e12, 1e30
_TINIEST = 1e-290
_ROUNDING = 1e-13
_PER_DECADE = 20


Drift = Callable[[float], float]
"""log q -> M(q) / q - 1."""


@dataclass(frozen=True)
class LengthFixedPoint:
    """The fixed point of the length map that is reached from q = 1.

    Attributes:
        q_star: the fixed point; 0 if the signal decays to 0, inf if it grows without bound.
        chi_len: the map's slope there, at 0 and inf its limit.
        note: a key of the catalog's `theory.reason` table if something is special.
    """

    q_star: float
    chi_len: float
    note: str | None = None


def next_length(
    activation: str, q: float | Float64[Array, "*lengths"], sigma_w: float, sigma_b: float
) -> Float64[Array, "*lengths"]:
    r"""The variance of the next layer's pre-activations.

        M(q) = sigma_w^2 E[f(u)^2] + sigma_b^2,   u ~ N(0, q)

    Args:
        activation: its name.
        q: variance(s) of this layer's pre-activations.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in).
        sigma_b: b ~ N(0, sigma_b^2).

    Returns:
        M(q), in q's shape.

    Raises:
        UnknownName: no such activation.

    References:
        Poole et al. (2016), section 2: the length map.
    """
    return sigma_w**2 * moments(activation).square(q) + sigma_b**2


def length_fixed_point(activation: str, sigma_w: float, sigma_b: float) -> LengthFixedPoint:
    r"""The fixed point of the length map that an iteration from q = 1 reaches.

        q_star = M(q_star),   chi_len = M'(q_star) = sigma_w^2 E[u f(u) f'(u)] / q_star

    If there are several fixed points (GELU and SiLU with small sigma_b; sin has only one), it is
    the one that the iteration reaches: the next above 1 if M(1) > 1, else the next below.

    Args:
        activation: its name.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in), at least 0.
        sigma_b: b ~ N(0, sigma_b^2), at least 0.

    Returns:
        Never NaN: see LengthFixedPoint.

    Raises:
        UnknownName: no such activation.
        InvalidValue: a sigma negative or not finite.

    References:
        Poole et al. (2016), section 2; Schoenholz et al. (2017), section 3.
    """
    form = moments(activation)
    not_negative("sigma_w", sigma_w)
    not_negative("sigma_b", sigma_b)
    if form.homogeneity is not None:
        return _homogeneous(sigma_w**2 * form.homogeneity, sigma_b)
    q_star, note = _first_root(form, sigma_w, sigma_b)
    if q_star == math.inf:
        return LengthFixedPoint(q_star, sigma_w**2 * form.square_at_infinity, note)
    slope = sigma_w**2 * float(form.square_growth(q_star))
    return LengthFixedPoint(q_star, slope, note)


def length_profile(
    activation: str, depth: int, sigma_w: float, sigma_b: float, q0: float = START
) -> Float64[Array, " {depth}+1"]:
    r"""The variances q_0, ..., q_depth along a finite network, q_(l+1) = M(q_l).

    Args:
        activation: its name.
        depth: number of steps.
        sigma_w, sigma_b: as in `next_length`.
        q0: the first one.

    Returns:
        depth + 1 variances; inf once they leave double precision.

    Raises:
        UnknownName: no such activation.
        InvalidValue: q0 or a sigma negative or not finite.

    References:
        Poole et al. (2016), section 2.
    """
    not_negative("sigma_w", sigma_w)
    not_negative("sigma_b", sigma_b)
    positive("q0", q0)
    lengths = np.empty(depth + 1)
    lengths[0] = q0
    for layer in range(depth):
        q = lengths[layer]
        known = q < _FARTHEST
        lengths[layer + 1] = next_length(activation, q, sigma_w, sigma_b) if known else math.inf
    return lengths


def depth_scale(slope: float) -> float | None:
    r"""xi = -1 / ln(slope): the number of layers in which a deviation shrinks by e.

    Args:
        slope: of a map at its fixed point.

    Returns:
        0 for slope 0; inf where the slope is 1 to 1e-9; None above: nothing shrinks.

    References:
        Schoenholz et al. (2017), section 3: xi_q and xi_c.
    """
    slope = abs(slope)
    if abs(slope - 1) <= EQUAL:
        return math.inf
    if slope > 1:
        return None
    return 0.0 if slope == 0 else -1 / math.log(slope)


def _homogeneous(slope: float, sigma_b: float) -> LengthFixedPoint:
    """ReLU and its kin: M is a straight line, q_next = slope q + sigma_b^2."""
    if abs(slope - 1) <= EQUAL:
        if sigma_b == 0:
            return LengthFixedPoint(START, slope, "any_length")
        return LengthFixedPoint(math.inf, slope, "length_grows_by_bias")
    if slope > 1:
        return LengthFixedPoint(math.inf, slope, "length_diverges")
    q_star = sigma_b**2 / (1 - slope)
    return LengthFixedPoint(q_star, slope, "signal_dies" if q_star == 0 else None)


@functools.cache
def length_table(activation: str) -> tuple[Float64[Array, " points"], Float64[Array, " points"]]:
    """q from 1e-12 to 1e12, twenty a decade, and V(q): shared by all sigma_w and sigma_b."""
    decades = round(math.log10(_HIGHEST / _LOWEST))
    q = np.logspace(math.log10(_LOWEST), math.log10(_HIGHEST), decades * _PER_DECADE + 1)
    return q, moments(activation).square(q)


def _first_root(form: Moments, sigma_w: float, sigma_b: float) -> tuple[float, str | None]:
    """The first q on the way from 1 at which the map stands still, and a note."""
    grid, squares = length_table(form.name)
    drift = (sigma_w**2 * squares + sigma_b**2) / grid - 1
    middle = grid.size // 2
    up = drift[middle] > 0
    path = slice(middle, None) if up else slice(middle, None, -1)
    q, drift = grid[path], drift[path]

    def relative(log_q: float) -> float:
        value = math.exp(log_q)
        return float(sigma_w**2 * form.square(value) + sigma_b**2) / value - 1

    if abs(drift[0]) <= _ROUNDING:
        return START, "any_length"
    drift = drift * np.sign(drift[0])
    crossing = np.flatnonzero(drift < -_ROUNDING)
    end = int(crossing[0]) if crossing.size else q.size
    last = int(np.flatnonzero(drift[:end] > _ROUNDING)[-1])
    held = _half_stable(relative, np.log(q[: last + 1]), drift[: last + 1])
    if held is not None:
        return held
    if crossing.size:
        return _root(relative, q[last], q[end]), None
    return _above_grid(form, relative, sigma_w) if up else _below_grid(form, relative, sigma_b)


def _root(relative: Drift, low: float, high: float) -> float:
    return math.exp(root(relative, math.log(low), math.log(high), xtol=1e-15))


def _half_stable(
    relative: Drift, log_q: Float64[Array, " points"], size: Float64[Array, " points"]
) -> tuple[float, str | None] | None:
    """A place on the way where the drift has a minimum that is zero or as good as zero.

    Where it turns its sign between two points of the table, the first root there is the end.
    """
    inner = np.flatnonzero((size[1:-1] < size[:-2]) & (size[1:-1] <= size[2:])) + 1
    sign = 1.0 if relative(float(log_q[0])) > 0 else -1.0
    for at in inner[size[inner] < 0.1]:
        low, high = sorted((float(log_q[at - 1]), float(log_q[at + 1])))
        nearest, drift = least(lambda x: sign * relative(x), low, high, xatol=1e-10)
        if drift < -NEARLY_FIXED:
            first = float(log_q[at - 1])
            return _root(relative, math.exp(first), math.exp(nearest)), None
        if drift <= NEARLY_FIXED:
            return math.exp(nearest), "half_stable"
    return None


def _above_grid(form: Moments, relative: Drift, sigma_w: float) -> tuple[float, str | None]:
    """Nothing holds the length up to 1e12: it is far out, or grows for ever."""
    ends = sigma_w**2 * form.square_at_infinity < 1 - EQUAL
    if ends and relative(math.log(_FARTHEST)) < 0:
        return _root(relative, _HIGHEST, _FARTHEST), None
    return math.inf, "length_diverges"


def _below_grid(form: Moments, relative: Drift, sigma_b: float) -> tuple[float, str | None]:
    """The length falls below 1e-12: to where the biases or f(0) hold it, or to 0."""
    kept = sigma_b > 0 or output_at_zero(form.name) != 0
    if kept and relative(math.log(_TINIEST)) > 0:
        return _root(relative, _TINIEST, _LOWEST), None
    return 0.0, "signal_dies"
