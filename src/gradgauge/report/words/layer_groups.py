"""A network's structure as a summary shows it: equal layers in a row are one row."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from gradgauge.layers import LayerInfo
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import parse

_MOST_LETTERS = 28


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


def layer_groups(run: Run, output_activation: str = "") -> list[LayerGroup]:
    """The structure of a network, first layer to output layer.

    Args:
        run: of a dense network or of somebody's own, whose layers have names and kinds.
        output_activation: what a dense network's loss makes of its outputs.
    """
    if run.notation:
        rows = _dense(parse(run.notation), output_activation)
    else:
        rows = [
            (layer.units, _kind(layer), layer.parameters, layer.output)
            for layer in run.layers
            if layer.called
        ]
    groups: list[LayerGroup] = []
    at = 1
    for row, alike in itertools.groupby(rows):
        count = len(list(alike))
        groups.append(LayerGroup(at, at + count - 1, *row))
        at += count
    return groups


def _dense(network: NetworkSpec, output_activation: str) -> list[tuple[int, str, int, bool]]:
    norm = 0 if network.norm == "none" else 2
    rows = [
        (units, activation, inputs * units + units + norm * units, False)
        for (inputs, units), activation in zip(
            network.shapes[:-1], network.activations, strict=True
        )
    ]
    inputs, outputs = network.shapes[-1]
    return [*rows, (outputs, output_activation, inputs * outputs + outputs, True)]


def _kind(layer: LayerInfo) -> str:
    """`convolution relu`: what a layer is, and its activation where that is known."""
    activation = "" if layer.activation == "linear" else layer.activation
    return f"{layer.kind} {activation}".strip()


def shortened(name: str, most: int = _MOST_LETTERS) -> str:
    """A name of at most `most` letters: of a path's parts the last ones, as many as fit."""
    if len(name) <= most:
        return name
    parts = name.split(".")
    while len(parts) > 1 and len(".".join(parts)) >= most:
        del parts[0]
    return f"…{'.'.join(parts)[-(most - 1) :]}"


def short_names(names: Sequence[str], most: int = _MOST_LETTERS) -> list[str]:
    """Layers' names without the path that all begin with, the long ones without their beginning."""
    return [shortened(name, most) for name in without_common_path(names)]


def without_common_path(names: Sequence[str]) -> list[str]:
    """Layers' names without the path that all begin with, whole otherwise."""
    start = _common_path(names) if names else 0
    return [name[start:] for name in names]


def _common_path(names: Sequence[str]) -> int:
    """How many letters of a path all names begin with, its last separator included."""
    alike = itertools.takewhile(
        lambda pair: pair[0] == pair[1], zip(min(names), max(names), strict=False)
    )
    common = "".join(letter for letter, _ in alike)
    return max(common.rfind("/"), common.rfind(".")) + 1
