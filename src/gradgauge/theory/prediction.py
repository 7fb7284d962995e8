"""`predict`: everything mean-field theory says about an activation at (sigma_w, sigma_b).

CONTRACT section 5 fixes the names and the JSON. A quantity is a finite number, inf, or None
with its reason; never NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from gradgauge.json import number
from gradgauge.theory.activation_moments import Moments, moments
from gradgauge.theory.correlation_map import correlation_fixed_point, depth_to_forget
from gradgauge.theory.finite_depth import chi_grad_at
from gradgauge.theory.length_map import EQUAL, LengthFixedPoint, depth_scale, length_fixed_point

PHASE_TOLERANCE = 1e-6
"""|chi_grad - 1| up to this counts as critical: a depth scale of a million layers."""

_JSON_FIELDS = (
    "activation",
    "sigma_w",
    "sigma_b",
    "q_star",
    "chi_grad",
    "chi_len",
    "c_star",
    "xi_q",
    "xi_c",
    "trainable_depth",
    "phase",
)


@dataclass(frozen=True)
class Prediction:
    """What mean-field theory predicts for wide networks of one activation.

    Attributes:
        activation: its name.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in).
        sigma_b: b ~ N(0, sigma_b^2).
        q_star: variance of z, the fixed point reached from q = 1; 0: decays; inf: grows.
        chi_grad: sigma_w^2 E[f'(z)^2] at q_star: the gradient's mean square, per layer.
        chi_len: slope of the length map at q_star.
        c_star: correlation that any two inputs converge to; None if q_star is inf.
        xi_q: depth scale of the length; None where no fixed point attracts it.
        xi_c: depth scale of the correlation.
        trainable_depth: 6 xi_c.
        phase: "ordered", "critical" or "chaotic": chi_grad below, at or above 1.
        reasons: quantity -> key of the catalog's `theory.reason` table, for each that is None,
            infinite or a limit.
    """

    activation: str
    sigma_w: float
    sigma_b: float
    q_star: float | None
    chi_grad: float
    chi_len: float
    c_star: float | None
    xi_q: float | None
    xi_c: float | None
    trainable_depth: float | None
    phase: str
    reasons: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, str | float | None]:
        """The document printed by `gradgauge theory --json`, with infinity as the string "inf"."""
        return {name: number(getattr(self, name)) for name in _JSON_FIELDS}


def phase_of(chi_grad: float) -> str:
    """ "ordered", "critical" (chi_grad is 1 to PHASE_TOLERANCE) or "chaotic".

    Args:
        chi_grad: sigma_w^2 E[f'(z)^2].

    References:
        Poole et al. (2016), section 2: order and chaos meet at chi_1 = 1.
    """
    if abs(chi_grad - 1) <= PHASE_TOLERANCE:
        return "critical"
    return "ordered" if chi_grad < 1 else "chaotic"


def predict(activation: str, sigma_w: float, sigma_b: float = 0.0) -> Prediction:
    r"""Mean-field prediction for a wide network of one activation.

        q_star   = sigma_w^2 E[f(u)^2] + sigma_b^2,       u ~ N(0, q_star)
        chi_grad = sigma_w^2 E[f'(u)^2]
        chi_len  = sigma_w^2 E[u f(u) f'(u)] / q_star
        c_star   = (sigma_w^2 E[f(u1) f(u2)] + sigma_b^2) / q_star
        xi_q     = -1 / ln(chi_len),   xi_c = -1 / ln(sigma_w^2 E[f'(u1) f'(u2)] at c_star)

    Where q_star is 0 (no biases and weights too small) all values are the limit of vanishing
    biases: c_star = 1 and xi_c = -1 / ln(chi_grad). Where q_star is inf, chi_grad and chi_len
    are their limits, and there is no correlation map to linearize.

    Args:
        activation: its name.
        sigma_w: at least 0.
        sigma_b: at least 0.

    Returns:
        See Prediction.

    Raises:
        UnknownName: no such activation.
        InvalidValue: a sigma negative or not finite.

    Example:
        >>> round(predict("tanh", 1.5, 0.3).chi_grad, 6)
        1.060981

    References:
        Poole et al. (2016), sections 2 and 3; Schoenholz et al. (2017), sections 3 and 5.
    """
    form = moments(activation)
    length = length_fixed_point(activation, sigma_w, sigma_b)
    reasons: dict[str, str] = {}
    if length.note is not None:
        reasons["q_star"] = length.note
    xi_q = _length_scale(length, reasons)
    chi_grad = chi_grad_at(form, length.q_star, sigma_w)
    c_star, slope = _correlation(form, length, chi_grad, sigma_w, sigma_b, reasons)
    xi_c = None if slope is None else depth_scale(slope)
    if xi_c == math.inf:
        reasons["xi_c"] = reasons["trainable_depth"] = "critical"
    return Prediction(
        activation=activation,
        sigma_w=float(sigma_w),
        sigma_b=float(sigma_b),
        q_star=length.q_star,
        chi_grad=chi_grad,
        chi_len=length.chi_len,
        c_star=c_star,
        xi_q=xi_q,
        xi_c=xi_c,
        trainable_depth=None if xi_c is None else depth_to_forget(xi_c),
        phase=phase_of(chi_grad),
        reasons=reasons,
    )


def phase_diagram(
    activation: str, sigma_w: Iterable[float], sigma_b: Iterable[float]
) -> list[list[Prediction]]:
    """`predict` on a grid: rows over sigma_b, columns over sigma_w.

    The length map's table is shared by all points; a point takes 1 ms where the network is
    ordered and about 20 ms where it is chaotic, so 1,000 points take about 10 s.

    Args:
        activation: its name.
        sigma_w: the columns.
        sigma_b: the rows.

    Returns:
        One row of predictions for every sigma_b.

    Raises:
        UnknownName, InvalidValue: as for `predict`.

    References:
        Poole et al. (2016), figure 1; Schoenholz et al. (2017), section 3.
    """
    columns = list(sigma_w)
    return [[predict(activation, w, b) for w in columns] for b in sigma_b]


def _length_scale(length: LengthFixedPoint, reasons: dict[str, str]) -> float | None:
    if length.q_star == math.inf:
        reasons["xi_q"] = length.note or "length_diverges"
        return None
    if length.note == "half_stable":
        reasons["xi_q"] = "half_stable"
        return math.inf
    xi_q = depth_scale(length.chi_len)
    if xi_q is None:
        reasons["xi_q"] = "length_unstable"
    elif xi_q == math.inf:
        reasons["xi_q"] = "any_length" if length.note == "any_length" else "critical_length"
    return xi_q


def _correlation(
    form: Moments,
    length: LengthFixedPoint,
    chi_grad: float,
    sigma_w: float,
    sigma_b: float,
    reasons: dict[str, str],
) -> tuple[float | None, float | None]:
    """c_star and the map's slope there, both None where there is no map."""
    if length.q_star == math.inf:
        for name in ("c_star", "xi_c", "trainable_depth"):
            reasons[name] = "no_fixed_length"
        return None, None
    if length.q_star == 0:
        reasons["c_star"] = "vanishing_bias"
        return 1.0, min(chi_grad, 1.0)
    if form.name == "linear" and abs(chi_grad - 1) <= EQUAL:
        reasons["c_star"] = "any_correlation"
        return None, 1.0
    fixed = correlation_fixed_point(form.name, length.q_star, sigma_w, sigma_b)
    return fixed.c_star, fixed.slope
