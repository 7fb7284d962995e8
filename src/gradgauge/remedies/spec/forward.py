"""Outputs of a network of a notation at given parameters, in NumPy; in JAX where these
are JAX's."""

from __future__ import annotations

import numpy as np

from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.normalizations import NORMALIZATIONS
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.why.counterfactuals import Weights


def outputs_of(network: NetworkSpec, params: Weights, x: np.ndarray) -> np.ndarray:
    """The output layer's pre-activations, (samples, outputs), a batch normalization by the
    samples' own statistics.

    Args:
        network: the spec.
        params: its parameters, block by block.
        x: (samples, inputs).
    """
    stream, skip, layer = x * 1.0, None, 0
    norm = NORMALIZATIONS[network.norm]
    for block in params[:-1]:
        for row in range(len(block["weight"])):
            z = stream @ block["weight"][row] + block["bias"][row]
            if norm.axis is not None:
                center = z - z.mean(axis=norm.axis, keepdims=True)
                spread = ((center**2).mean(axis=norm.axis, keepdims=True) + norm.epsilon) ** 0.5
                z = block["gamma"][row] * center / spread + block["beta"][row]
            stream = ACTIVATIONS[network.activations[layer]].f(z)
            if network.skip and layer % network.skip == 0:
                stream = stream if skip is None else stream + skip
                skip = stream
            layer += 1
    return stream @ params[-1]["weight"][0] + params[-1]["bias"][0]
