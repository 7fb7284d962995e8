"""What several remedies ask of a dense network."""

from __future__ import annotations

import zlib

import numpy as np

from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.trainer import CannotApply
from gradgauge.study.why.counterfactuals import Weights

HE, LECUN, GLOROT = "he_normal", "lecun_normal", "glorot_uniform"
_RECTIFIERS = ("relu", "leaky_relu", "prelu", "elu", "gelu", "silu", "mish", "relu6", "softplus")


def without_norm(case: SpecCase) -> None:
    """Raise where a normalization makes the scale of weights moot."""
    if case.network.norm != "none":
        raise CannotApply("normalized")


def generator_of(params: Weights) -> np.random.Generator:
    """A generator that the seed's own draw decides: seeds differ, and a training can be repeated."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(params[0]["weight"]).tobytes()))


def steepest(activations: tuple[str, ...]) -> float:
    """The largest slope among the hidden layers' activations."""
    return max(ACTIVATIONS[name].max_slope for name in activations)


def initializer_for(activation: str) -> str:
    """The usual initializer after an activation: He for rectifiers, LeCun for SELU, else
    Glorot."""
    if activation == "selu":
        return LECUN
    return HE if activation in _RECTIFIERS else GLOROT


def redrawn(case: SpecCase, init: str, scale: float = 1.0) -> SpecCase:
    """Other initial weights and biases of 0.

    Raises:
        CannotApply: they are so already.
    """
    network = case.network
    if (network.init, network.scale, network.bias_std) == (init, scale, 0.0):
        raise CannotApply("already")
    return case.built_with(init=init, scale=scale, bias_std=0.0)


def swapped(case: SpecCase, activation: str, init: str) -> SpecCase:
    """Another activation in every hidden layer, and the initial weights that belong to it.

    Raises:
        CannotApply: they have it already.
    """
    if set(case.network.activations) == {activation}:
        raise CannotApply("already")
    network = case.network.with_activation(activation)
    return case.replace(network=network.replace(init=init, scale=1.0, bias_std=0.0))
