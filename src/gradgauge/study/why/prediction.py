"""What mean-field theory predicts for the arms of an experiment."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.study.why.counterfactuals import Counterfactual
from gradgauge.theory.activation_moments import moments
from gradgauge.theory.network import layer_sigmas, predict_network


def predicted_chi_grad(arm: Counterfactual, input_square: float) -> float | None:
    """chi_grad of an arm's inner layers by mean-field theory; None where there is no prediction.

    With the activations centered, the length map runs on their variance: q = sigma_w^2 Var f.

    Args:
        arm: its network, the factor of its hidden weights, and whether it is centered.
        input_square: mean square of the data's inputs.
    """
    network = arm.network
    if network.depth < 4:
        return None
    if arm.centered:
        if len(set(network.activations)) > 1:
            return None
        name, sigma_w = network.activations[0], layer_sigmas(network)[1][0] * arm.weight_factor
        slopes = float(moments(name).slope_square(_centered_length(name, sigma_w)))
        return sigma_w**2 * slopes
    scaled = network.replace(scale=network.scale * arm.weight_factor)
    inner = predict_network(scaled, input_square).layers[1:-1]
    return math.exp(np.mean([math.log(x.chi_grad) for x in inner])) if inner else None


def _centered_length(name: str, sigma_w: float) -> float:
    """Fixed point of q = sigma_w^2 (E[f^2] - E[f]^2), by iteration from 1."""
    form, q = moments(name), 1.0
    for _ in range(1_000):
        new = sigma_w**2 * float(form.square(q) - form.mean(q) ** 2)
        if abs(new - q) <= 1e-12 * max(q, 1e-12):
            break
        q = max(new, 1e-300)
    return q
