"""What follows every layer, and who reads it: from captured calls and autograd's graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from gradgauge.parts.activations import Activation
from gradgauge.watchers.activations import prelu
from gradgauge.watchers.call_order import bits, first_readers
from gradgauge.watchers.measure import eps_of
from gradgauge.watchers.recognition import Sample, is_function, recognized
from gradgauge.watchers.torch.capture import Call, Capture, Key
from gradgauge.watchers.torch.graph import Graph, is_norm, node_of, size_of
from gradgauge.watchers.torch.operations import NORMS, activation_of, is_matrix_product, operation
from gradgauge.watchers.torch.roles import find_roles
from gradgauge.watchers.torch.streams import find_streams

_SAMPLE = 4096
"""Entries that an activation is recognized by."""

_MOST_SCALINGS = 3
"""Scalings and shifts after an operation that may be a part of the activation."""


@dataclass(frozen=True)
class Head:
    """What stands between a layer's weights and its h.

    Attributes:
        z: what goes into the activation, or comes out where there is none.
        start: where the scaling and shifting before the activation begins; `z` without any.
        ways: where h leaves; `z` itself where nothing follows.
        kind: of the graph's steps: `pointwise`, `mixing`, `branches`; `gate`: a product with what
            autograd does not follow; empty: nothing follows.
        folded: normalizations that are a part of the layer.
        parts: the names of the operations that the activation is made of.
    """

    z: Key
    start: Key
    ways: tuple[Key, ...]
    kind: str = ""
    folded: tuple[Call, ...] = ()
    parts: tuple[str, ...] = ()


def link(
    graph: Graph,
    capture_at: Callable[[Key], Capture],
    value_at: Callable[[Key], Capture | None],
) -> list[Call]:
    """Find z, h, readers and outputs of every layer.

    Args:
        graph: of all that was called.
        capture_at: the capture at a place, with its gradient as far as it is yet to come.
        value_at: the capture at a place, as far as anybody has kept it.

    Returns:
        The calls that are layers of their own, in order.
    """
    folded: set[int] = set()
    heads: dict[int, Head] = {}
    for call in graph.calls:
        if call.row is None or call.fused or id(call) in folded:
            continue
        head = heads[id(call)] = head_of(graph, call)
        folded.update(id(norm) for norm in head.folded)
    layers = [call for call in graph.calls if call.row is not None and id(call) not in folded]
    _find_readers(graph, layers)
    for call in layers:
        if (head := heads.get(id(call))) is not None:
            _put(graph, call, head, capture_at)
    find_streams(graph, layers, value_at)
    if any(call.row is not None and call.row.role is None for call in layers):
        find_roles(graph, layers)
    return layers


def _find_readers(graph: Graph, layers: list[Call]) -> None:
    graph.stop_at(layers)
    for call, above in zip(layers, first_readers([graph.reads(c) for c in layers]), strict=True):
        call.above = tuple(layers[reader] for reader in above)
    given = 0
    for top in graph.returned:
        given |= graph.below(top)
    last = [layers[i] for i in bits(given) if not layers[i].above]
    for call in last:
        call.output = True
    if not last:
        find_outputs(layers)


def find_outputs(layers: list[Call]) -> None:
    """Where nothing is returned, the loss is computed from what no layer reads: as far as a
    gradient came back there, once one could have come; before that, from the last of them."""
    unread = [call for call in layers if not call.above]
    outputs = [call for call in unread if call.reached] or unread[-1:]
    for call in layers:
        call.output = call in outputs


def head_of(graph: Graph, call: Call) -> Head:
    """What follows a layer: inside of its own forward, or between it and the next ones."""
    inner = _inside(graph, call)
    return inner if inner is not None else _climb(graph, call, call.key)


def _inside(graph: Graph, call: Call) -> Head | None:
    """An activation that a layer calls by itself, after its product or its normalization."""
    origin = _origin(graph, call)
    head = _climb(graph, call, origin, call) if origin is not None else None
    return head if head is not None and head.kind not in ("", "gate") else None


def _origin(graph: Graph, call: Call) -> Key | None:
    """The one product or normalization that all of a layer's output comes from."""
    waiting, seen, found = [call.key], set(), set()
    while waiting:
        key = waiting.pop()
        if key in seen or graph.owner(key) is not call:
            continue
        seen.add(key)
        name = graph.operation(key)
        if is_matrix_product(name) or NORMS.search(name):
            found.add(key)
        else:
            waiting += graph.edges(key)
    return found.pop() if len(found) == 1 and call.key not in found else None


def _climb(graph: Graph, call: Call, origin: Key, within: Call | None = None) -> Head:
    at, start, norms, added = origin, None, [], False
    lead: Key | None = None
    gate: tuple[Key, Key] | None = None
    while within is None or at not in within.keys:
        step = graph.step(at, within)
        if step.kind == "norm" and not added and not norms and _may_fold(call):
            at = step.ways[0]
            if step.norm is not None:
                norms.append(step.norm)
                lead = at if step.norm.over_channels else None
                inner = _inside(graph, step.norm)
                if inner is not None:
                    return replace(inner, folded=tuple(norms))
        elif step.kind == "sum" and _is_latest(graph, call, norms, at, step.ways[0]):
            at, start, added = step.ways[0], None, True
        elif step.kind == "affine":
            if gate is None and graph.operation(step.ways[0]) in ("mul", "imul"):
                gate = at, step.ways[0]
            start, at = start or at, step.ways[0]
        elif step.kind in ("moved", "linear"):
            at, start = step.ways[0], start if step.kind == "moved" else None
        elif step.kind in ("mixing", "branches") and added:
            break  # What is added up goes into no activation of this layer's own.
        elif step.kind in ("pointwise", "mixing", "branches"):
            ways = _all_of_it(graph, step.ways, within) if step.kind == "pointwise" else step.ways
            return Head(at, start or at, ways, step.kind, tuple(norms), step.parts)
        else:
            break
    z, parts = (origin, ()) if lead is None else (lead, tuple(norms))
    if gate is not None and gate[0] == z:
        return Head(z, z, (gate[1],), "gate", parts)
    return Head(z, z, (z,), "", parts)


def _may_fold(call: Call) -> bool:
    return call.row is not None and call.row.info.kind != "embedding" and not is_norm(call)


def _is_latest(graph: Graph, call: Call, norms: list[Call], at: Key, place: Key) -> bool:
    """Whether `call`, whose signal is at `at`, is the last of the layers that are added up at
    `place`: the sum is its z. What is spread over positions, as an embedded time or a bias of
    attention scores, has another z than the sum, and is not asked."""
    size = size_of(place)
    if size is not None and size_of(at) not in (size, None):
        return False
    layers = [graph.calls[i] for i in bits(graph.below(place))]
    whole = [c for c in layers if size in (math.prod(c.out.shape), None)] or layers
    return whole[-1] is call or whole[-1] in norms


def _all_of_it(graph: Graph, ways: tuple[Key, ...], within: Call | None) -> tuple[Key, ...]:
    """The end of a chain of bends: the square of a ReLU is one activation."""
    while len(ways) == 1:
        step = graph.step(ways[0], within)
        if step.kind != "pointwise" or len(step.ways) > 1:
            break
        ways = step.ways
    return ways


def _put(graph: Graph, call: Call, head: Head, capture_at: Callable[[Key], Capture]) -> None:
    call.z = capture_at(head.z)
    call.h, call.ways = call.z, (call.z,)
    if not head.kind:
        return
    if head.kind == "gate":
        call.gate = capture_at(head.ways[0])
        return
    if head.kind == "branches":
        call.activation, call.label, call.doubt = None, "", "branches"
        return
    call.ways, call.parts = tuple(capture_at(key) for key in head.ways), head.parts
    call.h = call.ways[0]
    node = node_of(head.ways[0])
    alone = head.z in graph.edges(head.ways[0])
    known = _of_node(node) if node is not None and alone else None
    call.activation, call.label = known, known.name if known is not None else ""
    call.doubt = "mixes_units" if head.kind == "mixing" else "" if known else "unknown_activation"
    if head.start != head.z and head.kind == "pointwise":
        call.start, call.doubt = capture_at(head.start), "unknown_activation"
    if call.doubt == "unknown_activation" and len(head.ways) == 1:
        call.beyond = tuple(map(capture_at, _scaled(graph, head.ways[0])))


def _scaled(graph: Graph, at: Key) -> list[Key]:
    """What a value is scaled and shifted to, step by step."""
    found: list[Key] = []
    while len(found) < _MOST_SCALINGS:
        step = graph.step(at, graph.owner(at))
        if step.kind != "affine":
            break
        at = step.ways[0]
        found.append(at)
    return found


def _of_node(node: object) -> Activation | None:
    if operation(node).startswith("prelu"):
        return _prelu(node)
    return activation_of(node)


def _prelu(node: Any) -> Activation | None:
    for function, _ in node.next_functions[1:]:
        while function is not None and not hasattr(function, "variable"):
            function = next((f for f, _ in function.next_functions if f is not None), None)
        if function is not None:
            return prelu(function.variable.detach().reshape(-1).double().cpu().numpy())
    return None


def recognize(call: Call) -> None:
    """Settle by what was seen which activation it is, where the operation alone does not say."""
    if call.output and call.doubt:
        call.plain()
    if call.gate is not None and call.z is not None and not call.output:
        _recognize_gate(call, call.z, call.gate)
    if call.doubt != "unknown_activation":
        return
    near = call.activation  # The operation's own; scales before and after it may be its, too.
    pairs = [(z, h) for z in (call.start, call.z) for h in (call.h, *call.beyond)]
    for z, h in pairs:
        if z is None or h is None or (z is call.z and near is not None):
            continue
        g = call.back() if h is call.h else h.grad
        sample = _sample(z, h, g)
        if sample is None and (z, h) == (call.z, call.h):
            call.doubt = "mixes_units"
        known = None
        if sample is not None and sample.tells:
            known = recognized(sample, parts=call.parts)
        if known is not None:
            _settle(call, z, h, known)
            return
    if near is not None:
        call.doubt = ""


def _recognize_gate(call: Call, z: Capture, out: Capture) -> None:
    """A product with a mask is an activation where its values are those of one, or where the mask
    follows from z; else a dropout."""
    sample = _sample(z, out, out.grad)
    if sample is None or not sample.tells:
        return
    known = recognized(sample)
    if known is not None and known.name != "linear":
        _settle(call, z, out, known)
    elif known is None and is_function(sample):
        call.z, call.h, call.ways = z, out, (out,)
        call.activation, call.label, call.doubt = None, "", "unknown_activation"


def _settle(call: Call, z: Capture, h: Capture, known: Activation) -> None:
    call.z, call.activation, call.label, call.doubt = z, known, known.name, ""
    if known.name == "linear":
        h = z
    if h is not call.h:
        call.h, call.ways = h, (h,)


def _sample(z: Capture, h: Capture, g: torch.Tensor | None) -> Sample | None:
    """Entries of both sides; None where they are not of one shape."""
    if z.value is None or not z.intact:
        return Sample(_some(None, 1), eps=1.0)
    values = h.value if h.intact else None
    if any(t is not None and t.shape != z.value.shape for t in (values, g, z.grad)):
        return None
    stride = max(1, z.value.numel() // _SAMPLE)
    both = g is not None and z.grad is not None
    return Sample(
        _some(z.value, stride),
        _some(values, stride) if values is not None else None,
        _some(g, stride) if both else None,
        _some(z.grad, stride) if both else None,
        eps_of(z.value.dtype),
    )


def _some(tensor: torch.Tensor | None, stride: int) -> np.ndarray:
    if tensor is None:
        return np.zeros(0)
    return tensor.detach().reshape(-1)[::stride].double().cpu().numpy()
