r"""Where the gradient neither dies nor explodes: chi_grad = 1.

Every q is the fixed point of exactly one critical network:

    sigma_w^2(q) = 1 / E[f'(u)^2],   sigma_b^2(q) = q - sigma_w^2(q) E[f(u)^2],   u ~ N(0, q)

so the critical line is parametrized by q, and the point at a given sigma_b is a root in q. By itself
that does not make it a place where a network can sit: the length must be attracted too,
chi_len <= 1. For GELU, SiLU and Mish it is not for small biases; where chi_grad and chi_len
are both 1 is their half-stable point.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.json import number
from gradgauge.spec.checks import not_negative, positive
from gradgauge.theory._panels import Array
from gradgauge.theory.activation_moments import Moments, moments, output_at_zero
from gradgauge.theory.length_map import EQUAL, length_fixed_point, length_table
from gradgauge.theory.solving import root

if TYPE_CHECKING:
    from jaxtyping import Float64

ATTRACTED = 1e-4
"""chi_len up to 1 + ATTRACTED counts as attracted: half-stable points are typed in rounded."""

_ROUNDING = 1e-12
_REACHED = 1e-4


@dataclass(frozen=True)
class CriticalPoint:
    """A critical network, or why there is none.

    Attributes:
        activation: its name.
        sigma_b: b ~ N(0, sigma_b^2).
        sigma_w2: the critical sigma_w^2; None where there is none.
        q_star: the fixed length; 0 and inf are limits.
        chi_len: the length map's slope there.
        note: a key of the catalog's `theory.reason` table if something is special.
    """

    activation: str
    sigma_b: float
    sigma_w2: float | None
    q_star: float | None
    chi_len: float | None
    note: str | None = None

    def to_json(self) -> dict[str, str | float | None]:
        """The document printed by `gradgauge theory --critical --json`."""
        return {
            "sigma_w2_critical": number(self.sigma_w2),
            "q_star": number(self.q_star),
        }


def critical(activation: str, sigma_b: float = 0.0) -> CriticalPoint:
    r"""The sigma_w^2 at which chi_grad = 1, for biases of standard deviation sigma_b.

        q - E[f(u)^2] / E[f'(u)^2] = sigma_b^2,   sigma_w^2 = 1 / E[f'(u)^2],   u ~ N(0, q)

    Args:
        activation: its name.
        sigma_b: b ~ N(0, sigma_b^2), at least 0.

    Returns:
        See CriticalPoint. No point: softplus at any sigma_b; GELU, SiLU and Mish with biases
        so small that the length is repelled from it. ReLU and similar activations:
        1 / E[f'^2] for any sigma_b; every length is preserved, or with biases grows without bound.

    Raises:
        UnknownName: no such activation.
        InvalidValue: sigma_b negative or not finite.

    References:
        Poole et al. (2016), section 2 (chi_1 = 1); Hayou, Doucet & Rousseau (2019), section 3
        (ReLU); the parametrization by q is ours.
    """
    form = moments(activation)
    not_negative("sigma_b", sigma_b)
    if form.homogeneity is not None:
        sigma_w2 = 1 / form.homogeneity
        fixed = length_fixed_point(activation, math.sqrt(sigma_w2), sigma_b)
        return CriticalPoint(activation, sigma_b, sigma_w2, fixed.q_star, 1.0, fixed.note)
    found = [_point(form, q, sigma_b) for q in _lengths(form, sigma_b)]
    if sigma_b == 0 and output_at_zero(activation) == 0:
        found += _dying_point(form)
    attracted = [point for point in found if (point.chi_len or 0) <= 1 + ATTRACTED]
    reached = [point for point in attracted if point.note is None]
    if reached or attracted:
        return (reached or attracted)[0]
    note = "length_repelled" if found else "no_critical_point"
    return CriticalPoint(activation, sigma_b, None, None, None, note)


def critical_bias(activation: str, sigma_w2: float) -> CriticalPoint:
    r"""The biases that make a network of given sigma_w^2 critical.

        E[f'(u)^2] = 1 / sigma_w^2 gives q,   sigma_b^2 = q - sigma_w^2 E[f(u)^2]

    Args:
        activation: its name.
        sigma_w2: variance of the weights times fan-in, above 0.

    Returns:
        The point with its sigma_b; sigma_w2 is None if no sigma_b makes it critical.

    Raises:
        UnknownName: no such activation.
        InvalidValue: sigma_w2 not above 0 or not finite.

    References:
        Pennington, Schoenholz & Ganguli (2017): the tanh networks at sigma_w^2 = 1.05.
    """
    form = moments(activation)
    positive("sigma_w2", sigma_w2)
    if form.homogeneity is not None:
        if abs(sigma_w2 * form.homogeneity - 1) > EQUAL:
            return CriticalPoint(activation, 0.0, None, None, None, "scale_alone_decides")
        return critical(activation, 0.0)

    def excess(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
        return sigma_w2 * form.slope_square(q) - 1

    for q in _roots(excess, length_table(activation)[0], _ROUNDING):
        bias2 = q - sigma_w2 * float(form.square(q))
        if bias2 >= 0:
            return _point(form, q, math.sqrt(bias2))
    return CriticalPoint(activation, 0.0, None, None, None, "no_critical_point")


def critical_line(
    activation: str, q: Float64[Array, " points"]
) -> tuple[Float64[Array, " points"], Float64[Array, " points"]]:
    r"""The critical line, parametrized by the fixed length.

        sigma_w^2(q) = 1 / E[f'(u)^2],   sigma_b^2(q) = q - sigma_w^2(q) E[f(u)^2]

    Args:
        activation: its name.
        q: fixed lengths, above 0.

    Returns:
        sigma_w^2 and sigma_b^2, in q's shape. Where sigma_b^2 is negative there is no network.

    Raises:
        UnknownName: no such activation.

    References:
        Poole et al. (2016), figure 1; the parametrization by q is ours.
    """
    form = moments(activation)
    sigma_w2 = 1 / form.slope_square(q)
    return sigma_w2, q - sigma_w2 * form.square(q)


def half_stable_point(activation: str) -> CriticalPoint:
    r"""Where gradient and length are both critical, at a length above 0.

        chi_grad = chi_len = 1:   d E[f(u)^2] / dq = E[f'(u)^2],
        sigma_w^2 = 1 / E[f'(u)^2],   sigma_b^2 = q - sigma_w^2 E[f(u)^2]

    Plain iteration stalls here, since the length map touches the identity; it is found as a
    root in q.

    Args:
        activation: its name.

    Returns:
        The point with its sigma_b (for GELU sigma_w^2 = 1.983058, sigma_b^2 = 0.172922,
        q = 3.561553); sigma_w2 is None if there is none: tanh and similar activations
        have it only at q = 0, ReLU and similar ones everywhere.

    Raises:
        UnknownName: no such activation.

    References:
        Roberts, Yaida & Hanin (2022), section 5.3.4.
    """
    form = moments(activation)
    none = CriticalPoint(activation, 0.0, None, None, None, "no_half_stable_point")
    if form.homogeneity is not None:
        return none

    def difference(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
        return form.square_growth(q) / form.slope_square(q) - 1

    grid = length_table(activation)[0]
    for q in _roots(difference, grid[(grid > 1e-4) & (grid < 1e6)], 1e-8):
        sigma_w2 = 1 / float(form.slope_square(q))
        bias2 = q - sigma_w2 * float(form.square(q))
        if bias2 >= 0:
            return CriticalPoint(activation, math.sqrt(bias2), sigma_w2, q, 1.0, "half_stable")
    return none


def _lengths(form: Moments, sigma_b: float) -> list[float]:
    """All q > 0 at which the critical line crosses sigma_b."""

    def missing(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
        return 1 - (form.square(q) / form.slope_square(q) + sigma_b**2) / q

    return _roots(missing, length_table(form.name)[0], _ROUNDING)


def _roots(g: Callable, grid: Float64[Array, " points"], rounding: float) -> list[float]:
    """The sign changes of g on the grid that are larger than its rounding."""
    values = g(grid)
    known = np.flatnonzero(np.abs(values) > rounding)
    turns = np.flatnonzero(values[known[:-1]] * values[known[1:]] < 0)
    return [
        root(lambda q: float(g(q)), float(grid[known[t]]), float(grid[known[t + 1]]), xtol=1e-300)
        for t in turns
    ]


def _point(form: Moments, q: float, sigma_b: float) -> CriticalPoint:
    """The critical network whose fixed length is q; noted if q = 1 does not lead there."""
    sigma_w2 = 1 / float(form.slope_square(q))
    chi_len = sigma_w2 * float(form.square_growth(q))
    reached = length_fixed_point(form.name, math.sqrt(sigma_w2), sigma_b).q_star
    note = None if abs(reached - q) <= _REACHED * q else "not_from_one"
    return CriticalPoint(form.name, sigma_b, sigma_w2, q, chi_len, note)


def _dying_point(form: Moments) -> list[CriticalPoint]:
    """q = 0 without biases: critical if the length, slower and slower, does fall to it."""
    sigma_w2 = 1 / float(form.slope_square(0.0))
    fixed = length_fixed_point(form.name, math.sqrt(sigma_w2), 0.0)
    falls = fixed.q_star < 1e-6
    chi_len = sigma_w2 * float(form.square_growth(0.0)) if falls else math.inf
    return [CriticalPoint(form.name, 0.0, sigma_w2, 0.0, chi_len, "signal_fades")]
