"""A traced loss, run with taps at every layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.parts.activations import ACTIVATIONS, Activation
from gradgauge.watchers.activations import named
from gradgauge.watchers.jax.layers import find_layers
from gradgauge.watchers.jax.program import Ref, flatten
from gradgauge.watchers.jax.tree import Leaves, Row
from gradgauge.watchers.jax.uses import Found, Use
from gradgauge.watchers.measure import NoteDown, Seen, eps_of
from gradgauge.watchers.recognition import Sample, recognized

Tree = Any


@dataclass(frozen=True)
class PassResult:
    """Of one pass: loss; values, gradients and roundings of every tapped value; of every
    parameter."""

    loss: float
    values: dict[Ref, np.ndarray]
    grads: dict[Ref, np.ndarray]
    eps: dict[Ref, float]
    weights: list[np.ndarray]
    weight_grads: list[np.ndarray]


Compiled = Callable[..., Any]
"""(function, *examples of its arguments) -> the same, compiled for their shapes."""


def compiled_anew(function: Callable[..., Any], *args: Any) -> Any:
    """Compile it, whatever has been compiled before."""
    return jax.jit(function).lower(*args).compile()


class Probe:
    """The program of a loss for batches of one shape.

    Args:
        loss, has_aux: see JaxWatcher.
        leaves: of `params`.
        params, batch: examples.
        compiled: compiles what a probe runs.
    """

    found: Found
    uses: list[Use]

    def __init__(
        self,
        loss: Callable[..., Any],
        has_aux: bool,
        leaves: Leaves,
        params: Tree,
        batch: tuple[Any, ...],
        compiled: Compiled = compiled_anew,
    ):
        self.leaves = leaves
        self._shapes = _shapes(batch)

        def scalar(arrays: list[Any], batch: tuple[Any, ...]) -> Any:
            result = loss(leaves.put(params, arrays), *batch)
            return result[0] if has_aux else result

        arrays = leaves.arrays(params)
        self._program = flatten(jax.make_jaxpr(scalar)(arrays, batch))
        numbers = dict(zip(self._program.inputs, range(len(arrays)), strict=False))
        ndims = {i: len(shape) for i, shape in enumerate(leaves.shapes)}
        self.found = find_layers(self._program, numbers, ndims)
        read = {ref for operation in self._program.operations for ref in operation.inputs}
        self._read = {leaf for ref, leaf in numbers.items() if ref in read}
        uses = [use for use in self.found.uses if not use.folded]
        self.uses = uses
        self._taps = sorted({r for u in uses for r in (u.z, u.h, u.inner) if r is not None})
        self._activations: dict[int, tuple[Activation | None, str]] = {}
        self._rows: list[Row] = []
        self._used_otherwise: set[int] = set()
        self._compiled = compiled(self._pass, arrays, batch)

    def takes(self, batch: tuple[Any, ...]) -> bool:
        """Whether `batch` has the shapes that this program is for."""
        return _shapes(batch) == self._shapes

    def _pass(self, arrays: list[Any], batch: tuple[Any, ...]) -> Any:
        flat = jax.tree_util.tree_leaves(batch)
        taps = set(self._taps)

        def loss(arrays: list[Any], zeros: dict[Ref, Any]) -> Any:
            values: dict[Ref, Any] = {}

            def tap(ref: Ref, value: Any) -> Any:
                if ref not in taps:
                    return value
                values[ref] = value
                return value + zeros[ref]

            return self._program.run([*arrays, *flat], tap)[0], values

        _, shapes = jax.eval_shape(lambda: loss(arrays, _Zeros()))  # type: ignore[arg-type]
        zeros = {ref: jnp.zeros(s.shape, s.dtype) for ref, s in shapes.items()}
        both = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)
        return both(arrays, zeros)

    def run(self, params: Tree, batch: tuple[Any, ...]) -> PassResult:
        """One pass."""
        arrays = self.leaves.arrays(params)
        (loss, values), (grads, taps) = self._compiled(arrays, batch)
        return PassResult(
            float(loss),
            {ref: _array(v) for ref, v in values.items()},
            {ref: _array(v) for ref, v in taps.items()},
            {ref: eps_of(v.dtype) for ref, v in taps.items()},
            [_array(a) for a in arrays],
            [_array(g) for g in grads],
        )

    def rows(self, passed: PassResult) -> list[Row]:
        """The layers in the order of use; those that were not used before the last."""
        order: dict[int, Row] = {}
        self.uses = self._own(passed)
        for use in self.uses:
            if use.leaf not in order:
                order[use.leaf] = self._described(use, passed)
        rows = list(order.values())
        folded = {use.leaf for use in self.found.uses if use.folded}
        for leaf in self.leaves.weights:
            if leaf in order or leaf in folded:
                continue
            row = self.leaves.row(leaf, "recurrent" if leaf in self.found.inside else "other")
            row.info.called = leaf in self._read
            rows.insert(max(len(rows) - 1, 0) if order else len(rows), row)
        for leaf, shape in enumerate(self.leaves.shapes):
            beside = leaf in order or leaf in folded or leaf in self.found.inside
            if len(shape) < 2 and leaf in self._read - self.found.added and not beside:
                rows.insert(max(len(rows) - 1, 0), self.leaves.row(leaf, "scale"))
        self._rows = rows
        return rows

    def _own(self, passed: PassResult) -> list[Use]:
        """The uses that make a layer's signals: those that a gradient returns to, where there are
        any (an adversarial example is found by a pass that is not the training's), and that are of
        the first one's kind and width."""
        kept: list[Use] = []
        for use in self.uses:
            beside = [u for u in self.uses if u.leaf == use.leaf]
            alive = [u for u in beside if passed.grads[u.z].any()] or beside
            if use not in alive:
                continue
            if (use.kind, _units(use, passed)) == (alive[0].kind, _units(alive[0], passed)):
                kept.append(use)
            else:
                self._used_otherwise.add(use.leaf)
        return kept

    def _described(self, use: Use, passed: PassResult) -> Row:
        row = self.leaves.row(use.leaf, use.kind)
        row.info.role = self.found.roles.get(use.leaf, "")
        row.info.units = _units(use, passed)
        if use.kind in ("dense", "convolution"):
            row.info.fan_in = row.info.parameters // max(row.info.units, 1)
        row.info.output = use.output
        self._activations[use.leaf] = self._name(use, passed)
        row.info.activation = self._activations[use.leaf][1]
        return row

    def _name(self, use: Use, passed: PassResult) -> tuple[Activation | None, str]:
        if use.h == use.z:
            return ACTIVATIONS["linear"], "linear"
        if use.h is None:
            return None, ""
        known = recognized(_sample(use, use.h, passed), named(use.hint) if use.hint else None)
        if known is None and use.inner is not None:
            known = recognized(_sample(use, use.inner, passed))
            use.h = use.h if known is None else use.inner
        return known, known.name if known else ""

    def seen(self, passed: PassResult, note: NoteDown) -> list[Seen]:
        """What every layer showed."""
        return [self._seen(row, passed, note) for row in self._rows]

    def _seen(self, row: Row, passed: PassResult, note: NoteDown) -> Seen:
        name, leaf = row.info.name, row.leaf
        weight, grad = passed.weights[leaf], passed.weight_grads[leaf]
        units = weight.shape[-1] if weight.ndim else 1
        shown = Seen(
            row.info, weight=weight.reshape(-1, units), weight_grad=grad.reshape(-1, units)
        )
        uses = [use for use in self.uses if use.leaf == leaf]
        if not uses:
            inside = "inside_loop" if self.found.inside.get(leaf) else "alone"
            note("signals", inside if leaf in self._read else "not_called", name)
            return shown
        if leaf in self._used_otherwise:
            note("further_uses", "used_otherwise", name)
        shown.source = uses[0].source
        shown.eps = passed.eps[uses[0].z]
        shown.z = _joined([passed.values[u.z] for u in uses], uses)
        shown.delta = _joined([passed.grads[u.z] for u in uses], uses)
        if any(u.h is None for u in uses):
            note("slope", "written_out", name)
            return shown
        refs = [u.h for u in uses if u.h is not None]
        shown.h = _joined([passed.values[r] for r in refs], uses)
        shown.g = _joined([passed.grads[r] for r in refs], uses)
        shown.activation = self._activations[leaf][0]
        if shown.activation is None and not row.info.output:
            note("slope", "unknown_activation", name)
        return shown


def _sample(use: Use, h: Ref, passed: PassResult) -> Sample:
    values, grads = passed.values, passed.grads
    return Sample(values[use.z], values[h], grads[h], grads[use.z], passed.eps[use.z])


def _units(use: Use, passed: PassResult) -> int:
    shape = passed.values[use.z].shape
    return int(np.prod([shape[a] for a in use.unit_axes]))


class _Zeros:
    """Zeros of whatever shape is asked for: a scalar fits all."""

    def __getitem__(self, ref: Ref) -> float:
        del ref
        return 0.0


def _shapes(tree: Any) -> list[tuple[Any, ...]]:
    return [(np.shape(x), getattr(x, "dtype", type(x))) for x in jax.tree_util.tree_leaves(tree)]


def _array(value: Any) -> np.ndarray:
    if jnp.issubdtype(value.dtype, jnp.floating) and value.dtype.itemsize < 4:
        value = value.astype(jnp.float32)
    return np.asarray(value)


def _joined(arrays: list[np.ndarray], uses: list[Use]) -> np.ndarray:
    """(rows, units) over all uses."""
    parts = []
    for array, use in zip(arrays, uses, strict=True):
        axes = [a % array.ndim for a in use.unit_axes]
        moved = np.moveaxis(array, axes, range(array.ndim - len(axes), array.ndim))
        parts.append(moved.reshape(-1, int(np.prod([array.shape[a] for a in axes]))))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
