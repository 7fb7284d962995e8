r"""ReLU and leaky ReLU networks without biases: correlations in closed form.

At the scale that keeps the length, sigma_w^2 = 2 / (1 + a^2), the correlation map of
max(u, 0) + a min(u, 0) is

    C(c) = c + k (sqrt(1 - c^2) - c arccos c),   k = (1 - a)^2 / (pi (1 + a^2))
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.errors import InvalidValue
from gradgauge.spec.checks import positive, whole_number
from gradgauge.theory._panels import Array
from gradgauge.theory.solving import root

if TYPE_CHECKING:
    from jaxtyping import Float64


def leaky_correlation_map(c: float, negative_slope: float = 0.0) -> float:
    r"""The next layer's correlation, C(c) in the module docstring; ReLU by default.

    Args:
        c: this layer's, in [-1, 1].
        negative_slope: a.

    Returns:
        C(c).

    Raises:
        InvalidValue: c outside [-1, 1].

    References:
        Cho & Saul (2009): the arc-cosine kernel of order 1; Zhang, Botev & Martens (2022) for
        leaky ReLU.
    """
    if not -1 <= c <= 1:
        raise InvalidValue("c", c, "at_most_least", most=1)
    weight = (1 - negative_slope) ** 2 / (math.pi * (1 + negative_slope**2))
    return c + weight * (math.sqrt((1 - c) * (1 + c)) - c * math.acos(c))


def correlation_profile(
    c0: float, depth: int, negative_slope: float = 0.0
) -> Float64[Array, " {depth}+1"]:
    r"""The correlations c_0, ..., c_depth, c_(l+1) = C(c_l).

    For ReLU, 1 - c_l approaches 9 pi^2 / (2 l^2) slowly: at l = 10 it is 29% of that.

    Args:
        c0: of the inputs.
        depth: number of layers.
        negative_slope: a.

    Returns:
        depth + 1 correlations; from 0 for ReLU c_10 = 0.871536.

    Raises:
        InvalidValue: c0 outside [-1, 1], depth below 0.

    References:
        Cho & Saul (2009); Hayou, Doucet & Rousseau (2019) for the rate.
    """
    whole_number("depth", depth, 0)
    correlations = [c0]
    for _ in range(depth):
        correlations.append(leaky_correlation_map(correlations[-1], negative_slope))
    return np.array(correlations)


def relu_gradient_correlation(c0: float, depth: int) -> float:
    r"""Correlation of two inputs' gradients, sent back through `depth` ReLU layers.

        prod over l = 1..depth of C'(c_l),   C'(c) = 1 - arccos(c) / pi

    It falls like depth^-3, not like 2^-depth, which assumes that active units stay independent.

    Args:
        c0: correlation of the inputs.
        depth: number of layers.

    Returns:
        The factor; from c0 = 0 and 10 layers 0.033652.

    Raises:
        InvalidValue: c0 outside [-1, 1], depth below 0.

    References:
        Cho & Saul (2009), the kernel of order 0; contrast Balduzzi et al. (2017), theorem 1.
    """
    correlations = correlation_profile(c0, depth)
    return float(np.prod(1 - np.arccos(correlations[:depth]) / math.pi))


def tailored_leaky_slope(depth: int, eta: float) -> float:
    r"""The negative slope with which a deep leaky ReLU chain maps correlation 0 to eta.

        C^depth(0) = eta  for the slope a in [0, 1]

    Args:
        depth: number of layers.
        eta: the correlation wanted at the end, in (0, 1); 0.9 in the paper.

    Returns:
        a; 0.430523 for 50 layers and eta = 0.9. 0 if even ReLU stays below eta: deeper networks
        only need a tailored slope.

    Raises:
        InvalidValue: depth below 1, eta outside (0, 1).

    References:
        Zhang, Botev & Martens (2022), Deep Learning without Shortcuts: tailored ReLU (TReLU).
    """
    whole_number("depth", depth, 1)
    positive("eta", eta)
    if eta >= 1:
        raise InvalidValue("eta", eta, "fraction")

    def excess(slope: float) -> float:
        return float(correlation_profile(0.0, depth, slope)[-1]) - eta

    if excess(0.0) <= 0:
        return 0.0
    return root(excess, 0.0, 1.0, xtol=1e-13)
