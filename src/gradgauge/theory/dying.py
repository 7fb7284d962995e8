"""Dying ReLU networks: a layer that is silent for the only input."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradgauge.spec.checks import whole_number


def dying_probability(widths: Sequence[int]) -> float:
    r"""Probability that a ReLU network without biases returns 0 for a given input.

        1 - prod over hidden layers of (1 - 2^-n_l)

    Each unit is off with probability 1/2 regardless of earlier layers; a layer is silent if all its
    units are, and then so are all later ones. The formula is exact for one input, and an upper
    bound on the probability that the network is silent for every one of several inputs.

    Args:
        widths: of the hidden layers.

    Returns:
        The probability; near 1 for deep and narrow networks.

    Raises:
        InvalidValue: a width below 1.

    References:
        Lu et al. (2019), Dying ReLU and Initialization; Rister & Rubin (2020), Probabilistic
        Bounds on Neuron Death in Deep Rectifier Networks.
    """
    for width in widths:
        whole_number("width", width, 1)
    return -math.expm1(sum(math.log1p(-(2.0**-width)) for width in widths))
