"""Taps on a Keras model: for one pass, `call` and `activation` of its layers are wrapped.

The wrappers lie in the instances' dictionaries and are taken out again, also after an
exception. They mark tensors: what marking is, the backend knows (`mark`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import keras

from gradgauge.parts.activations import ACTIVATIONS, Activation
from gradgauge.watchers.keras.layers import (
    Row,
    activation_of,
    axes_of_units,
    is_attention_part,
    is_normalization,
    is_pointwise,
    leaves,
    may_bend,
    unit_axis,
)
from gradgauge.watchers.keras.private import assigned

Tensor = Any


class Mark(Protocol):
    """Takes a tensor on its way; gives what goes on in its place, and a number to ask for its value
    and gradient by. `apart`: what goes on is another tensor, whose gradient is not that of others
    who read the first one."""

    def __call__(self, tensor: Tensor, apart: bool = False) -> tuple[Tensor, int]: ...


@dataclass(eq=False)
class Call:
    """One call of a layer; z, h: numbers of marks, the same where no activation follows.

    Attributes:
        row: None: a normalization without a scale, which is no layer of its own.
        before: of a normalization, the call whose output it reads, and the mark on what went in.
        entered: mark on what went in.
        from_outside: whether that came from outside of any layer.
        reads: the call whose output went in, shaped or dropped out at most.
    """

    layer: Any
    row: Row | None
    z: int | None
    h: int
    shape: tuple[int, ...]
    unit_axis: int
    activation: Activation | None = field(default_factory=lambda: ACTIVATIONS["linear"])
    label: str = "linear"
    bare: bool = True
    used: bool = False
    source: int | None = None
    before: tuple[Call, int] | None = None
    entered: int | None = None
    from_outside: bool = False
    reads: Call | None = None

    @property
    def units(self) -> int:
        """How many units there are."""
        many = axes_of_units(self.layer)
        return math.prod(self.shape[-many:]) if many > 1 else self.shape[self.unit_axis]

    @property
    def is_norm(self) -> bool:
        """Whether it is a normalization's."""
        return is_normalization(self.layer)


class Taps:
    """What one pass of a model shows.

    Args:
        model: a built Keras model.
        rows: its layers.
        mark: see Mark.
        inputs: whether to mark what comes into every layer, too.

    Attributes:
        calls: of layers, in order.
        outputs: ids of the layers whose outputs are the model's.
        folded: ids of the normalizations that are a part of the layer before them; None: that is
            not yet known.
        entries: what went into a layer from outside of any, and the call before it.
        bent: a call, its z, and what a layer without weights has made of it, if it may be an
            activation.
        assigned: rows whose weights the pass itself has changed.
        sums: marks on what layers add up.
    """

    folded: set[int] | None
    model: Any

    def __init__(self, model: Any, rows: list[Row], mark: Mark, inputs: bool = False):
        self.model, self._mark, self._inputs = model, mark, inputs
        self.calls: list[Call] = []
        self.outputs: set[int] = set()
        self.folded: set[int] | None = None
        self.entries: list[tuple[Call, int]] = []
        self.bent: list[tuple[Call, int | None, int]] = []
        self._rows = {id(row.layer): row for row in rows if row.is_called}
        self.assigned: set[int] = set()
        self.sums: list[int] = []
        self._values: dict[int, Any] = {}
        self._pending: dict[int, tuple[Call, int | None, bool]] = {}
        self._alias: dict[int, Call] = {}
        self._marks: dict[int, int] = {}
        self._came_in: dict[int, tuple[Tensor, int]] = {}
        self._inner: dict[int, tuple[int, Activation | None, str, Tensor]] = {}
        self._alive: list[Tensor] = []

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Within it, the model's layers are wrapped."""
        saved: list[tuple[dict[str, Any], str, bool, Any]] = []

        def put(layer: Any, name: str, value: Any) -> None:
            own = vars(layer)
            saved.append((own, name, name in own, own.get(name)))
            own[name] = value

        try:
            for layer in leaves(self.model):
                put(layer, "call", self._wrapped(layer, layer.call))
                row = self._rows.get(id(layer))
                if row is not None and not row.opaque and _has_activation(layer):
                    put(layer, "activation", self._activation(layer.activation))
            yield
        finally:
            for own, name, was_there, value in reversed(saved):
                if was_there:
                    own[name] = value
                else:
                    own.pop(name, None)

    def finish(self, output: Tensor) -> None:
        """Told the model's output: which layers' it is."""
        found = {id(t) for t in keras.tree.flatten(output)}
        for key in found:
            if key in self._alias:
                self.outputs.add(id(self._alias[key].layer))
                self._alias[key].used = True

    def _wrapped(self, layer: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        row = self._rows.get(id(layer))

        @functools.wraps(call)
        def tapped(*args: Any, **kwargs: Any) -> Any:
            self._keep_weights()
            sources = _tensors((args, kwargs))
            calls = [self._alias[id(t)] for t in sources if id(t) in self._alias]
            for earlier in calls:
                earlier.used = True
            source = sources[0] if sources else None
            if is_normalization(layer):
                return self._normalized(layer, row, call, args, kwargs)
            if row is None:
                out = call(*args, **kwargs)
                return self._passed(layer, out, source, calls)
            entered = None if source is None else self._marks.get(id(source))
            known = entered is not None and id(source) not in self._came_in
            outside = source is not None and not known and _is_float(source)
            if outside:
                args, kwargs, entered = self._entered(args, kwargs, source)
            if self._inputs and source is not None and _is_float(source):
                marked, entered = self._marked(source, apart=True)
                args, kwargs = _with(args, kwargs, source, marked)
            output = self._layer(row, call(*args, **kwargs))
            self._look_at_weights(row)
            made = self.calls[-1]
            made.entered, made.from_outside = entered, outside
            made.reads = self._alias.get(id(source))
            made.source = None if source is None else id(source)
            self._alive.append(source)
            return output

        return tapped

    def _entered(self, args: Any, kwargs: Any, source: Tensor) -> tuple[Any, Any, int]:
        """Mark what comes in from outside of any layer: perhaps h of the layer before."""
        marked, number = self._inside(source)
        last = next((c for c in reversed(self.calls) if c.bare and not c.used), None)
        if last is not None and tuple(source.shape) == last.shape:
            self.entries.append((last, number))
        return *_with(args, kwargs, source, marked), number

    def _inside(self, source: Tensor) -> tuple[Tensor, int]:
        """What goes on in place of a tensor from outside of any layer, for all layers that read it:
        one mark, whether or not marking makes another tensor."""
        if id(source) not in self._came_in:
            self._came_in[id(source)] = self._marked(source)
            self._alive.append(source)
        return self._came_in[id(source)]

    def _keep_weights(self) -> None:
        """Before the first call of the pass: what the weights are."""
        if not self._values:
            weights = (weight for row in self._rows.values() for weight in row.weights)
            self._values = {id(weight): assigned(weight) for weight in weights}

    def _look_at_weights(self, row: Row) -> None:
        """A spectral normalization assigns to the weights of the layer in it."""
        if any(assigned(weight) is not self._values[id(weight)] for weight in row.weights):
            self.assigned.add(id(row))

    def _layer(self, row: Row, output: Any) -> Any:
        flat = keras.tree.flatten(output)
        out = flat[0]
        inner = self._inner.get(id(out))
        if inner is not None:
            z, known, label, _ = inner
            h = self._marks[id(out)]
            axis = unit_axis(row.layer)
            call = Call(row.layer, row, z, h, tuple(out.shape), axis, known, label)
            call.bare = known is ACTIVATIONS["linear"]
            marked = out
        else:
            marked, number = self._marked(out)
            z = None if row.opaque else number
            call = Call(row.layer, row, z, number, tuple(out.shape), unit_axis(row.layer))
            if row.opaque:
                call.activation, call.label, call.bare = None, "", False
        call.used = is_attention_part(row)
        self.calls.append(call)
        self._alias[id(marked)] = call
        if call.bare:
            self._pending[id(marked)] = (call, call.z, False)
        return _with_first(output, marked)

    def _normalized(
        self, layer: Any, row: Row | None, call: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        """Through a normalization. Whether it is a part of the layer before it is not yet known:
        what goes in is marked apart from what others read (see `folding`)."""
        source = next(iter(_tensors((args, kwargs))), None)
        earlier, _, joined = self._pending.get(id(source), (None, None, False))
        before = None
        if earlier is not None and not joined:
            apart, number = self._marked(source, apart=True)
            before = earlier, number
            args, kwargs = _with(args, kwargs, source, apart)
        entered = before[1] if before is not None else self._marks.get(id(source))
        known = entered is not None and id(source) not in self._came_in
        if not known and source is not None and _is_float(source):
            inside, entered = self._inside(source)
            args, kwargs = _with(args, kwargs, source, inside)
        output = call(*args, **kwargs)
        if row is None and before is None:
            return output
        marked, number = self._marked(output)
        norm = Call(layer, row, number, number, tuple(output.shape), unit_axis(layer))
        norm.entered, norm.reads = entered, self._alias.get(id(source))
        norm.before, norm.source = before, None if source is None else id(source)
        self._alive.append(source)
        self.calls.append(norm)
        self._alias[id(marked)] = norm
        self._pending[id(marked)] = (norm, number, False)
        return marked

    def _passed(self, layer: Any, output: Any, source: Tensor, calls: list[Call]) -> Any:
        """Behind a layer without weights: an activation, a sum, or something that shapes."""
        out = keras.tree.flatten(output)[0]
        call, z, _ = self._pending.get(id(source), (None, None, False))
        if is_pointwise(layer) and call is not None:
            self._pending.pop(id(source))
            marked, call.h = self._marked(out)
            call.activation, call.label = activation_of(layer)
            call.z, call.bare, call.used = z, False, False
            self._alias[id(marked)] = call
            return marked
        last = next((c for c in reversed(self.calls) if c in calls), None)
        if last is None or not hasattr(out, "shape"):
            return output
        if isinstance(layer, keras.layers.Add):
            if last.bare and tuple(out.shape) == last.shape:
                # Should an activation follow, z is what goes into it: the sum.
                marked, number = self._marked(out)
                self._pending[id(marked)] = (last, number, True)
                self.sums.append(number)
                return marked
            return output
        if call is not None and may_bend(layer) and tuple(out.shape) == call.shape:
            marked, number = self._marked(out)
            self.bent.append((call, z, number))
            self._alias[id(marked)] = last
            return marked
        self._alias.setdefault(id(out), last)
        self._alive.append(out)
        return output

    def _activation(self, function: Any) -> Callable[..., Any]:
        known, label = activation_of(function)

        def tapped(z: Tensor, *args: Any, **kwargs: Any) -> Any:
            marked, before = self._marked(z)
            out = function(marked, *args, **kwargs)
            if out is marked or out is z:
                h = marked
            else:
                h, _ = self._marked(out)
            self._inner[id(h)] = (before, known, label, h)
            return h

        return tapped

    def _marked(self, tensor: Tensor, apart: bool = False) -> tuple[Tensor, int]:
        marked, number = self._mark(tensor, apart)
        if marked is not tensor and getattr(tensor, "_keras_mask", None) is not None:
            marked._keras_mask = tensor._keras_mask
        self._marks[id(marked)] = number
        self._alive.append(marked)
        return marked, number


def _has_activation(layer: Any) -> bool:
    return callable(getattr(layer, "activation", None))


def _is_float(tensor: Tensor) -> bool:
    return "float" in str(tensor.dtype)


def _tensors(tree: Any) -> list[Tensor]:
    return [leaf for leaf in keras.tree.flatten(tree) if hasattr(leaf, "shape")]


def _replaced(old: Tensor, new: Tensor, leaf: Any) -> Any:
    return new if leaf is old else leaf


def _with(args: Any, kwargs: Any, old: Tensor, new: Tensor) -> tuple[Any, Any]:
    """The arguments with one tensor replaced."""
    replace = functools.partial(_replaced, old, new)
    return keras.tree.map_structure(replace, args), keras.tree.map_structure(replace, kwargs)


def _with_first(tree: Any, first: Tensor) -> Any:
    """`tree` with its first leaf replaced."""
    flat = keras.tree.flatten(tree)
    return keras.tree.pack_sequence_as(tree, [first, *flat[1:]])
