"""The graph of one or more passes, as autograd holds it: who reads an output, and through what."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gradgauge.watchers.torch.capture import Call, Key, key_of
from gradgauge.watchers.torch.operations import (
    MOVING,
    NORMS,
    activation_of,
    is_affine,
    is_linear,
    is_matrix_product,
    mixes_units,
    operation,
)

_LARGEST_REGION = 96
"""Operations that an activation may be written out in."""


@dataclass(frozen=True)
class Event:
    """An operation on tensors that autograd does not follow: its name and its operands."""

    name: str
    operands: tuple[Key, ...]


@dataclass(frozen=True)
class Step:
    """How a signal goes on from one place in the graph.

    Attributes:
        kind: `moved` (its entries, elsewhere), `affine` (its entries scaled and shifted), `linear`
            (selected, pooled, gathered, multiplied by a constant matrix), `sum` (something else is added), `norm`
            (it is normalized), `pointwise` (bent, entry by entry, as far as one can tell),
            `mixing` (bent, entries with one another), `branches` (it leaves in several ways, at
            least one of which bends it), `end`.
        ways: the places it comes to; several where it goes through equal activations.
        norm: the call of a normalization that it went through.
        parts: the names of the operations that bend it.
    """

    kind: str
    ways: tuple[Key, ...] = ()
    norm: Call | None = None
    parts: tuple[str, ...] = ()


_END = Step("end")


class Graph:
    """What is read from autograd's nodes, from the outputs of layers and models downwards.

    Args:
        calls: of layers and of normalizations.
        returned: keys of what the model returned.
        others: keys of other tensors to begin at.
        events: of tensors without nodes.
        cut: keys of what was compared, rounded or detached: no gradient comes back from there.
    """

    calls: list[Call]
    returned: set[Key]
    of_key: dict[Key, Call]

    def __init__(
        self,
        calls: list[Call],
        returned: Iterable[Key],
        others: Iterable[Key],
        events: Mapping[Key, Event],
        cut: Iterable[Key] = (),
    ):
        self.calls, self._events = calls, events
        self.returned = set(returned)
        self._edges: dict[Key, tuple[Key, ...]] = {}
        self._readers: dict[Key, list[Key]] = {}
        self.of_key = {key: call for call in calls for key in call.keys}
        dead = self._dead_ends(cut)
        self._walk([*self.of_key, *self.returned, *(key for key in others if key not in dead)])
        self._inside: dict[Key, Call] = {}
        for call in calls:
            self._mark(call)
        self._stops: dict[Key, int] = {}
        self._below: dict[Key, int] = {}
        self.stop_at(calls)

    def edges(self, key: Key) -> tuple[Key, ...]:
        """Where a value was computed from; constants and parameters are left out or lead nowhere."""
        found = self._edges.get(key)
        if found is None:
            found = self._edges[key] = self._find_edges(key)
        return found

    def _find_edges(self, key: Key) -> tuple[Key, ...]:
        node = key[0]
        if isinstance(node, int):
            event = self._events.get(key)
            return event.operands if event is not None else ()
        found = []
        for function, number in node.next_functions:
            if function is None:
                continue
            leaf = getattr(function, "variable", None)
            found.append(key_of(leaf) if leaf is not None else (function, number))
        return tuple(dict.fromkeys(found))

    def _dead_ends(self, cut: Iterable[Key]) -> set[Key]:
        """What a mask was made of, down to a layer: nobody reads it, unless somebody else does."""
        waiting, dead = list(cut), set()
        while waiting:
            key = waiting.pop()
            if key not in dead and key not in self.of_key:
                dead.add(key)
                waiting += self.edges(key)
        return dead

    def _walk(self, tops: Iterable[Key]) -> None:
        waiting, done = list(tops), set()
        while waiting:
            key = waiting.pop()
            if key in done:
                continue
            done.add(key)
            for below in self.edges(key):
                self._readers.setdefault(below, []).append(key)
                waiting.append(below)

    def _mark(self, call: Call) -> None:
        """Note which places lie between what went into a layer and what came out."""
        waiting = [below for key in call.keys for below in self.edges(key)]
        while waiting:
            key = waiting.pop()
            if key in call.sources or key in self.of_key or key in self._inside:
                continue
            self._inside[key] = call
            waiting += self.edges(key)

    def places(self) -> list[Key]:
        """All places that the outputs were computed from."""
        return list(self._edges)

    def operands(self, key: Key) -> tuple[Key | None, ...]:
        """The operands of an operation by their positions; None for constants and parameters."""
        node = key[0]
        if isinstance(node, int):
            return self.edges(key)
        return tuple(
            None if function is None or hasattr(function, "variable") else (function, number)
            for function, number in node.next_functions
        )

    def readers(self, key: Key) -> list[Key]:
        """The places that were computed from this one."""
        return self._readers.get(key, [])

    def owner(self, key: Key) -> Call | None:
        """The call that a place is the output or a part of."""
        return self.of_key.get(key) or self._inside.get(key)

    def operation(self, key: Key) -> str:
        """The name of the operation that made a value."""
        node = key[0]
        if isinstance(node, int):
            event = self._events.get(key)
            return event.name if event is not None else ""
        return operation(node)

    # -- layers below and above

    def stop_at(self, calls: list[Call]) -> None:
        """Take these calls for the layers, in `reads` and `below`: call i is bit i."""
        self._stops = {key: i for i, call in enumerate(calls) for key in call.keys}
        self._below.clear()

    def reads(self, call: Call) -> int:
        """The layers whose outputs reach this one's without passing through another, as bits."""
        mask = 0
        for key in call.keys:
            for below in self.edges(key):
                mask |= self.below(below)
        return mask & ~(1 << self._stops[call.key])

    def below(self, key: Key) -> int:
        """The layers whose outputs reach a place without passing through another one, as bits."""
        waiting, found, opened = [key], self._below, set()
        while waiting:
            at = waiting.pop()
            if at in found:
                continue
            if at in self._stops:
                found[at] = 1 << self._stops[at]
                continue
            missing = [below for below in self.edges(at) if below not in found]
            if missing and at not in opened:
                opened.add(at)
                waiting += [at, *missing]
                continue
            mask = 0
            for below in self.edges(at):
                mask |= found.get(below, 0)
            found[at] = mask
        return found[key]

    # -- what follows

    def step(self, at: Key, within: Call | None = None) -> Step:
        """How the signal at `at` goes on, through the smallest part that nothing leaves early.

        Args:
            at: a place.
            within: the layer whose own operations are looked at; None: those between layers.
        """
        region, direct = {at}, self._readers.get(at, [])
        while len(region) <= _LARGEST_REGION:
            outside = [
                key for inner in region for key in self._readers.get(inner, ()) if key not in region
            ]
            outside = list(dict.fromkeys(outside))
            leaves = any(key in self.returned for key in region)
            if not outside:
                return _END
            owners = {self.owner(key) for key in outside}
            norm = next(iter(owners)) if len(owners) == 1 else None
            if norm is not None and norm is not within and is_norm(norm):
                alone = not leaves and region == {at} and at in norm.sources
                return Step("norm", (norm.key,), norm) if alone else _END
            if len(outside) == 1 and not leaves:
                return self._through(at, region, outside[0], within)
            free = [key for key in outside if self._goes_on(key, region, within)]
            if not free:
                return self._parted(region, outside, direct, within)
            region.add(free[0])
        return _END

    def _goes_on(self, key: Key, region: set[Key], within: Call | None) -> bool:
        if self.owner(key) is not within or is_matrix_product(self.operation(key)):
            return False
        return all(below in region or self._is_leaf(below) for below in self.edges(key))

    def _is_leaf(self, key: Key) -> bool:
        """Whether no layer is below a place: a constant, or made of parameters alone."""
        return self.below(key) == 0

    def _through(self, at: Key, region: set[Key], out: Key, within: Call | None) -> Step:
        """All that leaves `at` comes together at `out`."""
        if self.owner(out) is not within:
            return _END
        ways = [key for key in self.edges(out) if key in region or not self._is_leaf(key)]
        if any(key not in region for key in ways):
            adds = self.operation(out) in ("add", "sub", "iadd", "rsub")
            return Step("sum", (out,)) if adds and len(region) == 1 else _END
        parts = [(self.operation(key), self._ways_in(key, region)) for key in region - {at}]
        parts.append((self.operation(out), len(ways)))
        if all(is_linear(name, count) for name, count in parts):
            return self._linear(parts, ways, out)
        if any(is_matrix_product(name) for name, _ in parts):
            return _END
        if len(parts) == 1 and NORMS.search(parts[0][0]):
            return Step("norm", (out,))
        names = tuple(name for name, _ in parts)
        return Step("mixing" if any(map(mixes_units, names)) else "pointwise", (out,), parts=names)

    def _linear(self, parts: list[tuple[str, int]], ways: list[Key], out: Key) -> Step:
        name = parts[-1][0]
        if is_matrix_product(name) and len(ways) < len(self.edges(out)):
            return _END  # Multiplied by a parameter: a layer that is no module.
        if len(parts) > 1:
            return Step("linear", (out,))
        moved, affine = name in MOVING, is_affine(name)
        return Step("moved" if moved else "affine" if affine else "linear", (out,))

    def _ways_in(self, key: Key, region: set[Key]) -> int:
        return sum(below in region for below in self.edges(key))

    def _parted(
        self, region: set[Key], outside: list[Key], direct: list[Key], within: Call | None
    ) -> Step:
        """What leaves goes several ways: through one and the same activation, or not."""
        between = [key for key in direct if self.owner(key) is within]
        if len(between) == len(direct) and not any(
            key in self.returned for key in region - set(direct)
        ):
            known = [activation_of(key[0]) for key in direct]
            names = {self.operation(key) for key in direct}
            same = len(names) == 1 and all(k is not None for k in known)
            if same and len({k.max_slope for k in known if k is not None}) == 1:
                return Step("pointwise", tuple(direct))
        free = [key for key in (*region, *outside) if self.owner(key) is within]
        bent = any(
            not is_linear(self.operation(key), max(1, self._ways_in(key, region)))
            for key in free
            if key in direct or (key in region and self.edges(key))
        )
        return Step("branches") if bent and direct else _END


def is_norm(call: Call) -> bool:
    """Whether a call is a normalization's."""
    return call.row is None or call.row.info.kind == "normalization"


def size_of(key: Key) -> int | None:
    """How many entries the value at a place has; None where autograd does not follow it."""
    node = node_of(key)
    described = getattr(node, "_input_metadata", ())
    return math.prod(described[key[1]].shape) if key[1] < len(described) else None


def node_of(key: Key) -> Any:
    """The node of autograd that made a value; None where there is none."""
    return None if isinstance(key[0], int) else key[0]
