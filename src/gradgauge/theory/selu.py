r"""The self-normalizing fixed point of SELU.

f(u) = scale (u for u > 0, alpha (exp(u) - 1) for u <= 0)
"""

from __future__ import annotations

import math

from scipy.special import erfc

from gradgauge.theory.activation_moments import moments


def selu_constants() -> tuple[float, float]:
    r"""scale and alpha that preserve mean 0 and variance 1.

        E[f(u)] = 0 and E[f(u)^2] = 1 for u ~ N(0, 1):
        alpha = sqrt(2 / pi) / (1 - erfc(1 / sqrt 2) sqrt e)
        scale = (1/2 + alpha^2 (e^2 erfc(sqrt 2) / 2 - sqrt e erfc(1 / sqrt 2) + 1/2))^(-1/2)

    Returns:
        (1.0507009873554805, 1.6732632423543772).

    References:
        Klambauer et al. (2017), eq. 14.
    """
    root, tail = math.sqrt(math.e), float(erfc(math.sqrt(0.5)))
    alpha = math.sqrt(2 / math.pi) / (1 - tail * root)
    left = math.e**2 * float(erfc(math.sqrt(2))) / 2 - root * tail + 0.5
    return 1 / math.sqrt(0.5 + alpha**2 * left), alpha


def selu_fixed_point_growth() -> float:
    r"""The gradient's mean square per layer at SELU's fixed point, sigma_w = 1.

        E[f'(u)^2],  u ~ N(0, 1):  1.071575, so the norm grows by 3.5% per layer

    Returns:
        chi_grad.

    References:
        Klambauer et al. (2017) for the fixed point; the value of chi_grad there is our own.
    """
    return float(moments("selu").slope_square(1.0))
