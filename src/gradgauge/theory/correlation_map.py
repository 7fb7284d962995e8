r"""The correlation map: how alike two inputs' pre-activations become from layer to layer.

At the fixed length q_star two inputs of correlation c go to

    C(c) = (sigma_w^2 E[f(u1) f(u2)] + sigma_b^2) / q_star,   C(1) = 1,   C'(1) = chi_grad

C is convex on [0, 1] (its Taylor coefficients are squares), so it has at most one fixed point
below 1, and has one if and only if chi_grad > 1. It is sought as the root of

    (1 - C(1 - eps)) / eps - 1,

which is chi_grad - 1 at eps = 0 and falls steadily: well conditioned however close c_star is to 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from gradgauge.spec.checks import fraction, positive
from gradgauge.theory.activation_moments import Moments, moments
from gradgauge.theory.length_map import EQUAL
from gradgauge.theory.solving import root

_NO_OVERLAP = 1e-15
_CLOSEST = 1e-13


@dataclass(frozen=True)
class CorrelationFixedPoint:
    """The fixed point of the correlation map.

    Attributes:
        c_star: the fixed point that attracts every c in [0, 1).
        slope: the map's slope there; xi_c = -1 / ln(slope).
    """

    c_star: float
    slope: float


def next_correlation(activation: str, c: float, q: float, sigma_w: float, sigma_b: float) -> float:
    r"""The correlation in the next layer, at a length q that the layer keeps.

        C(c) = (sigma_w^2 E[f(u1) f(u2)] + sigma_b^2) / (sigma_w^2 E[f(u)^2] + sigma_b^2)

    Args:
        activation: its name.
        c: the correlation of u1 and u2, in [0, 1].
        q: their variance, above 0.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in).
        sigma_b: b ~ N(0, sigma_b^2).

    Returns:
        C(c).

    Raises:
        UnknownName: no such activation.
        InvalidValue: c outside [0, 1], q not above 0.

    References:
        Poole et al. (2016), section 2: the correlation map.
    """
    form = moments(activation)
    positive("q", q)
    if c != 1:
        fraction("c", c)
    length = sigma_w**2 * float(form.square(q)) + sigma_b**2
    return 1 - sigma_w**2 * form.half_gap(q, 1 - c) / length


def next_correlation_slope(activation: str, c: float, q: float, sigma_w: float) -> float:
    r"""The slope of the correlation map at the fixed length q.

        C'(c) = sigma_w^2 E[f'(u1) f'(u2)]

    Args:
        activation: its name.
        c: the correlation of u1 and u2, in [0, 1]; at 1 it is chi_grad.
        q: their variance, a fixed point of the length map.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in).

    Returns:
        C'(c).

    Raises:
        UnknownName: no such activation.
        InvalidValue: c outside [0, 1], q not above 0.

    References:
        Poole et al. (2016), section 2; Schoenholz et al. (2017), section 3 (chi_(c*)).
    """
    positive("q", q)
    if c != 1:
        fraction("c", c)
    return sigma_w**2 * _slope_overlap(moments(activation), q, 1 - c)


def correlation_fixed_point(
    activation: str, q_star: float, sigma_w: float, sigma_b: float
) -> CorrelationFixedPoint:
    r"""The correlation to which any two different inputs tend, and the map's slope there.

        c_star = C(c_star),   1 if chi_grad <= 1, else the only one below 1

    Args:
        activation: its name.
        q_star: the length map's fixed point, finite and above 0.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in).
        sigma_b: b ~ N(0, sigma_b^2).

    Returns:
        See CorrelationFixedPoint.

    Raises:
        UnknownName: no such activation.
        InvalidValue: q_star not above 0.

    References:
        Poole et al. (2016), section 2; Schoenholz et al. (2017), section 3.
    """
    form = moments(activation)
    positive("q", q_star)
    chi_grad = sigma_w**2 * float(form.slope_square(q_star))
    if chi_grad <= 1 + EQUAL:
        return CorrelationFixedPoint(1.0, chi_grad)
    overlap = (sigma_w**2 * float(form.mean(q_star)) ** 2 + sigma_b**2) / q_star
    if overlap <= _NO_OVERLAP:
        return CorrelationFixedPoint(0.0, sigma_w**2 * float(form.mean_slope(q_star)) ** 2)
    gain = sigma_w**2 / q_star

    def excess(eps: float) -> float:
        return gain * form.half_gap(q_star, eps) / eps - 1

    eps = _first_excess(excess)
    if eps is None:
        return CorrelationFixedPoint(1.0, 1.0)
    return CorrelationFixedPoint(1 - eps, sigma_w**2 * _slope_overlap(form, q_star, eps))


def _first_excess(excess: Callable[[float], float]) -> float | None:
    """The root on (0, 1] of a falling function that is below 0 at 1.

    Its decade is found first, so that few steps suffice. None: closer to 0 than can be told.
    """
    high = 1.0
    while high > _CLOSEST:
        low = high / 10
        if excess(low) >= 0:
            return root(excess, low, high, xtol=1e-14)
        high = low
    return None


def _slope_overlap(form: Moments, q: float, eps: float) -> float:
    """E[f'(u1) f'(u2)]; never negative, whatever rounding says."""
    if eps == 0:
        return float(form.slope_square(q))
    if eps == 1:
        return float(form.mean_slope(q)) ** 2
    return max(float(form.slope_square(q)) - form.slope_half_gap(q, eps), 0.0)


def depth_to_forget(xi_c: float) -> float:
    r"""The depth up to which a network can be trained: 6 xi_c.

    Args:
        xi_c: the correlation's depth scale, inf on the critical line.

    Returns:
        6 xi_c.

    References:
        Schoenholz et al. (2017), section 5: experiments train up to about 6 xi_c.
    """
    return 6 * xi_c if math.isfinite(xi_c) else math.inf
