"""The residual stream: where what a layer gives is added to what its own input was made of."""

from __future__ import annotations

from collections.abc import Callable

from gradgauge.watchers.call_order import bits
from gradgauge.watchers.torch.capture import Call, Capture, Key
from gradgauge.watchers.torch.graph import Graph

_FURTHEST = 8
"""Steps between a layer and the sum: a dropout, a scale, a change of shape."""


def sum_after(graph: Graph, call: Call) -> Key | None:
    """Where a layer's output is added to something, dropped out, moved or scaled before."""
    at = call.key
    for _ in range(_FURTHEST):
        step = graph.step(at)
        if step.kind == "sum":
            return step.ways[0]
        if step.kind not in ("moved", "linear", "affine"):
            return None
        at = step.ways[0]
    return None


def find_streams(
    graph: Graph, layers: list[Call], value_at: Callable[[Key], Capture | None]
) -> None:
    """Fill in the stream after every layer that adds to one.

    Args:
        graph: stopped at the layers.
        layers: the calls, in order.
        value_at: what passed at a place; None: nobody kept it.
    """
    below: list[int] = []  # All layers that a layer's output depends on.
    for call in layers:
        mask = graph.reads(call)
        for at in bits(mask & ((1 << len(below)) - 1)):
            mask |= below[at]
        below.append(mask)
    for call, beneath in zip(layers, below, strict=True):
        place = sum_after(graph, call)
        # A sum of two branches of one kind is no stream: one of them leads past the other.
        if place is not None and graph.below(place) & beneath:
            found = value_at(place)
            call.stream = found if found is not None and found is not call.z else None
