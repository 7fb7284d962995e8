"""The first NaN or infinity of a JAX training: its step, its layer, its operation.

Every step a small question is asked of what the watcher is told, and its answer is read at the
next one, so that nothing waits. Arrays of JAX do not change: the step can then be made again as
it was, operation by operation, forwards and backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.watchers.jax.layers import find_layers
from gradgauge.watchers.jax.program import Operation, Program, Ref, apply, flatten
from gradgauge.watchers.jax.tree import Leaves

Tree = Any

_SMALL = 2**16
"""Most entries of an array that is asked at every step."""

_WRITERS = {"broadcast_in_dim", "select_n", "iota", "convert_element_type", "pad", "copy"}
"""Operations that may write an infinity because they are told to, as masks of attention are."""


class Origin(NamedTuple):
    """Where the first value that is not finite came from.

    Attributes:
        step: whose pass or update it was.
        leaf: number of the parameter whose layer it was; None: not known.
        operation: a primitive of JAX, on the way back with `_vjp` after; or `input`, `update`,
            `gradient`.
    """

    step: int
    leaf: int | None
    operation: str


@dataclass(frozen=True)
class Told:
    """A step as it was told, until it is known to be finite.

    Attributes:
        flag: whether it is, on its way from the device.
    """

    step: int
    params: Tree
    grads: Tree
    batch: tuple[Any, ...] | None
    flag: Any


@jax.jit
def _are_finite(arrays: list[Any]) -> Any:
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(a)) for a in arrays]))


class Sentinel:
    """Asks at every step whether all is finite.

    Args:
        loss: (arrays of floats, params, batch) -> scalar.
        leaves: of the parameters.

    Attributes:
        at_once: whether to ask for the answer before the next step: parameters that are donated
            to it are not there any more.
    """

    at_once: bool

    def __init__(self, loss: Callable[..., Any], leaves: Leaves):
        self._loss, self._leaves = loss, leaves
        sizes = [int(np.prod(shape)) for shape in leaves.shapes]
        small = [i for i, size in enumerate(sizes) if size <= _SMALL]
        self._asked = small or [int(np.argmin(sizes))]
        self._told: Told | None = None
        self.at_once = False

    def tell(
        self, step: int, params: Tree, grads: Tree, batch: tuple[Any, ...] | None, loss: Any
    ) -> None:
        """What a step was told; its gradients, or else its weights, are asked."""
        asked = self._leaves.pick(params if grads is None else grads, self._asked)
        scalar = [] if loss is None else [jnp.asarray(loss)]
        flag = _are_finite([*asked, *scalar])
        # With a batch the step can be made again: its gradients need not be kept for that.
        kept = grads if batch is None or self.at_once else None
        self._told = Told(step, params, kept, batch, flag)

    def settled(self) -> Origin | None:
        """Where the step that was told last stopped being finite; None: it did not."""
        told, self._told = self._told, None
        if told is None:
            return None
        self.at_once = self.at_once or not _is_there(told.params)
        if bool(told.flag):
            return None
        return self._locate(told)

    def _locate(self, told: Told) -> Origin:
        if not _is_there([told.params, told.grads, told.batch]):
            return Origin(told.step, None, "gradient")
        arrays = self._leaves.arrays(told.params)
        broken = [i for i, array in enumerate(arrays) if not _finite([array])]
        if broken:
            return Origin(max(told.step - 1, 0), broken[-1], "update")
        if told.batch is not None:
            if not _finite(jax.tree_util.tree_leaves(told.batch)):
                return Origin(told.step, None, "input")
            found = Replay(self._loss, self._leaves, told.params, told.batch).first()
            if found is not None:
                return Origin(told.step, *found)
        bad: list[int] = []
        if told.grads is not None:
            weights = self._leaves.weights
            grads = self._leaves.pick(told.grads, weights)
            bad = [i for i, g in zip(weights, grads, strict=True) if not _finite([g])]
        return Origin(told.step, bad[-1] if bad else None, "gradient")


class Replay:
    """A loss's program, run once more with an eye on every value."""

    def __init__(
        self, loss: Callable[..., Any], leaves: Leaves, params: Tree, batch: tuple[Any, ...]
    ):
        self._arrays = leaves.arrays(params)
        self._batch = jax.tree_util.tree_leaves(batch)
        traced = jax.make_jaxpr(lambda arrays, batch: loss(arrays, params, batch))
        self._program: Program = flatten(traced(self._arrays, batch))
        numbers = dict(zip(self._program.inputs, range(len(self._arrays)), strict=False))
        ndims = {i: len(shape) for i, shape in enumerate(leaves.shapes)}
        found = find_layers(self._program, numbers, ndims)
        self._layers = sorted((use.z, use.leaf) for use in found.uses if not use.folded)
        self._own = {ref: leaf for ref, leaf in numbers.items() if leaf in set(leaves.weights)}
        self._values: dict[Ref, Any] = {}

    def first(self) -> tuple[int | None, str] | None:
        """The layer, by its parameter, and the operation; None: everything is finite."""
        program = self._program
        self._values = dict(program.constants)
        self._values.update(zip(program.inputs, [*self._arrays, *self._batch], strict=True))
        for operation in program.operations:
            given = self._given(operation)
            outs = apply(operation, given)
            self._values.update(zip(operation.outputs, outs, strict=True))
            name = operation.eqn.primitive.name
            overflowed = name not in _WRITERS and _finite(given) and not _finite(outs)
            if overflowed or (not _has_nan(given) and _has_nan(outs)):
                return self._layer(operation), operation.name
        return self._backwards()

    def _given(self, operation: Operation) -> list[Any]:
        return [
            self._values[ref] if ref is not None else getattr(var, "val", None)
            for ref, var in zip(operation.inputs, operation.eqn.invars, strict=True)
        ]

    def _backwards(self) -> tuple[int | None, str] | None:
        (out,) = self._program.outputs
        if not isinstance(out, Ref):
            return None
        arriving: dict[Ref, Any] = {out: jnp.ones_like(self._values[out])}
        for operation in reversed(self._program.operations):
            there = [arriving.get(ref) for ref in operation.outputs]
            floats = [
                ref
                for ref in dict.fromkeys(operation.inputs)
                if ref is not None and _is_float(self._values[ref])
            ]
            if not floats or all(g is None for g in there):
                continue
            back = self._pulled(operation, floats, there)
            if _finite([g for g in there if g is not None]) and not _finite(back):
                return self._layer(operation), f"{operation.name}_vjp"
            for ref, gradient in zip(floats, back, strict=True):
                before = arriving.get(ref)
                arriving[ref] = gradient if before is None else before + gradient
        return None

    def _pulled(
        self, operation: Operation, floats: Sequence[Ref], there: Sequence[Any]
    ) -> Sequence[Any]:
        """The gradients of an operation's operands."""

        def forwards(*operands: Any) -> list[Any]:
            given = dict(zip(floats, operands, strict=True))
            arguments = [
                old if ref is None else given.get(ref, old)
                for ref, old in zip(operation.inputs, self._given(operation), strict=True)
            ]
            outs = apply(operation, arguments)
            return [out for out in outs if _is_float(out)]

        outs, pull = jax.vjp(forwards, *(self._values[ref] for ref in floats))
        kept = [
            g
            for g, ref in zip(there, operation.outputs, strict=True)
            if _is_float(self._values[ref])
        ]
        gradients = [
            jnp.zeros_like(o) if g is None else g.astype(o.dtype)
            for g, o in zip(kept, outs, strict=True)
        ]
        return pull(gradients)

    def _layer(self, operation: Operation) -> int | None:
        """The layer whose product it is, or which stands before it."""
        for ref in operation.inputs:
            if ref in self._own:
                return self._own[ref]
        last = max(operation.outputs)
        before = [leaf for z, leaf in self._layers if z <= last]
        return before[-1] if before else None


def _is_there(tree: Tree) -> bool:
    """Whether nothing of it was donated to a function."""
    leaves = jax.tree_util.tree_leaves(tree)
    return not any(isinstance(leaf, jax.Array) and leaf.is_deleted() for leaf in leaves)


def _is_float(value: Any) -> bool:
    return bool(jnp.issubdtype(jnp.result_type(value), jnp.inexact))


def _finite(values: Iterable[Any]) -> bool:
    return all(bool(jnp.isfinite(v).all()) for v in values if v is not None and _is_float(v))


def _has_nan(values: Iterable[Any]) -> bool:
    return any(bool(jnp.isnan(v).any()) for v in values if v is not None and _is_float(v))
