"""Dynamical isometry: how far the Jacobian's singular values spread."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradgauge.errors import UnknownName
from gradgauge.spec.checks import not_negative, positive, whole_number
from gradgauge.theory.activation_moments import moments

FIRST_MOMENT = {"orthogonal": 0.0, "gaussian": -1.0}
"""s_1 of the weights: the first coefficient of the S-transform of W W^T."""


@dataclass(frozen=True)
class SingularValueSpread:
    """Moments of the squared singular values of the Jacobian of `depth` layers.

    Attributes:
        mean: their mean, chi_grad^depth.
        variance: their variance.
    """

    mean: float
    variance: float


def singular_value_spread(
    activation: str, q: float, depth: int, weights: str = "orthogonal", sigma_w: float | None = None
) -> SingularValueSpread:
    r"""Mean and variance of the squared singular values of an L-layer Jacobian.

        mean = (sigma_w^2 mu_1)^L,   variance = mean^2 L (mu_2 / mu_1^2 - 1 - s_1)
        mu_k = E[f'(u)^(2 k)],  u ~ N(0, q);   s_1 = 0 for orthogonal, -1 for Gaussian weights

    On the critical line the mean is 1. With Gaussian weights the variance grows at least like
    L; with orthogonal ones it stays small where mu_2 / mu_1^2 - 1 is of the order 1 / L, that is
    at small q. A ReLU (mu_2 = mu_1 = 1/2) has variance L even with orthogonal weights.

    Args:
        activation: its name.
        q: variance of the pre-activations, the fixed point.
        depth: L.
        weights: "orthogonal" or "gaussian".
        sigma_w: 1 / sqrt(mu_1) if not given: the critical one.

    Returns:
        See SingularValueSpread.

    Raises:
        UnknownName: no such activation or kind of weights.
        InvalidValue: q negative, depth below 1, sigma_w not above 0.

    References:
        Pennington, Schoenholz & Ganguli (2017), Resurrecting the Sigmoid; (2018), The Emergence
        of Spectral Universality: the variance of the spectrum of J J^T.
    """
    form = moments(activation)
    not_negative("q", q)
    whole_number("depth", depth, 1)
    if weights not in FIRST_MOMENT:
        raise UnknownName("init", weights, FIRST_MOMENT)
    mu_1, mu_2 = float(form.slope_square(q)), float(form.slope_fourth(q))
    if sigma_w is None:
        chi_grad = 1.0
    else:
        positive("sigma_w", sigma_w)
        chi_grad = sigma_w**2 * mu_1
    log_mean = depth * math.log(chi_grad)
    relative = max(depth * (mu_2 / mu_1**2 - 1 - FIRST_MOMENT[weights]), 0.0)
    return SingularValueSpread(_exp(log_mean), relative * _exp(2 * log_mean))


def _exp(x: float) -> float:
    return math.exp(x) if x < 709 else math.inf
