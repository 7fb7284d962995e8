"""NetworkSpec: the network to build."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass
from typing import Any

from gradgauge.errors import InvalidValue
from gradgauge.parts.activations import ACTIVATIONS, activation
from gradgauge.parts.initializers import INITIALIZERS, initializer
from gradgauge.parts.normalizations import NORMALIZATIONS, normalization
from gradgauge.spec.checks import name_among, not_negative, positive, whole_number

MOST_LAYERS = 10_000


@dataclass(frozen=True)
class Layer:
    """A hidden layer: its width and its activation's name."""

    width: int
    activation: str


@dataclass(frozen=True)
class NetworkSpec:
    """A multilayer perceptron: `inputs`, hidden layers 1..L, an output layer L + 1.

    Attributes:
        inputs: number of inputs.
        hidden: the hidden layers, first to last, at least one.
        outputs: number of outputs.
        init: name of the initializer (`parts.initializers`).
        scale: factor of the initial weights.
        bias_std: standard deviation of the initial biases; 0: as drawn by the initializer (zero,
            except for `pytorch`).
        norm: normalization before the activation: none, batch or layer.
        skip: identity skip connections around every `skip` hidden layers, starting at the output of
            layer 1: h of layer 1 + j skip is added after layer 1 + (j + 1) skip. 0: none.

    Raises:
        InvalidValue, UnknownName: a field has an invalid value.
    """

    inputs: int
    hidden: tuple[Layer, ...]
    outputs: int
    init: str = "glorot_uniform"
    scale: float = 1.0
    bias_std: float = 0.0
    norm: str = "none"
    skip: int = 0

    def __post_init__(self) -> None:
        whole_number("inputs", self.inputs, 1)
        whole_number("depth", len(self.hidden), 1, MOST_LAYERS)
        for layer in self.hidden:
            whole_number("width", layer.width, 1)
            name_among("activation", layer.activation, ACTIVATIONS)
            activation(layer.activation)
        whole_number("outputs", self.outputs, 1)
        name_among("init", self.init, INITIALIZERS)
        initializer(self.init)
        positive("scale", self.scale)
        not_negative("bias_std", self.bias_std)
        name_among("norm", self.norm, NORMALIZATIONS)
        normalization(self.norm)
        whole_number("skip", self.skip, 0)
        if self.skip and len({layer.width for layer in self.hidden}) > 1:
            raise InvalidValue("skip", self.skip, "equal_widths")

    @classmethod
    def uniform(
        cls, inputs: int, depth: int, width: int, outputs: int, activation: str, **fields: Any
    ) -> NetworkSpec:
        """`depth` hidden layers of one `width` and one `activation`."""
        whole_number("depth", depth, 1, MOST_LAYERS)
        return cls(inputs, (Layer(width, activation),) * depth, outputs, **fields)

    @property
    def depth(self) -> int:
        """L, the number of hidden layers."""
        return len(self.hidden)

    @property
    def activations(self) -> tuple[str, ...]:
        """Each hidden layer's activation, first to last."""
        return tuple(layer.activation for layer in self.hidden)

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(fan_in, fan_out) of every layer, the output layer last."""
        widths = [self.inputs, *(layer.width for layer in self.hidden), self.outputs]
        return list(itertools.pairwise(widths))

    @property
    def parameters(self) -> int:
        """Number of trainable parameters."""
        per_norm = 0 if self.norm == "none" else 2
        norms = per_norm * sum(layer.width for layer in self.hidden)
        return sum(m * n + n for m, n in self.shapes) + norms

    def replace(self, **fields: Any) -> NetworkSpec:
        """The same network with some fields changed."""
        return dataclasses.replace(self, **fields)

    def with_activation(self, name: str) -> NetworkSpec:
        """The same network with one activation in every hidden layer."""
        return self.replace(hidden=tuple(Layer(layer.width, name) for layer in self.hidden))
