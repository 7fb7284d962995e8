"""Linear networks: what depth does without any activation."""

from __future__ import annotations

import math

from gradgauge.errors import InvalidValue
from gradgauge.spec.checks import not_negative, positive


def mean_singular_value(sigma_w: float) -> float:
    r"""Mean singular value of a large square matrix with entries of variance sigma_w^2 / n.

        8 sigma_w / (3 pi)

    0.490 for uniform weights within 1 / sqrt(n) (sigma_w^2 = 1/3), 0.849 for Glorot's.

    Args:
        sigma_w: at least 0.

    Returns:
        The mean of the quarter circle law.

    Raises:
        InvalidValue: sigma_w negative or not finite.

    References:
        Glorot & Bengio (2010), section 4.2.1: about 0.5 and 0.8, measured through tanh.
    """
    not_negative("sigma_w", sigma_w)
    return 8 * sigma_w / (3 * math.pi)


def learning_time(strength: float, start: float, end: float, time_constant: float = 1.0) -> float:
    r"""Time for one mode of a two-layer linear network to grow from `start` to `end`.

        t = tau / (2 s) ln(end (s - start) / (start (s - end)))

    Args:
        strength: s, the singular value of the input-output correlation to be learned.
        start, end: strengths of the mode, 0 < start <= end < s.
        time_constant: tau, the inverse learning rate.

    Returns:
        t.

    Raises:
        InvalidValue: the order of the strengths is violated.

    References:
        Saxe, McClelland & Ganguli (2014), section 1: the sigmoidal course of a mode.
    """
    positive("strength", strength)
    positive("start", start)
    positive("time_constant", time_constant)
    if not start <= end < strength:
        raise InvalidValue("end", end, "at_most_least", most=strength)
    ratio = end * (strength - start) / (start * (strength - end))
    return time_constant / (2 * strength) * math.log(ratio)
