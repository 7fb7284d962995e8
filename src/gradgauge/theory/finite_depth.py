"""The gradient along a finite network whose length has not settled yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.spec.checks import whole_number
from gradgauge.theory._panels import Array
from gradgauge.theory.activation_moments import Moments, moments
from gradgauge.theory.length_map import START, length_profile

if TYPE_CHECKING:
    from jaxtyping import Float64


@dataclass(frozen=True)
class GradientProfile:
    """Length and gradient factors of every layer, first to last.

    Attributes:
        length: q_1..q_L, the variance of each layer's pre-activations.
        chi_grad: sigma_w^2 E[f'(u)^2] at each of them.
        product: product[l - 1] = chi_grad_l chi_grad_(l+1) ... chi_grad_L: the mean square of
            delta in layer l over that of the gradient that reaches the last activation.
    """

    length: Float64[Array, " layers"]
    chi_grad: Float64[Array, " layers"]
    product: Float64[Array, " layers"]


def gradient_profile(
    activation: str, depth: int, sigma_w: float, sigma_b: float = 0.0, q0: float = START
) -> GradientProfile:
    r"""How the gradient's mean square shrinks or grows from the last layer to the first.

        chi_grad_l = sigma_w^2 E[f'(u)^2],  u ~ N(0, q_l),  q_1 = q0,  q_(l+1) = M(q_l)

    For tanh with sigma_w = 1 and no biases chi_grad at the fixed point is 1, but the length
    approaches it only as 1 / l: the gradient falls like 0.71 / L, as a power, not exponentially.

    Args:
        activation: its name.
        depth: L, number of layers.
        sigma_w, sigma_b: W ~ N(0, sigma_w^2 / fan_in), b ~ N(0, sigma_b^2).
        q0: variance of the first layer's pre-activations.

    Returns:
        See GradientProfile; product[0] is the whole factor.

    Raises:
        UnknownName: no such activation.
        InvalidValue: depth below 1, q0 not above 0, a sigma negative.

    References:
        Glorot & Bengio (2010), section 4.2.1, beyond the linear regime; Poole et al. (2016).
    """
    whole_number("depth", depth, 1)
    lengths = length_profile(activation, depth - 1, sigma_w, sigma_b, q0)
    chi = np.array([chi_grad_at(moments(activation), q, sigma_w) for q in lengths])
    return GradientProfile(lengths, chi, np.multiply.accumulate(chi[::-1])[::-1])


def chi_grad_at(form: Moments, q: float, sigma_w: float) -> float:
    """sigma_w^2 E[f'(u)^2]; at q = inf only the two outer slopes count, as in V / q."""
    if np.isinf(q):
        return sigma_w**2 * form.square_at_infinity
    return sigma_w**2 * float(form.slope_square(q))
