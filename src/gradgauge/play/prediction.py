"""What mean-field theory draws under the measured ladders: both signals at the initial weights."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradgauge.spec.network import NetworkSpec
from gradgauge.theory.activation_moments import moments
from gradgauge.theory.network import layer_sigmas, predict_network


@dataclass(frozen=True)
class Predicted:
    """Both ladders of one network.

    Attributes:
        delta_decades: log10(delta_norm(l) / delta_norm(L + 1)) of every hidden layer.
        signal_spread: of every hidden layer; empty where theory has no map for it here.
    """

    delta_decades: tuple[float, ...]
    signal_spread: tuple[float, ...]


def predict_ladders(network: NetworkSpec, inputs: np.ndarray, batch: int) -> Predicted:
    r"""Both ladders at initialization.

    The spread follows from the correlation map. With eps_l = 1 - c_l of the pre-activations of
    two inputs, V(q) = E[f(u)^2] and G(q, eps) = E[f(u)^2] - E[f(u1) f(u2)]:

        spread_l = G(q_l, eps_l) / V(q_l)
        eps_(l+1) = sigma_w^2 G(q_l, eps_l) / (sigma_w^2 V(q_l) + sigma_b^2)

    Args:
        network: plain; of one with skips or a normalization the spread is left out.
        inputs: a sample of its inputs, (samples, inputs).
        batch: samples a batch, for batch normalization.

    References:
        Poole et al. (2016), section 2; Schoenholz et al. (2017), section 3.
    """
    square = float(np.mean(inputs**2))
    if square == 0 or not math.isfinite(square):
        return Predicted((), ())
    layers = predict_network(network, square, batch).layers
    decades = tuple(layer.decades for layer in layers)
    if not layers or network.skip or network.norm != "none":
        return Predicted(decades, ())
    alike = float(np.sum(inputs.mean(axis=0) ** 2) / (inputs.shape[1] * square))
    gap, length = (1 - alike) * square, square
    spreads = []
    for layer, (sigma_w, sigma_b) in zip(layers, layer_sigmas(network), strict=False):
        total = sigma_w**2 * length + sigma_b**2
        form = moments(layer.activation)
        if not (0 < total < math.inf):
            return Predicted(decades, ())
        gap = form.half_gap(total, min(max(sigma_w**2 * gap / total, 0.0), 1.0))
        length = float(form.square(total))
        spreads.append(gap / length if length > 0 else math.nan)
    return Predicted(decades, tuple(spreads))
