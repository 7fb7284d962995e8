r"""Fluctuations at finite width: the norm's logarithm walks, one random step a layer.

With Gaussian weights of variance sigma_w^2 / fan_in, a layer of n units multiplies the squared
norm of whatever passes it, forward or backward, by sigma_w^2 / fan_in times a chi^2 variable
with as many degrees of freedom as units are active: n for a linear layer, a binomial number of
n halves for ReLU. The steps of different layers are independent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from gradgauge.errors import UnknownName
from gradgauge.spec.checks import positive, whole_number

_KINDS = ("relu", "linear")


@dataclass(frozen=True)
class LogGain:
    """Mean and variance of a logarithm of norms."""

    mean: float
    variance: float

    @property
    def std(self) -> float:
        """Its standard deviation."""
        return math.sqrt(self.variance)


def relu_log_gain(width: int, sigma_w2: float = 2.0, fan_in: int | None = None) -> LogGain:
    r"""ln(|h_next|^2 / |h|^2) of one ReLU layer without biases, exactly.

        mean = sum over k of P(k) (digamma(k / 2) + ln(2 sigma_w^2 / fan_in)),
        P(k) = C(n, k) / (2^n - 1),  k = 1..n   (given that a unit is active at all)

    For He's sigma_w^2 = 2 and large n: mean -5 / (2 n), variance 5 / n.

    Args:
        width: n, units of the layer.
        sigma_w2: variance of the weights times fan-in.
        fan_in: n if not given.

    Returns:
        Mean and variance of the logarithm of the squared norms' ratio.

    Raises:
        InvalidValue: a width below 1, sigma_w2 not above 0.

    References:
        Hanin & Nica (2020), Products of Many Large Random Matrices and Gradients in Deep
        Neural Networks, for the large-n form; Sussillo & Abbott (2014) for the walk.
    """
    whole_number("width", width, 1)
    positive("sigma_w2", sigma_w2)
    active = np.arange(1, width + 1)
    log_share = gammaln(width + 1) - gammaln(active + 1) - gammaln(width - active + 1)
    share = np.exp(log_share - log_share.max())
    share /= share.sum()
    step = digamma(active / 2) + math.log(2 * sigma_w2 / (fan_in or width))
    mean = float(share @ step)
    spread = float(share @ ((step - mean) ** 2 + polygamma(1, active / 2)))
    return LogGain(mean, spread)


def linear_log_gain(width: int, sigma_w2: float = 1.0, fan_in: int | None = None) -> LogGain:
    r"""ln(|h_next|^2 / |h|^2) of one linear layer with Gaussian weights, exactly.

        mean = digamma(n / 2) + ln(2 sigma_w^2 / fan_in),   variance = trigamma(n / 2)

    Args:
        width: n, units of the layer.
        sigma_w2: variance of the weights times fan-in.
        fan_in: n if not given.

    Returns:
        Mean and variance of the logarithm of the squared norms' ratio.

    Raises:
        InvalidValue: a width below 1, sigma_w2 not above 0.

    References:
        The moments of ln chi^2_n; Sussillo & Abbott (2014) for the walk.
    """
    whole_number("width", width, 1)
    positive("sigma_w2", sigma_w2)
    mean = float(digamma(width / 2)) + math.log(2 * sigma_w2 / (fan_in or width))
    return LogGain(mean, float(polygamma(1, width / 2)))


def log_gradient_norm(
    widths: Sequence[int], activation: str = "relu", sigma_w2: float | None = None
) -> LogGain:
    r"""Mean and spread of ln(|delta_1| / |delta_L+1|) over random networks, exactly.

        sum over the layers of half the `relu_log_gain` or `linear_log_gain`

    Args:
        widths: of the hidden layers that the gradient passes; equal fan-out assumed.
        activation: "relu" or "linear".
        sigma_w2: 2 and 1 if not given: the scale that keeps the mean square.

    Returns:
        Mean and variance of the logarithm of the norm (not of its square).

    Raises:
        UnknownName: another activation: no exact law is known.
        InvalidValue: as for the gains.

    References:
        Hanin & Nica (2020); Sussillo & Abbott (2014).
    """
    if activation not in _KINDS:
        raise UnknownName("activation", activation, _KINDS)
    if activation == "relu":
        steps = [relu_log_gain(n, sigma_w2 or 2.0) for n in widths]
    else:
        steps = [linear_log_gain(n, sigma_w2 or 1.0) for n in widths]
    return LogGain(sum(s.mean for s in steps) / 2, sum(s.variance for s in steps) / 4)


def log_norm2_large_width(widths: Sequence[int]) -> LogGain:
    r"""The log-normal law of a deep He-initialized ReLU network, to first order in 1 / n.

        ln |h_L|^2 / |h_0|^2  ~  N(-5 beta / 2, 5 beta),   beta = sum over layers of 1 / n_l

    Args:
        widths: of the hidden layers.

    Returns:
        Mean and variance of the logarithm of the squared norms' ratio.

    Raises:
        InvalidValue: a width below 1.

    References:
        Hanin & Nica (2020); beta: Hanin (2018), Which Neural Net Architectures Give Rise to
        Exploding and Vanishing Gradients.
    """
    for width in widths:
        whole_number("width", width, 1)
    beta = sum(1 / n for n in widths)
    return LogGain(-2.5 * beta, 5 * beta)


def unbiased_gain(width: int, activation: str = "relu") -> float:
    r"""The sigma_w at which the logarithm of the norm has no drift at this width.

        linear: exp(-m / 2), m the mean of `linear_log_gain`;  ReLU: sqrt(2) exp(-m / 2)

    To first order exp(1 / (2 n)) and sqrt(2) exp(5 / (4 n)).

    Args:
        width: n, units of every layer.
        activation: "relu" or "linear".

    Returns:
        sigma_w, above the gain that keeps the mean square.

    Raises:
        UnknownName: another activation.
        InvalidValue: a width below 1.

    References:
        Sussillo & Abbott (2014), Random Walk Initialization, whose ReLU formula is a fit to this.
    """
    drift = log_gradient_norm([width], activation).mean
    return (math.sqrt(2) if activation == "relu" else 1.0) * math.exp(-drift)
