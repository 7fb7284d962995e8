r"""Residual networks: the gradient grows by what the branch adds, not by a product alone.

x_next = x + v f(W x + b) + a:   with W, v, b, a of variances sigma_w^2 / n, sigma_v^2 / n,
sigma_b^2, sigma_a^2,  q = sigma_w^2 p + sigma_b^2  and  p_next = p + sigma_v^2 E[f(u)^2] + sigma_a^2
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.spec.checks import not_negative, positive, whole_number
from gradgauge.theory._panels import Array
from gradgauge.theory.activation_moments import moments

if TYPE_CHECKING:
    from jaxtyping import Float64


@dataclass(frozen=True)
class ResidualProfile:
    """Length and gradient growth of a residual network, block by block.

    Attributes:
        stream: p_0..p_L, the mean square of the stream's entries.
        length: q_1..q_L, the variance of the branches' pre-activations.
        growth: the factors by which each block multiplies the gradient's mean square.
    """

    stream: Float64[Array, " places"]
    length: Float64[Array, " places-1"]
    growth: Float64[Array, " places-1"]

    @property
    def log_growth(self) -> float:
        """The logarithm of the whole factor."""
        return float(np.sum(np.log(self.growth)))


def residual_profile(
    activation: str,
    depth: int,
    sigma_w: float = 1.0,
    sigma_v: float = 1.0,
    sigma_b: float = 0.0,
    sigma_a: float = 0.0,
    p0: float = 1.0,
) -> ResidualProfile:
    r"""Length and gradient growth of a full residual network, block by block.

        growth_l = 1 + sigma_v^2 sigma_w^2 E[f'(u)^2],   u ~ N(0, q_l)

    For ReLU it is 1 + sigma_v^2 sigma_w^2 / 2 in every block: still exponential. For tanh the
    stream grows, the slopes shrink, and the logarithm grows only like the root of the depth.

    Args:
        activation: its name.
        depth: number of blocks.
        sigma_w, sigma_v, sigma_b, sigma_a: see the module docstring.
        p0: mean square of the stream's entries at the start.

    Returns:
        See ResidualProfile.

    Raises:
        UnknownName: no such activation.
        InvalidValue: a sigma negative, depth below 1, p0 not above 0.

    References:
        Yang & Schoenholz (2017), Mean Field Residual Networks: the full residual network.
    """
    form = moments(activation)
    whole_number("depth", depth, 1)
    positive("p0", p0)
    sigmas = {"sigma_w": sigma_w, "sigma_v": sigma_v, "sigma_b": sigma_b, "sigma_a": sigma_a}
    for name, value in sigmas.items():
        not_negative(name, value)
    stream, length = np.empty(depth + 1), np.empty(depth)
    stream[0] = p0
    for block in range(depth):
        length[block] = sigma_w**2 * stream[block] + sigma_b**2
        added = sigma_v**2 * float(form.square(length[block])) + sigma_a**2
        stream[block + 1] = stream[block] + added
    growth = 1 + (sigma_v * sigma_w) ** 2 * form.slope_square(length)
    return ResidualProfile(stream, length, growth)


def tanh_residual_exponent(sigma_w: float, sigma_v: float, sigma_a: float = 0.0) -> float:
    r"""A in ln(growth) ~ A sqrt(L) of a full tanh residual network of L blocks.

        A = (4 / 3) sqrt(2 / pi) sigma_v^2 sigma_w / sqrt(sigma_v^2 + sigma_a^2)

    It is reached slowly: with all sigmas 1 or 0 the quotient ln(growth) / (A sqrt(L)) passes 1
    and is still 2% off at 1,000 blocks, so use `residual_profile` for a finite network.

    Args:
        sigma_w, sigma_v, sigma_a: see the module docstring; sigma_v above 0.

    Returns:
        A.

    Raises:
        InvalidValue: a sigma negative, sigma_v not above 0.

    References:
        Yang & Schoenholz (2017), the full residual tanh network; derived again in
        docs/theory.md.
    """
    not_negative("sigma_w", sigma_w)
    positive("sigma_v", sigma_v)
    not_negative("sigma_a", sigma_a)
    return 4 / 3 * math.sqrt(2 / math.pi) * sigma_v**2 * sigma_w / math.hypot(sigma_v, sigma_a)
