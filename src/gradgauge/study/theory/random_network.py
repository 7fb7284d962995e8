"""Random networks in NumPy and float64, passed once forward and back: what theory is held to.

A network is drawn layer by layer: W ~ N(0, sigma_w^2 / n), b ~ N(0, sigma_b^2), n units in every
layer. Norms and gains are those of `gradgauge.gauges`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradgauge.engine.cost import speed
from gradgauge.engine.limits import check_fits
from gradgauge.gauges.norms import norm
from gradgauge.parts.activations import Activation

Floats = np.ndarray

_VECTORS = 16

_DRAW_SECONDS = 2.4e-8
"""Of one normal number, drawn and scaled."""

_COMPILE_SECONDS = 2.0

_PRODUCTS = 4
"""Of a layer's weights with a row a sample: forward, two slopes, backward."""

_EDGE = 2
"""Layers next to the output whose gain is left out where the error starts as noise."""


@dataclass(frozen=True)
class Size:
    """Of the networks that are drawn.

    Attributes:
        width: n, units of every layer.
        settled: first layers that are left out of lengths and gradients.
        dropped: first layers that are left out of correlations, at least as many.
        depth: layers after them.
        samples: inputs.
    """

    width: int
    settled: int
    dropped: int
    depth: int
    samples: int

    @property
    def layers(self) -> int:
        """All of them."""
        return self.dropped + self.depth

    def check_memory(self) -> None:
        """Raise unless weights and signals fit.

        Raises:
            TooLarge: they do not.
        """
        needs = 8.0 * self.layers * self.width * (self.width + 3.0 * self.samples)
        check_fits(f"{self.width}x{self.layers}", needs)

    def seconds(self) -> float:
        """About how long one network takes to be drawn and passed through."""
        numbers = float(self.layers) * self.width**2
        return _DRAW_SECONDS * numbers + 2 * _PRODUCTS * self.samples * numbers / (speed() / 2)

    def reading_seconds(self, networks: int) -> float:
        """About how long it takes beside to read as many in the engine, which is compiled first."""
        numbers = float(self.depth) * self.width**2
        return _COMPILE_SECONDS + networks * _DRAW_SECONDS * numbers


@dataclass(frozen=True)
class Shown:
    """What one random network shows, layer by layer.

    Attributes:
        length: mean of z^2.
        gain: |delta_l|^2 / |delta_(l+1)|^2.
        length_slope: change of the next layer's mean z^2 by the change of this one's.
        correlation: mean over pairs of inputs of z1 z2, over the mean of z^2.
        correlation_slope: mean over pairs of inputs of delta1 delta2 in a layer, when one and the
            same error is in the next: the correlation map's slope at the correlation there.
        delta_norm: |delta_l| / |delta_(L+1)|, L + 1 of them.
    """

    length: Floats
    gain: Floats
    length_slope: Floats
    correlation: Floats
    correlation_slope: Floats
    delta_norm: Floats


def pass_through(
    part: Activation, sigma_w: float, sigma_b: float, size: Size, q0: float, seed: int
) -> Shown:
    """Draw one network, send independent inputs forward and an error for each back.

    Args:
        part: the activation.
        sigma_w, sigma_b: of weights and biases.
        size: of the network.
        q0: mean square of the first layer's z.
        seed: of the weights and the inputs.
    """
    rng, n = np.random.default_rng(seed), size.width
    z = math.sqrt(q0) * rng.standard_normal((size.samples, n))
    signals, weights, growths, overlaps = [], [], [], []
    for _ in range(size.layers):
        weight = rng.standard_normal((n, n)) * (sigma_w / math.sqrt(n))
        slope = part.slope(z)
        above = part.f(z) @ weight + sigma_b * rng.standard_normal(n)
        growths.append(np.mean(above * ((slope * z) @ weight)) / np.mean(z**2))
        overlaps.append(_shared_error(slope, weight, rng))
        signals.append(z)
        weights.append(weight)
        z = above
    delta = _errors(part, signals, weights, rng.standard_normal(z.shape))
    return Shown(
        length=np.array([np.mean(z**2) for z in signals]),
        gain=(delta[:-1] / delta[1:]) ** 2,
        length_slope=np.array(growths),
        correlation=np.array([_pairs(z @ z.T) for z in signals]),
        correlation_slope=np.array(overlaps),
        delta_norm=delta,
    )


def _shared_error(slope: Floats, weight: Floats, rng: np.random.Generator) -> float:
    """Mean over pairs of inputs of delta1 . delta2 / |error|^2, for random errors."""
    errors = rng.standard_normal((weight.shape[1], _VECTORS))
    power = np.mean((weight @ errors) ** 2, axis=1)
    overlap = (slope * power) @ slope.T
    pairs = len(overlap) * (len(overlap) - 1)
    return float((overlap.sum() - np.trace(overlap)) / pairs / weight.shape[1])


def _errors(
    part: Activation, signals: list[Floats], weights: list[Floats], error: Floats
) -> Floats:
    """|delta| of every layer over that of `error`, (samples, n), which the last layer gets."""
    delta = error
    norms = [float(norm(delta))]
    for z, weight in zip(reversed(signals), reversed(weights), strict=True):
        delta = part.slope(z) * (delta @ weight.T)
        norms.append(float(norm(delta)))
    return np.array(norms[::-1]) / norms[0]


def _pairs(products: Floats) -> float:
    """Mean product of two inputs over the mean of one with itself."""
    samples, own = len(products), np.trace(products)
    if own == 0:
        return math.nan
    return float((products.sum() - own) / (samples - 1) / own)


def batch_norm_gain(part: Activation, size: Size, seed: int) -> float:
    """Mean of |delta_l|^2 / |delta_(l+1)|^2 of W -> batch norm -> f, over the measured layers.

    The first layers are dropped, the input layer among them: its inputs have another variance.
    So are the last two, where the error is still noise.
    """
    rng, n = np.random.default_rng(seed), size.width
    h, taps = rng.standard_normal((size.samples, n)), []
    for _ in range(size.layers + _EDGE):
        weight = rng.standard_normal((n, n)) / math.sqrt(n)
        a = h @ weight
        deviation = a.std(axis=0)
        z = (a - a.mean(axis=0)) / deviation
        taps.append((weight, deviation, z))
        h = part.f(z)
    g = rng.standard_normal(h.shape)
    norms = []
    for weight, deviation, z in reversed(taps):
        delta = g * part.slope(z)
        norms.append(float(norm(delta)))
        centered = delta - delta.mean(axis=0) - z * np.mean(delta * z, axis=0)
        g = (centered / deviation) @ weight.T
    squares = np.array(norms[::-1]) ** 2
    gains = squares[:-1] / squares[1:]
    return float(np.mean(gains[size.settled : size.layers]))


def log_gradient_norm(part: Activation, sigma_w: float, size: Size, seed: int) -> float:
    """ln(|delta_1| / |delta_(L+1)|) of one network without biases, for one input."""
    rng, n = np.random.default_rng(seed), size.width
    z = rng.standard_normal((1, n))
    signals, weights = [], []
    for _ in range(size.layers):
        weight = rng.standard_normal((n, n)) * (sigma_w / math.sqrt(n))
        signals.append(z)
        weights.append(weight)
        z = part.f(z) @ weight
    with np.errstate(divide="ignore"):
        return float(np.log(_errors(part, signals, weights, rng.standard_normal((1, n)))[0]))
