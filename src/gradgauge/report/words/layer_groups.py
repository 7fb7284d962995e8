"""A network's structure as a summary shows it: equal layers in a row are one row."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from gradgauge.spec.network import NetworkSpec


@dataclass(frozen=True)
class LayerGroup:
    """Layers that follow each other and are alike.

    Attributes:
        first, last: their numbers, counted from 1; the output layer is L + 1.
        units: units in each.
        activation: its name; the loss's for the output layer.
        parameters: trainable parameters of each.
        output: whether it is the output layer.
    """

    first: int
    last: int
    units: int
    activation: str
    parameters: int
    output: bool

    @property
    def count(self) -> int:
        """Number of layers."""
        return self.last - self.first + 1

    @property
    def numbers(self) -> str:
        """`1`, or `2–10`."""
        return str(self.first) if self.count == 1 else f"{self.first}–{self.last}"

    @property
    def shown_parameters(self) -> str:
        """`50,240`, or `9 × 4,160`."""
        each = f"{self.parameters:,}"
        return each if self.count == 1 else f"{self.count} × {each}"


def layer_groups(network: NetworkSpec, output_activation: str) -> list[LayerGroup]:
    """The structure of `network`, first layer to output layer."""
    norm = 0 if network.norm == "none" else 2
    rows = [
        (units, activation, inputs * units + units + norm * units, False)
        for (inputs, units), activation in zip(
            network.shapes[:-1], network.activations, strict=True
        )
    ]
    inputs, outputs = network.shapes[-1]
    rows.append((outputs, output_activation, inputs * outputs + outputs, True))
    groups: list[LayerGroup] = []
    at = 1
    for row, alike in itertools.groupby(rows):
        count = len(list(alike))
        groups.append(LayerGroup(at, at + count - 1, *row))
        at += count
    return groups
