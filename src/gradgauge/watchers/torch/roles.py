"""What a layer is for, by what is done with its output: read from autograd's graph.

Attention is a product of two signals that a softmax weights a third one with, whatever the layers
are called that give them; a gate is bent and multiplied by what stands beside it; a feed-forward
pair goes to another width and back into the stream it has left.
"""

from __future__ import annotations

from collections.abc import Iterator

from gradgauge.watchers.call_order import bits
from gradgauge.watchers.torch.capture import Call, Key
from gradgauge.watchers.torch.graph import Graph, is_norm
from gradgauge.watchers.torch.operations import is_carrying, is_matrix_product
from gradgauge.watchers.torch.streams import sum_after

_MATRICES = ("dense", "convolution", "other")
_FURTHEST = 8
"""Operations between a product and the softmax of it: scaled, masked, shifted, moved."""


def find_roles(graph: Graph, layers: list[Call]) -> None:
    """Fill in the role of the layers' rows, as far as the graph shows it; else it is empty.

    Args:
        graph: stopped at the layers, which are linked.
        layers: the calls, in order.
    """
    finder = _Finder(graph, layers)
    finder.find_attention()
    finder.find_gates()
    finder.find_feed_forward()
    for call in layers:
        if call.row is not None:
            call.row.role = finder.roles.get(id(call.row), call.row.role or "")


class _Finder:
    """The roles that have been found, by ids of rows."""

    def __init__(self, graph: Graph, layers: list[Call]):
        self._graph, self._layers = graph, layers
        self._reads = [graph.reads(call) for call in layers]
        self.roles: dict[int, str] = {}

    # -- attention

    def find_attention(self) -> None:
        """Query, key and value, and the layer after them."""
        found: dict[int, set[str]] = {}
        calls: dict[int, Call] = {}
        for query, key, value, out in self._attentions():
            for role, place in (("q", query), ("k", key), ("v", value)):
                for call in self._projections(place, {out}):
                    found.setdefault(id(call.row), set()).add(role)
                    calls[id(call.row)] = call
            for call in self._main(self._carried_to(out)):
                self._put(call, "o")
        for number, roles in found.items():
            self._put(calls[number], roles.pop() if len(roles) == 1 else "qkv")

    def _attentions(self) -> Iterator[tuple[Key | None, Key | None, Key | None, Key]]:
        """(query, key, value, result) of every attention, in one operation or written out."""
        for place in self._graph.places():
            name = self._graph.operation(place)
            operands = self._graph.operands(place)
            if name.startswith("scaleddotproduct") and len(operands) > 2:
                yield operands[0], operands[1], operands[2], place
            elif name == "softmax" and self._graph.owner(place) is None:
                yield from self._written_out(place)

    def _written_out(self, weights: Key) -> Iterator[tuple[Key | None, Key | None, Key, Key]]:
        """softmax(q k) v, whose weights stand at `weights`."""
        scores = self._product_below(weights)
        if scores is None:
            return
        for result in self._products_above(weights):
            factors = self._factors(result)
            carried = [self._comes_from(factor, weights) for factor in factors]
            if len(factors) == 2 and carried.count(True) == 1:
                value = factors[carried.index(False)]
                if value is not None:
                    query, key = self._factors(scores)
                    yield query, key, value, result

    def _factors(self, product: Key) -> list[Key | None]:
        return list(self._graph.operands(product)[-2:])

    def _product_below(self, at: Key) -> Key | None:
        """The product of two signals that a softmax is taken of: scaled, masked, shifted."""
        for _ in range(_FURTHEST):
            below = [key for key in self._graph.edges(at) if self._graph.below(key)]
            if len(below) != 1 or self._graph.owner(below[0]) is not None:
                return None
            at = below[0]
            if is_matrix_product(self._graph.operation(at)):
                signals = [f for f in self._factors(at) if f is not None and self._graph.below(f)]
                return at if len(signals) == 2 else None
        return None

    def _products_above(self, at: Key) -> Iterator[Key]:
        """The products that what stands at `at` goes into, dropped out and moved on the way."""
        waiting, seen = [at], set()
        while waiting:
            for reader in self._graph.readers(waiting.pop()):
                name = self._graph.operation(reader)
                if reader in seen or self._graph.owner(reader) is not None:
                    continue
                seen.add(reader)
                if is_matrix_product(name):
                    yield reader
                elif self._carries(reader):
                    waiting.append(reader)

    def _comes_from(self, place: Key | None, origin: Key) -> bool:
        waiting, seen = [] if place is None else [place], set()
        while waiting:
            key = waiting.pop()
            if key == origin:
                return True
            if key not in seen and self._carries(key):
                seen.add(key)
                waiting += self._graph.edges(key)
        return False

    def _projections(self, place: Key | None, ends: set[Key]) -> list[Call]:
        """The layers that make what stands at `place`, and nothing else: what a whole stream
        brings there has other readers, too."""
        if place is None:
            return []
        found: list[Call] = []
        waiting, seen = bits(self._graph.below(place)), 0
        while waiting:
            at = waiting.pop()
            if seen >> at & 1:
                continue
            seen |= 1 << at
            call = self._layers[at]
            if not self._leaves_by(call, ends):
                return []
            if is_norm(call):
                ends = ends | set(call.keys)
                waiting += bits(self._reads[at])
            else:
                found.append(call)
        return self._main(found)

    def _leaves_by(self, call: Call, ends: set[Key]) -> bool:
        """Whether what a layer gives goes nowhere but through `ends`."""
        waiting, seen = list(call.keys), set(call.keys)
        while waiting:
            key = waiting.pop()
            if key in self._graph.returned and not call.output:
                return False
            for reader in self._graph.readers(key):
                owner = self._graph.owner(reader)
                if reader in ends or reader in seen:
                    continue
                if owner is not None and owner is not call:
                    return False
                seen.add(reader)
                waiting.append(reader)
        return True

    def _carried_to(self, place: Key) -> list[Call]:
        """The layers that read what stands at `place` as it is, moved only."""
        found: dict[int, Call] = {}
        waiting, seen = [place], set()
        while waiting:
            for reader in self._graph.readers(waiting.pop()):
                owner = self._graph.owner(reader)
                if owner is not None and owner.row is not None:
                    found[id(owner)] = owner
                elif reader not in seen and self._carries(reader):
                    seen.add(reader)
                    waiting.append(reader)
        return [call for call in self._layers if id(call) in found and not is_norm(call)]

    # -- feed-forward layers

    def find_gates(self) -> None:
        """down(f(gate(x)) * up(x))."""
        for place in self._graph.places():
            if self._graph.operation(place) != "mul" or self._graph.owner(place) is not None:
                continue
            ways = [key for key in self._graph.edges(place) if self._graph.below(key)]
            if len(ways) != 2:
                continue
            plain = [key for key in ways if self._is_plain(key)]
            if len(plain) != 1:
                continue
            bent = ways[1 - ways.index(plain[0])]
            up, gate = (self._main(self._below(key)) for key in (plain[0], bent))
            if len(up) == len(gate) == 1 and self._stand_side_by_side(up[0], gate[0]):
                self._put(up[0], "up")
                self._put(gate[0], "gate")
                for call in self._main(self._carried_to(place)):
                    self._put(call, "down")

    def find_feed_forward(self) -> None:
        """x + down(f(up(x))): to another width, and back into the stream."""
        for at, down in enumerate(self._layers):
            before = bits(self._reads[at])
            if len(before) != 1 or not self._has_no_role(down):
                continue
            up = self._layers[before[0]]
            back = self._has_no_role(up) and _width(down) == _fan_in(up) > 0
            only = up.above == (down,) and up.label != "linear"
            if back and only and sum_after(self._graph, down) is not None:
                wider = _width(up) >= _fan_in(up)
                self._put(up, "up" if wider else "down")
                self._put(down, "down" if wider else "up")

    def _has_no_role(self, call: Call) -> bool:
        row = call.row
        return row is not None and row.info.kind in ("dense", "other") and id(row) not in self.roles

    def _is_plain(self, key: Key) -> bool:
        """Whether what stands here is a layer's output as it came out, moved or in part."""
        while self._graph.owner(key) is None:
            below = self._graph.edges(key)
            adds = self._graph.operation(key) == "add"  # An adapter beside the layer.
            if not (adds or self._carries(key)) or not below:
                return False
            key = below[0]
        return True

    def _stand_side_by_side(self, one: Call, other: Call) -> bool:
        return one is not other and bool(set(one.sources) & set(other.sources))

    # -- what all need

    def _carries(self, key: Key) -> bool:
        """Whether what comes here goes on as it is: elsewhere, in part, scaled by a constant."""
        return is_carrying(self._graph.operation(key), len(self._graph.edges(key)))

    def _below(self, place: Key) -> list[Call]:
        return [self._layers[at] for at in bits(self._graph.below(place))]

    def _main(self, calls: list[Call]) -> list[Call]:
        """Of several layers whose outputs are added up, the large one: the others adapt it."""
        sizes = [call.row.info.parameters if call.row is not None else 0 for call in calls]
        return [
            call
            for call, size in zip(calls, sizes, strict=True)
            if size == max(sizes) and call.row is not None and call.row.info.kind in _MATRICES
        ]

    def _put(self, call: Call, role: str) -> None:
        if call.row is not None:
            self.roles.setdefault(id(call.row), role)


def _width(call: Call) -> int:
    return call.out.shape[call.unit_axis] if call.out.shape else 0


def _fan_in(call: Call) -> int:
    return call.row.info.fan_in if call.row is not None else 0
