"""Dropout: the critical point is gone, and the depth scale is finite everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradgauge.errors import InvalidValue
from gradgauge.spec.checks import positive
from gradgauge.theory.activation_moments import Moments, moments
from gradgauge.theory.length_map import depth_scale, length_fixed_point
from gradgauge.theory.prediction import predict
from gradgauge.theory.solving import root


@dataclass(frozen=True)
class DropoutPrediction:
    """Mean-field prediction for a network with dropout.

    Attributes:
        q_star: variance of z with dropout on.
        chi_grad: (sigma_w^2 / keep) E[f'(z)^2].
        c_star: correlation that even identical inputs converge to, because their masks differ.
        xi_c: its depth scale; None where q_star is 0 or inf.
    """

    q_star: float
    chi_grad: float
    c_star: float | None
    xi_c: float | None


def dropout_prediction(
    activation: str, sigma_w: float, sigma_b: float, keep: float
) -> DropoutPrediction:
    r"""Mean-field prediction with dropout on the activations, h -> h mask / keep.

        q_star = (sigma_w^2 / keep) E[f(u)^2] + sigma_b^2
        c_star = (sigma_w^2 E[f(u1) f(u2)] + sigma_b^2) / q_star
        xi_c   = -1 / ln(sigma_w^2 E[f'(u1) f'(u2)] at c_star)

    At c = 1 the map gives less than 1, since two masks differ: c_star < 1 and xi_c is finite
    wherever keep < 1.

    Args:
        activation: its name.
        sigma_w: W ~ N(0, sigma_w^2 / fan_in).
        sigma_b: b ~ N(0, sigma_b^2).
        keep: probability that an activation is kept, in (0, 1].

    Returns:
        See DropoutPrediction; with keep = 1, the same values as `predict`.

    Raises:
        UnknownName: no such activation.
        InvalidValue: a sigma negative or not finite, keep outside (0, 1].

    References:
        Schoenholz et al. (2017), section on dropout.
    """
    form = moments(activation)
    positive("keep", keep)
    if keep > 1:
        raise InvalidValue("keep", keep, "at_most_least", most=1)
    if keep == 1:
        plain = predict(activation, sigma_w, sigma_b)
        return DropoutPrediction(plain.q_star or 0.0, plain.chi_grad, plain.c_star, plain.xi_c)
    length = length_fixed_point(activation, sigma_w / math.sqrt(keep), sigma_b)
    q = length.q_star
    if q in (0.0, math.inf):
        edge = form.square_at_infinity if q else float(form.slope_square(0.0))
        return DropoutPrediction(q, sigma_w**2 / keep * edge, None, None)
    noise = sigma_w**2 * float(form.square(q)) * (1 / keep - 1) / q

    def excess(eps: float) -> float:
        return noise + sigma_w**2 * form.half_gap(q, eps) / q - eps

    chi_grad = sigma_w**2 / keep * float(form.slope_square(q))
    if excess(1.0) >= 0:
        return DropoutPrediction(q, chi_grad, 0.0, depth_scale(_uncorrelated(form, q, sigma_w)))
    eps = root(excess, min(noise, 1.0) * (1 - 1e-12), 1.0, xtol=1e-14)
    slope = sigma_w**2 * (float(form.slope_square(q)) - form.slope_half_gap(q, eps))
    return DropoutPrediction(q, chi_grad, 1 - eps, depth_scale(slope))


def _uncorrelated(form: Moments, q: float, sigma_w: float) -> float:
    return sigma_w**2 * float(form.mean_slope(q)) ** 2
