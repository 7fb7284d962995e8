"""What a layer is for, by what is done with its output: read from the traced program.

Attention is a product of two signals that a softmax weights a third one with, whatever the layers
are called that give them; a gate is bent and multiplied by what stands beside it; a feed-forward
pair goes to another width and back into the stream it has left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from gradgauge.watchers.jax.primitives import CARRIES, SUMS
from gradgauge.watchers.jax.program import Operation, Program, Ref, consumers


@dataclass(frozen=True)
class Place:
    """Where a weight matrix meets data.

    Attributes:
        leaf: number of the weight.
        source: what goes in.
        product, z, h: what comes out: of the operation, with the bias, behind the activation; h is
            None where that is not clear.
        size: entries of the weight.
        width, fan_in: of the layer.
        norm: whether it is a normalization: what is asked for stands before it.
    """

    leaf: int
    source: Ref | None
    product: Ref
    z: Ref
    h: Ref | None
    size: int
    width: int
    fan_in: int
    norm: bool


def find_roles(program: Program, places: list[Place], given: Collection[Ref]) -> dict[int, str]:
    """Leaf -> `q`, `k`, `v`, `qkv`, `o`, `gate`, `up` or `down`, as far as the program shows it.

    Args:
        program: of the loss.
        places: in order.
        given: values made of parameters and constants alone.
    """
    finder = _Finder(program, places, given)
    finder.find_attention()
    finder.find_gates()
    finder.find_feed_forward()
    return finder.roles


class _Finder:
    """The roles that have been found, by leaves."""

    def __init__(self, program: Program, places: list[Place], given: Collection[Ref]):
        self._program, self._given = program, given
        self._matrices = [place for place in places if not place.norm]
        self._products = {place.product for place in self._matrices}
        self._at = {ref: p for p in places for ref in (p.product, p.z)}
        self._readers: Mapping[Ref, list[Operation]] = consumers(program)
        self._makers = {ref: op for op in program.operations for ref in op.outputs}
        self._outputs = {ref for ref in program.outputs if isinstance(ref, Ref)}
        self.roles: dict[int, str] = {}

    def find_attention(self) -> None:
        """Query, key and value, and the layer after them."""
        found: dict[int, set[str]] = {}
        for scores, result, value in self._attentions():
            ends = {scores.outputs[0], result.outputs[0]}
            query, key = self._signals(scores)
            for role, ref in (("q", query), ("k", key), ("v", value)):
                for place in self._projections(ref, ends):
                    found.setdefault(place.leaf, set()).add(role)
            for place in self._reading(result.outputs[0]):
                self.roles.setdefault(place.leaf, "o")
        for leaf, roles in found.items():
            self.roles.setdefault(leaf, roles.pop() if len(roles) == 1 else "qkv")

    def _attentions(self) -> Iterator[tuple[Operation, Operation, Ref]]:
        """(scores, result, value): two products of signals, the first one's softmax between."""
        for scores in self._program.operations:
            if not self._is_product(scores):
                continue
            reached = {scores.outputs[0]: False}
            for operation in self._program.operations:
                hits = [reached[r] for r in operation.inputs if r is not None and r in reached]
                if not hits or self._at.keys() & set(operation.outputs):
                    continue
                if self._is_product(operation):
                    others = [ref for ref in self._signals(operation) if ref not in reached]
                    if any(hits) and len(others) == 1:
                        yield scores, operation, others[0]
                    continue
                bent = operation.eqn.primitive.name == "exp" or "softmax" in operation.name
                reached.update(dict.fromkeys(operation.outputs, bent or any(hits)))

    def _is_product(self, operation: Operation) -> bool:
        name = operation.eqn.primitive.name
        return (
            name == "dot_general" and not operation.backward and len(self._signals(operation)) > 1
        )

    def _signals(self, operation: Operation) -> list[Ref]:
        return [r for r in operation.inputs if r is not None and r not in self._given]

    def _projections(self, ref: Ref, ends: set[Ref]) -> list[Place]:
        """The layers that make a value, and nothing else: what a whole stream brings there has
        other readers, too. Where others adapt a large one, that one."""
        found: list[Place] = []
        waiting, seen = [ref], set()
        while waiting:
            at = waiting.pop()
            place = self._at.get(at)
            if at in seen:
                continue
            seen.add(at)
            if place is not None and not self._leads_only_to(place.z, ends):
                return []
            if place is not None and not place.norm:
                found.append(place)
            elif at in self._makers:
                waiting += self._signals(self._makers[at])
        largest = max((place.size for place in found), default=0)
        return [place for place in found if place.size == largest]

    def _leads_only_to(self, ref: Ref, ends: set[Ref]) -> bool:
        waiting, seen = [ref], set()
        while waiting:
            at = waiting.pop()
            if at in self._outputs:
                return False
            for operation in self._readers.get(at, []):
                made = set(operation.outputs) - ends - seen
                if made & self._products:
                    return False
                seen |= made
                waiting += made
        return True

    def _reading(self, ref: Ref) -> list[Place]:
        """The layers that read a value as it is, moved only."""
        reached = {ref}
        for operation in self._program.operations:
            if operation.eqn.primitive.name in CARRIES and reached & set(operation.inputs):
                reached.update(operation.outputs)
        return [place for place in self._matrices if place.source in reached]

    def find_gates(self) -> None:
        """down(f(gate(x)) * up(x))."""
        for operation in self._program.operations:
            ways = self._signals(operation)
            if operation.eqn.primitive.name != "mul" or len(ways) != 2 or operation.backward:
                continue
            carried = [self._carried_from(way) for way in ways]
            up = [p for p in self._matrices if p.z in carried and p.z == p.h]
            gate = [p for p in self._matrices if p.h in carried and p.z != p.h]
            if len(up) != 1 or len(gate) != 1 or up[0].source != gate[0].source:
                continue
            self.roles.setdefault(up[0].leaf, "up")
            self.roles.setdefault(gate[0].leaf, "gate")
            for place in self._reading(operation.outputs[0]):
                self.roles.setdefault(place.leaf, "down")

    def _carried_from(self, ref: Ref) -> Ref:
        """Where a value comes from, moved only."""
        while ref not in self._at and ref in self._makers:
            operation = self._makers[ref]
            below = self._signals(operation)
            if operation.eqn.primitive.name not in CARRIES or len(below) != 1:
                break
            ref = below[0]
        return ref

    def find_feed_forward(self) -> None:
        """x + down(f(up(x))): to another width, and back into the stream."""
        for down in self._matrices:
            if down.leaf in self.roles or down.source is None:
                continue
            before = self._straight_before(down)
            if before is None or before.leaf in self.roles or before.leaf == down.leaf:
                continue
            if down.width == before.fan_in > 0 and self._comes_back(down, before):
                wider = before.width >= before.fan_in
                self.roles[before.leaf] = "up" if wider else "down"
                self.roles[down.leaf] = "down" if wider else "up"

    def _straight_before(self, down: Place) -> Place | None:
        """The only layer whose output goes into `down`, bent, and nowhere else."""
        found = self._projections(down.source, {down.product}) if down.source is not None else []
        up = found[0] if len(found) == 1 else None
        return up if up is not None and up.z != up.h else None

    def _comes_back(self, down: Place, up: Place) -> bool:
        """Whether the sum behind `down` adds what `up` was made of."""
        reached = {down.z}
        for operation in self._program.operations:
            name, hits = operation.eqn.primitive.name, reached & set(operation.inputs)
            if not hits:
                continue
            others = [ref for ref in self._signals(operation) if ref not in reached]
            if name in SUMS and len(others) == 1:
                return up.source is not None and self._stands_below(up.source, others[0])
            if name in CARRIES or (name == "mul" and not others):
                reached.update(operation.outputs)
        return False

    def _stands_below(self, ref: Ref, origin: Ref) -> bool:
        """Whether a value is made of another one, with no layer but normalizations between."""
        waiting, seen = [ref], set()
        while waiting:
            at = waiting.pop()
            if at == origin:
                return True
            place = self._at.get(at)
            if at in seen or (place is not None and not place.norm):
                continue
            seen.add(at)
            waiting += self._signals(self._makers[at]) if at in self._makers else []
        return False
