"""Layers in a flat JAX program: where parameters meet data, and what follows.

A layer is a parameter of two or more axes that data is multiplied with (`dot_general`, a
convolution) or looked up in (`gather`); a parameter of one axis that data is multiplied with
is a normalization's or a layer scale. Backward passes inside the loss (a gradient penalty) are no
layers' calls. z is the product, with its bias; h is what an elementwise function of z alone makes
of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from gradgauge.watchers.jax.primitives import (
    AFFINE,
    ELEMENTWISE,
    LOOPS,
    RELABELS,
    ROOTS,
    SPREADS,
    SUMS,
)
from gradgauge.watchers.jax.program import Operation, Program, Ref, consumers
from gradgauge.watchers.jax.roles import Place, find_roles
from gradgauge.watchers.jax.uses import Found, Use


def find_layers(program: Program, leaves: dict[Ref, int], ndims: dict[int, int]) -> Found:
    """The layers of a program.

    Args:
        program: of the loss.
        leaves: refs of the parameters -> their numbers.
        ndims: number of axes of each parameter.
    """
    search = _Search(program, leaves, ndims)
    for operation in program.operations:
        search.look_at(operation)
    for use in search.found.uses:
        search.follow(use)
    search.tell_scales()
    search.fold()
    search.find_outputs()
    search.find_roles()
    return search.found


@dataclass(frozen=True)
class _Exits:
    """What leaves a pointwise neighborhood of z.

    Attributes:
        refs: values that something else reads.
        affine: all values in it that are a factor times z, shifted by a number.
        hint: name of the only operation in it, if it is one.
    """

    refs: set[Ref]
    affine: set[Ref]
    hint: str


class _Search:
    def __init__(self, program: Program, leaves: dict[Ref, int], ndims: dict[int, int]):
        self.program, self.ndims = program, ndims
        self.found = Found()
        self.readers = consumers(program)
        self.of_leaf: dict[Ref, int] = dict(leaves)
        # A loss that is given no batch has its data in itself.
        whole = len(program.inputs) == len(leaves)
        self.constant = {r for r, v in program.constants.items() if not (whole and np.ndim(v) > 1)}
        # Constants of one number, whatever their shape.
        self.uniform = {r for r, v in program.constants.items() if not np.shape(v)}
        self.real: set[Ref] = set()
        self.shape: dict[Ref, tuple[int, ...]] = {}
        for operation in program.operations:
            self.shape.update(zip(operation.outputs, operation.shapes, strict=True))
            given = zip(operation.inputs, operation.eqn.invars, strict=True)
            self.shape.update((r, getattr(v.aval, "shape", ())) for r, v in given if r is not None)
            made = zip(operation.outputs, operation.eqn.outvars, strict=True)
            self.real.update(ref for ref, var in made if _is_real(var.aval))
        self.sizes = {leaf: math.prod(self.shape.get(ref, ())) for ref, leaf in leaves.items()}

    def look_at(self, operation: Operation) -> None:
        refs = [r for r in operation.inputs if r is not None]
        mine = [r for r in refs if r in self.of_leaf]
        data = [r for r in refs if r not in self.of_leaf and r not in self.constant]
        if not data:
            self._derived(operation, refs, mine)
            return
        name = operation.eqn.primitive.name
        if name in SUMS:
            self.found.added.update(self.of_leaf[ref] for ref in mine)
        if name in LOOPS:
            for ref in mine:
                self.found.inside.setdefault(self.of_leaf[ref], name)
        elif len(mine) == 1 and len(operation.outputs) == 1 and not operation.backward:
            self._use(operation, name, mine[0], data[0])

    def _derived(self, operation: Operation, refs: list[Ref], mine: list[Ref]) -> None:
        """Made of parameters and constants alone: stands for its largest parameter."""
        if mine:
            leaf = max((self.of_leaf[r] for r in mine), key=lambda i: self.ndims[i])
            self.of_leaf.update(dict.fromkeys(operation.outputs, leaf))
        else:
            self.constant.update(operation.outputs)
            if operation.eqn.primitive.name in ELEMENTWISE | SPREADS and self.uniform >= {*refs}:
                self.uniform.update(operation.outputs)

    def _use(self, operation: Operation, name: str, weight: Ref, data: Ref) -> None:
        leaf = self.of_leaf[weight]
        out, ndim = operation.outputs[0], len(operation.shapes[0])
        matrix = self.ndims[leaf] > 1
        if out not in self.real:
            return
        if name == "dot_general" and matrix:
            axes = _free_axes(operation, weight, ndim)
            self.found.uses.append(Use(leaf, "dense", data, out, out, axes))
        elif name == "conv_general_dilated" and matrix and operation.inputs[1] == weight:
            axes = (operation.eqn.params["dimension_numbers"].out_spec[1],)
            self.found.uses.append(Use(leaf, "convolution", data, out, out, axes))
        elif name == "gather" and matrix and operation.inputs[0] == weight:
            axes = tuple(operation.eqn.params["dimension_numbers"].offset_dims)
            self.found.uses.append(Use(leaf, "embedding", data, out, out, axes or (ndim - 1,)))
        elif name == "mul" and self.ndims[leaf] == 1 and ndim > 1:
            self.found.uses.append(Use(leaf, "normalization", data, out, out, (ndim - 1,)))

    def follow(self, use: Use) -> None:
        """From the product to z, after the bias, and to h."""
        while self._step(use):
            pass
        scaled = self._scaled(use.z)
        if scaled != use.z and scaled not in self._exits(scaled).refs:
            use.z = scaled  # What the activation gets.
        exits = self._exits(use.z)
        use.direct = use.z in exits.refs
        if exits.refs == {use.z}:
            use.h = use.z
            return
        # Of several values, those that are made of one of them alone leave through that one.
        through = [e for e in sorted(exits.refs & self.real) if exits.refs <= self._depends_on(e)]
        if not through or use.direct:
            use.h = None
        elif through[0] in exits.affine:
            use.h = use.z  # A query divided by sqrt(d): no activation.
        else:
            use.h, use.hint = through[0], exits.hint
            use.inner = self._unscaled(use.h, use.z)

    def _unscaled(self, h: Ref, z: Ref) -> Ref | None:
        """What h is a constant times of, as a dropout has it; None: of nothing but z."""
        operation = next(op for op in self.program.operations if h in op.outputs)
        below = [r for r in operation.inputs if r is not None and r not in self.uniform]
        divides = operation.eqn.primitive.name == "div" and operation.inputs[:1] == (*below,)
        scales = operation.eqn.primitive.name == "mul" or divides
        return below[0] if scales and len(below) == 1 and below[0] != z else None

    def _step(self, use: Use) -> bool:
        """One operation on from `use.z`, if all that it does is to complete z."""
        operation = self._only_reader(use.z)
        if operation is None or operation.outputs[0] not in self.real:
            return False
        name = operation.eqn.primitive.name
        bias = self._adds_bias(operation, use.z)
        if use.kind == "normalization" and self._normalizes(use, operation):
            use.unit_axes = (len(operation.shapes[0]) - 1,)
        elif moved := self._reshaped(use, operation):
            use.unit_axes = moved
        elif not bias and name not in RELABELS:
            # A factor belongs to z where a bias comes after it.
            scaled = self._scaled(use.z)
            after = self._only_reader(scaled)
            if scaled == use.z or after is None or not self._adds_bias(after, scaled):
                return False
            use.z = scaled
            return True
        if name == "transpose":
            order = list(operation.eqn.params["permutation"])
            use.unit_axes = tuple(order.index(a) for a in use.unit_axes)
        elif name == "squeeze":
            gone = operation.eqn.params["dimensions"]
            left = (a for a in use.unit_axes if a not in gone)
            use.unit_axes = tuple(a - sum(d < a for d in gone) for a in left)
        use.z = operation.outputs[0]
        return True

    def _reshaped(self, use: Use, operation: Operation) -> tuple[int, ...]:
        """The axes of a reshaped value that run over the units; empty: it is not reshaped, or they
        do not stand apart from the others."""
        old, new = self.shape[use.z], operation.shapes[0]
        shapes = operation.eqn.primitive.name in SPREADS - RELABELS
        if not shapes or math.prod(old) != math.prod(new):
            return ()
        moved: tuple[int, ...] = ()
        for axis in use.unit_axes:
            axes = _same_entries(new, math.prod(old[:axis]), old[axis])
            if not axes:
                return ()
            moved += axes
        return moved

    def _normalizes(self, use: Use, operation: Operation) -> bool:
        """Whether an operation goes on normalizing: x * (scale / deviation) multiplies x with
        the use so far, (scale * x) / deviation divides by a statistic."""
        name, inputs = operation.eqn.primitive.name, operation.inputs
        others = [r for r in inputs if r is not None and r != use.z and r not in self.uniform]
        if len(others) != 1 or name not in ("mul", "div"):
            return False
        sizes = self.shape[use.z], self.shape.get(others[0], ())
        if name == "mul" and use.source is not None and 1 in self.shape.get(use.source, ()):
            use.source = others[0]
            return True
        return 1 in sizes[1] and sizes[0] != sizes[1] and (name == "mul" or inputs[0] == use.z)

    def _only_reader(self, ref: Ref) -> Operation | None:
        readers = self.readers.get(ref, [])
        alone = len(readers) == 1 and len(readers[0].outputs) == 1
        return readers[0] if alone and ref not in self.program.outputs else None

    def _adds_bias(self, operation: Operation, z: Ref) -> bool:
        others = [r for r in operation.inputs if r is not None and r != z]
        adds = operation.eqn.primitive.name in ("add", "add_any")
        return adds and bool(others) and all(r in self.of_leaf for r in others)

    def _by_numbers(self, operation: Operation, z: Ref) -> bool:
        """Whether all other operands are constants of one number."""
        others = {r for r in operation.inputs if r is not None and r != z}
        return others <= self.uniform

    def _scaled(self, z: Ref) -> Ref:
        """z times the constant factors that all its readers get it with."""
        while True:
            operation = self._only_reader(z)
            if operation is None or operation.eqn.primitive.name not in ("mul", "div"):
                return z
            if operation.inputs.count(z) > 1 or not self._by_numbers(operation, z):
                return z
            if operation.eqn.primitive.name == "div" and operation.inputs[0] != z:
                return z
            z = operation.outputs[0]

    def _exits(self, z: Ref) -> _Exits:
        """Values that are functions of z alone, entry by entry, and that something else reads."""
        inside, affine, hints = {z}, {z}, []
        refs: set[Ref] = set()
        for operation in self.program.operations:
            read = inside.intersection(r for r in operation.inputs if r is not None)
            if not read:
                continue
            if not self._pointwise(operation, inside, self.shape[z]):
                refs |= read
                continue
            inside.update(operation.outputs)
            hints.append(operation.name)
            if read <= affine and _is_affine(operation, read):
                affine.update(operation.outputs)
        refs |= inside.intersection(o for o in self.program.outputs if isinstance(o, Ref))
        return _Exits(refs or {z}, affine, hints[0] if len(hints) == 1 else "")

    def _pointwise(self, operation: Operation, inside: set[Ref], shape: tuple[int, ...]) -> bool:
        others = {r for r in operation.inputs if r is not None and r not in inside}
        same = all(s == shape for s in operation.shapes)
        return others <= self.uniform and same and operation.eqn.primitive.name in ELEMENTWISE

    def tell_scales(self) -> None:
        """A vector that data is multiplied with is a normalization's scale where a deviation has
        a part in the product, and a scale by itself elsewhere."""
        makers = {ref: op for op in self.program.operations for ref in op.outputs}
        known = {ref for use in self.found.uses for ref in (use.product, use.z)}
        for use in self.found.uses:
            if use.kind != "normalization":
                continue
            waiting, seen, root = [use.z], set(), False
            while waiting and not root:
                ref = waiting.pop()
                operation = makers.get(ref)
                others = ref in known and ref not in (use.product, use.z)
                if operation is None or ref in seen or others or ref in self.constant:
                    continue
                seen.add(ref)
                root = operation.eqn.primitive.name in ROOTS
                waiting += [r for r in operation.inputs if r is not None]
            use.kind = "normalization" if root else "scale"

    def find_roles(self) -> None:
        """What the layers are for."""
        places = [self._place(use) for use in self.found.uses if not use.folded]
        given = self.of_leaf.keys() | self.constant
        self.found.roles = find_roles(self.program, places, given)

    def _place(self, use: Use) -> Place:
        shape = self.shape[use.z]
        width = math.prod(shape[axis] for axis in use.unit_axes)
        size = self.sizes[use.leaf]
        norm = use.kind in ("normalization", "scale", "embedding")
        fan_in = size // max(width, 1)
        return Place(use.leaf, use.source, use.product, use.z, use.h, size, width, fan_in, norm)

    def fold(self) -> None:
        """Give a layer the z after the normalization that follows it directly.

        Its output goes nowhere else then: in a residual stack that normalizes first, the
        stream is read by the sum, too, and the normalization is a layer of its own.
        """
        for norm in self.found.uses:
            if norm.kind != "normalization":
                continue
            before = self.found.uses[: self.found.uses.index(norm)]
            last = next((u for u in reversed(before) if not u.folded), None)
            if last is None or last.kind == "normalization" or not last.direct:
                continue
            reads = norm.source in self._depends_on(last.z)
            if reads and not self._leaves_beside(last.z, norm.z):
                same = self.shape[norm.z] == self.shape[last.z]
                last.z, last.h, last.hint = norm.z, norm.h, norm.hint
                last.direct, last.inner = norm.direct, norm.inner
                last.unit_axes = last.unit_axes if same else norm.unit_axes
                norm.folded = True

    def _leaves_beside(self, z: Ref, norm: Ref) -> bool:
        """Whether the outputs depend on z in another way than through `norm`."""
        reached = {z}
        for operation in self.program.operations:
            if norm not in operation.outputs and reached.intersection(operation.inputs):
                reached.update(operation.outputs)
        return bool(reached.intersection(o for o in self.program.outputs if isinstance(o, Ref)))

    def _depends_on(self, ref: Ref) -> set[Ref]:
        """Values that depend on `ref`, and on nothing else but parameters and constants."""
        reached = {ref}
        for operation in self.program.operations:
            data = [
                r
                for r in operation.inputs
                if r is not None and r not in self.of_leaf and r not in self.constant
            ]
            hit = [r in reached for r in data]
            if hit and all(hit):
                reached.update(operation.outputs)
        return reached

    def _leads_to(self, ref: Ref) -> set[Ref]:
        """Values that depend on `ref` by the forward pass."""
        reached = {ref}
        for operation in self.program.operations:
            stopped = operation.backward or operation.eqn.primitive.name == "stop_gradient"
            if not stopped and reached.intersection(operation.inputs):
                reached.update(operation.outputs)
        return reached

    def find_outputs(self) -> None:
        """An output is what no other layer depends on."""
        for use in self.found.uses:
            reached = self._leads_to(use.z)
            others = (u for u in self.found.uses if u is not use and not u.folded)
            use.output = not any(u.source in reached for u in others)


def _same_entries(shape: tuple[int, ...], before: int, size: int) -> tuple[int, ...]:
    """The axes that run over `size` entries, behind axes of `before` ones; empty: there are none."""
    first = 0
    while first < len(shape) and (math.prod(shape[:first]) != before or shape[first] == 1):
        first += 1
    last = first
    while last < len(shape) and math.prod(shape[first:last]) < size:
        last += 1
    return tuple(range(first, last)) if math.prod(shape[first:last]) == size > 1 else ()


def _is_real(aval: Any) -> bool:
    """Whether a value is of floats: only those have gradients."""
    return hasattr(aval, "dtype") and bool(jnp.issubdtype(aval.dtype, jnp.floating))


def _is_affine(operation: Operation, read: set[Ref]) -> bool:
    """Whether an operation on affine values and constants keeps what it makes affine."""
    name, inputs = operation.eqn.primitive.name, operation.inputs
    if name == "mul":
        return sum(r in read for r in inputs) == 1
    if name == "div":
        return inputs[0] in read and inputs[1] not in read
    return name in AFFINE and _is_real(operation.eqn.outvars[0].aval)


def _free_axes(operation: Operation, weight: Ref, ndim: int) -> tuple[int, ...]:
    """The axes of a product that run over the weight's own free axes."""
    (left, _), (batch_left, _) = operation.eqn.params["dimension_numbers"]
    left_ndim = len(getattr(operation.eqn.invars[0].aval, "shape", ()))
    weight_left = operation.inputs[0] == weight
    free_left = left_ndim - len(left) - len(batch_left)
    first, last = len(batch_left), len(batch_left) + free_left
    return tuple(range(first, last)) if weight_left else tuple(range(last, ndim))
