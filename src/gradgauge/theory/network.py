r"""Prediction for one network: every layer's own scale, length and gradient factor.

The initializer of the spec gives each layer its sigma_w and sigma_b; the lengths follow from
the input's; the gradient's squared norm is multiplied, from the output down, by

    |delta_l|^2 / |delta_(l+1)|^2 = sigma_(w, l+1)^2 E[f'(u)^2],  u ~ N(0, q_l)

With normalization or skips the factors are those of `normalization` and `residual`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.json import number
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.spec.checks import positive
from gradgauge.spec.network import NetworkSpec
from gradgauge.theory._panels import Array
from gradgauge.theory.activation_moments import Moments, moments
from gradgauge.theory.finite_depth import chi_grad_at
from gradgauge.theory.normalization import batch_norm_growth

if TYPE_CHECKING:
    from jaxtyping import Float64

NOT_CENTERED = ("constant",)
"""Initializers whose weights have a mean other than 0."""


@dataclass(frozen=True)
class LayerPrediction:
    """What theory predicts for a hidden layer at initialization.

    Attributes:
        layer: counted from 1.
        activation: its name.
        sigma_w, sigma_b: of the layer's own weights and biases.
        q: variance of the input to the activation.
        chi_grad: |delta_l|^2 / |delta_(l+1)|^2, the square of backward_gain.
        decades: log10(delta_norm(l) / delta_norm(L + 1)); -inf where nothing arrives.
    """

    layer: int
    activation: str
    sigma_w: float
    sigma_b: float
    q: float
    chi_grad: float
    decades: float


@dataclass(frozen=True)
class NetworkPrediction:
    """Predictions for all hidden layers, or the reason why there are none.

    Attributes:
        layers: first to last; empty where `reason` says why.
        reason: a key of the catalog's `theory.reason` table, or None.
    """

    layers: tuple[LayerPrediction, ...]
    reason: str | None = None

    @property
    def decades(self) -> float | None:
        """log10(delta_norm(1) / delta_norm(L + 1)); None without layers."""
        return self.layers[0].decades if self.layers else None

    def to_json(self) -> dict[str, object]:
        """The layers as rows; infinity as the string "inf"."""
        rows = [
            {name: number(value) for name, value in vars(layer).items()} for layer in self.layers
        ]
        return {"layers": rows, "reason": self.reason}


def layer_sigmas(network: NetworkSpec) -> list[tuple[float, float]]:
    r"""(sigma_w, sigma_b) of every layer, the output layer last.

        sigma_w^2 = scale^2 fan_in Var W,   sigma_b = bias_std, else the initializer's own

    Args:
        network: any spec.

    Returns:
        One pair for each of the L + 1 layers.

    References:
        The initializers' papers: `gradgauge.parts.initializers`.
    """
    init = INITIALIZERS[network.init]
    pairs = []
    for fan_in, fan_out in network.shapes:
        sigma_w = network.scale * math.sqrt(fan_in * init.variance(fan_in, fan_out))
        own = init.bias_limit(fan_in) / math.sqrt(3)
        pairs.append((sigma_w, network.bias_std or own))
    return pairs


def predict_network(
    network: NetworkSpec, input_square: float = 1.0, batch: float = math.inf
) -> NetworkPrediction:
    r"""Lengths and gradient factors of every hidden layer of one network.

        q_1 = sigma_w^2 input_square + sigma_b^2,   q_(l+1) = sigma_w^2 E[h_l^2] + sigma_b^2
        |delta_l|^2 / |delta_(l+1)|^2 = sigma_(w, l+1)^2 E[f'(u)^2],  u ~ N(0, q_l)

    Layer normalization sets q to 1 and divides by the root of what q was; batch normalization
    does so with the variance across inputs. With skips g sums both paths, which add in mean
    square.

    Args:
        network: any spec.
        input_square: mean square of an input's entries.
        batch: samples per batch, for batch normalization.

    Returns:
        See NetworkPrediction. No layers for the initializer `constant`, whose weights have a
        mean: the theory is about centered weights.

    Raises:
        InvalidValue: input_square not above 0.

    References:
        He et al. (2015), eq. 14, for the factor with fan-out; Poole et al. (2016), section 2;
        Yang & Schoenholz (2017) for skips; Yang et al. (2019) for batch normalization.
    """
    positive("input_square", input_square)
    if network.init in NOT_CENTERED:
        return NetworkPrediction((), "weights_not_centered")
    sigmas = layer_sigmas(network)
    lengths, divisors = _forward(network, sigmas, input_square)
    logs = _backward(network, sigmas, _slopes(network, lengths, batch), divisors)
    reached = np.isfinite(logs[1:])
    steps = np.where(reached, logs[:-1] - np.where(reached, logs[1:], 0.0), -math.inf)
    figures = np.stack([lengths, np.exp(steps), logs[:-1] / (2 * math.log(10))], axis=1)
    layers = tuple(
        LayerPrediction(index + 1, layer.activation, *sigmas[index], *row)
        for index, (layer, row) in enumerate(zip(network.hidden, figures.tolist(), strict=True))
    )
    return NetworkPrediction(layers)


def _opens(network: NetworkSpec, index: int) -> bool:
    """Whether a skip starts after hidden layer `index`, counted from 0."""
    return network.skip > 0 and index % network.skip == 0


def _forward(
    network: NetworkSpec, sigmas: list[tuple[float, float]], input_square: float
) -> tuple[Float64[Array, " layers"], Float64[Array, " layers"]]:
    """Each hidden layer's q, and what a normalization divides the squared signal by, else 1."""
    lengths, divisors = np.ones(network.depth), np.ones(network.depth)
    square, mean, spread = input_square, 0.0, input_square
    saved = (0.0, 0.0, 0.0)
    for index, name in enumerate(network.activations):
        sigma_w, sigma_b = sigmas[index]
        q = sigma_w**2 * square + sigma_b**2
        if network.norm == "none":
            lengths[index] = q
        else:
            divisors[index] = q if network.norm == "layer" else sigma_w**2 * spread
        square, mean, spread = _output_moments(moments(name), float(lengths[index]))
        if _opens(network, index):
            square += saved[0] + 2 * mean * saved[1]
            mean, spread = mean + saved[1], spread + saved[2]
            saved = (square, mean, spread)
    return lengths, divisors


def _output_moments(form: Moments, q: float) -> tuple[float, float, float]:
    """Mean square, mean and variance of f(u)."""
    if not math.isfinite(q):
        return math.inf, 0.0, math.inf
    square, mean = float(form.square(q)), float(form.mean(q))
    return square, mean, square - mean**2


def _slopes(
    network: NetworkSpec, lengths: Float64[Array, " layers"], batch: float
) -> Float64[Array, " layers"]:
    """E[f'(u)^2] of every hidden layer; a finite batch changes what batch norm lets through."""
    forms = [moments(name) for name in network.activations]
    squares = np.array([chi_grad_at(f, q, 1.0) for f, q in zip(forms, lengths, strict=True)])
    if network.norm == "batch" and batch != math.inf:
        finite = [batch_norm_growth(f.name, batch) / batch_norm_growth(f.name) for f in forms]
        squares *= np.array(finite)
    return squares


def _backward(
    network: NetworkSpec,
    sigmas: list[tuple[float, float]],
    slopes: Float64[Array, " layers"],
    divisors: Float64[Array, " layers"],
) -> Float64[Array, " layers+1"]:
    """ln(|delta_l|^2 / |delta_(L+1)|^2) of every layer, the output layer's 0 last."""
    depth = network.depth
    after, logs = np.zeros(depth), np.zeros(depth + 1)
    for index in reversed(range(depth)):
        divisor = divisors[index + 1] if index + 1 < depth else 1.0
        after[index] = logs[index + 1] + 2 * _log(sigmas[index + 1][0])
        after[index] -= math.log(divisor) if divisor > 0 else math.inf
        if _opens(network, index) and index + network.skip < depth:
            after[index] = np.logaddexp(after[index], after[index + network.skip])
        logs[index] = after[index] + _log(slopes[index])
    return logs


def _log(value: float) -> float:
    return math.log(value) if value > 0 else -math.inf
