"""Which curve a layer of a deep network is drawn on: one for each role that its blocks repeat.

On one line through all layers, queries, norms and projections alternate, and the saw that comes of
it hides how the signal changes with depth; layers of one role in all blocks can be compared.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from gradgauge.layers import LayerInfo
from gradgauge.report.words.layer_groups import without_common_path

MOST_ON_ONE_LINE = 30
"""Layers that one line shows; of more, each role gets a line of its own."""

_LEAST_BLOCKS = 3
"""Layers that make a curve; fewer are single points."""


@dataclass(frozen=True)
class Place:
    """Where a layer stands in the picture.

    Attributes:
        curve: the line's name; empty: a point by itself.
        stack: what the line does not go beyond: an encoder, a decoder.
        tick: what the axis says here; empty: nothing.
    """

    curve: str
    stack: str
    tick: str = ""


def places(layers: Sequence[LayerInfo]) -> list[Place] | None:
    """Of every layer its place; None: a single line shows all of them, or nothing repeats."""
    if len(layers) <= MOST_ON_ONE_LINE:
        return None
    names = _curve_names(layers)
    sizes = Counter(name for name in names if name)
    curves = [name if sizes[name] >= _LEAST_BLOCKS else "" for name in names]
    if len(set(curves) - {""}) < 2:
        return None
    ticks = _ticks(layers)
    return [
        Place(curve, _stack(layer.block) if curve else f"{at}", ticks.get(at, ""))
        for at, (curve, layer) in enumerate(zip(curves, layers, strict=True))
    ]


def _curve_names(layers: Sequence[LayerInfo]) -> list[str]:
    tails = [_tail(layer) for layer in layers]
    of_role: dict[tuple[str, str], set[str]] = {}
    for layer, tail in zip(layers, tails, strict=True):
        of_role.setdefault((layer.block, layer.role), set()).add(tail)
    several = {role for (block, role), found in of_role.items() if block and len(found) > 1}
    plain = {layer.role for layer in layers} - several - {"", "conv"}
    return [
        (layer.role if layer.role in plain else tail) if layer.block else ""
        for layer, tail in zip(layers, tails, strict=True)
    ]


def _tail(layer: LayerInfo) -> str:
    """A layer's place in its block: `self_attn.q_proj`, whatever numbers there are."""
    rest = layer.name[len(layer.block) :]
    parts = (part.strip("_") for part in re.split(r"[./]", rest))
    return ".".join(part for part in parts if part and not part.isdigit()) or layer.role


def _stack(block: str) -> str:
    return re.sub(r"\d+[a-z]?$", "", block)


def _ticks(layers: Sequence[LayerInfo]) -> dict[int, str]:
    """At the first layer of every block its name, without what all of them begin with."""
    first: dict[int, str] = {}
    at = 0
    for block, inside in itertools.groupby(layer.block for layer in layers):
        if block:
            first[at] = block
        at += len(list(inside))
    return dict(zip(first, without_common_path(list(first.values())), strict=True))
