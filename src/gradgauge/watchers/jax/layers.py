"""Layers in a flat JAX program: where parameters meet data, and what follows.

A layer is a parameter of two or more axes that data is multiplied with (`dot_general`, a
convolution) or looked up in (`gather`); a parameter of one axis that data is multiplied with
is a normalisation's. z is the product, with its bias; h is what an elementwise function of z
alone makes of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gradgauge.watchers.jax.program import Operation, Program, Ref, consumers

_ELEMENTWISE = {
    "abs",
    "add",
    "add_any",
    "atan",
    "atan2",
    "clamp",
    "convert_element_type",
    "copy",
    "cos",
    "acos",
    "acosh",
    "and",
    "asin",
    "asinh",
    "atanh",
    "cbrt",
    "cosh",
    "custom_jvp_call",
    "custom_vjp_call",
    "div",
    "eq",
    "erf",
    "erfc",
    "exp",
    "exp2",
    "expm1",
    "floor",
    "ge",
    "is_finite",
    "gt",
    "integer_pow",
    "jit",
    "le",
    "log",
    "log1p",
    "logistic",
    "lt",
    "max",
    "min",
    "mul",
    "ne",
    "neg",
    "not",
    "pow",
    "round",
    "or",
    "rem",
    "rsqrt",
    "select_n",
    "sign",
    "sin",
    "sinh",
    "sqrt",
    "square",
    "sub",
    "tan",
    "tanh",
}
_RELABELS = {"convert_element_type", "transpose", "squeeze", "copy"}
_LOOPS = {"scan", "while", "cond", "custom_vjp_call", "custom_vjp_call_jaxpr"}


@dataclass(eq=False)
class Use:
    """One place where a parameter meets data.

    Attributes:
        leaf: number of the parameter.
        kind: one of KINDS.
        source: the data.
        z, h: values; h is None where z takes several ways and what follows is not clear.
        unit_axes: of z and h.
        hint: name of the operation between z and h.
        after: leaves whose uses depend on this one.
        direct: whether something that is not elementwise reads z itself.
        folded: whether this normalisation is part of another layer's z.
    """

    leaf: int
    kind: str
    source: Ref | None
    z: Ref
    h: Ref | None
    unit_axes: tuple[int, ...]
    hint: str = ""
    output: bool = True
    direct: bool = False
    folded: bool = False


@dataclass
class Found:
    """All uses, in order, and the parameters that only a loop's inside sees."""

    uses: list[Use] = field(default_factory=list)
    inside: dict[int, str] = field(default_factory=dict)


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
    search.fold()
    search.find_outputs()
    return search.found


class _Search:
    def __init__(self, program: Program, leaves: dict[Ref, int], ndims: dict[int, int]):
        self.program, self.ndims = program, ndims
        self.found = Found()
        self.readers = consumers(program)
        self.of_leaf: dict[Ref, int] = dict(leaves)
        self.constant: set[Ref] = set(program.constants)
        self.shape: dict[Ref, tuple[int, ...]] = {}
        for operation in program.operations:
            self.shape.update(zip(operation.outputs, operation.shapes, strict=True))

    def look_at(self, operation: Operation) -> None:
        refs = [r for r in operation.inputs if r is not None]
        mine = [r for r in refs if r in self.of_leaf]
        data = [r for r in refs if r not in self.of_leaf and r not in self.constant]
        if not data:
            self._derived(operation, mine)
            return
        name = operation.eqn.primitive.name
        if name in _LOOPS:
            for ref in mine:
                self.found.inside.setdefault(self.of_leaf[ref], name)
        elif len(mine) == 1 and len(operation.outputs) == 1:
            self._use(operation, name, mine[0], data[0])

    def _derived(self, operation: Operation, mine: list[Ref]) -> None:
        """Made of parameters and constants alone: stands for its largest parameter."""
        if mine:
            leaf = max((self.of_leaf[r] for r in mine), key=lambda i: self.ndims[i])
            self.of_leaf.update(dict.fromkeys(operation.outputs, leaf))
        else:
            self.constant.update(operation.outputs)

    def _use(self, operation: Operation, name: str, weight: Ref, data: Ref) -> None:
        leaf = self.of_leaf[weight]
        out, ndim = operation.outputs[0], len(operation.shapes[0])
        matrix = self.ndims[leaf] > 1
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
        """From the product to z, behind the bias, and to h."""
        while True:
            readers = self.readers.get(use.z, [])
            if len(readers) != 1 or len(readers[0].outputs) != 1:
                break
            operation = readers[0]
            name = operation.eqn.primitive.name
            others = [r for r in operation.inputs if r is not None and r != use.z]
            bias = name in ("add", "add_any") and others and all(r in self.of_leaf for r in others)
            scaled = use.kind == "normalization" and name == "mul" and not bias
            if scaled:
                # Written as x * (scale / deviation): this product is the normalised signal.
                use.unit_axes = (len(operation.shapes[0]) - 1,)
            elif not bias and name not in _RELABELS:
                break
            if name == "transpose":
                order = list(operation.eqn.params["permutation"])
                use.unit_axes = tuple(order.index(a) for a in use.unit_axes)
            elif name == "squeeze":
                gone = operation.eqn.params["dimensions"]
                left = (a for a in use.unit_axes if a not in gone)
                use.unit_axes = tuple(a - sum(d < a for d in gone) for a in left)
            use.z = operation.outputs[0]
        self.shape.setdefault(use.z, ())
        exits, hint = self._exits(use.z)
        use.direct = use.z in exits
        if exits == {use.z}:
            use.h = use.z
            return
        # Of several values, those that are made of one of them alone leave through that one.
        through = [e for e in sorted(exits) if exits <= self._depends_on(e, alone=True)]
        clear = bool(through) and use.z not in exits
        use.h, use.hint = (through[0], hint) if clear else (None, "")

    def _exits(self, z: Ref) -> tuple[set[Ref], str]:
        """Values that are functions of z alone, entry by entry, and that something else reads."""
        shape = self.shape[z]
        inside, hints = {z}, []
        exits: set[Ref] = set()
        for operation in self.program.operations:
            refs = [r for r in operation.inputs if r is not None]
            if not inside.intersection(refs):
                continue
            if self._pointwise(operation, inside, shape):
                inside.update(operation.outputs)
                hints.append(operation.name)
            else:
                exits |= inside.intersection(refs)
        exits |= inside.intersection(o for o in self.program.outputs if isinstance(o, Ref))
        return exits or {z}, hints[0] if len(hints) == 1 else ""

    def _pointwise(self, operation: Operation, inside: set[Ref], shape: tuple[int, ...]) -> bool:
        others = [r for r in operation.inputs if r is not None and r not in inside]
        scalars = all(r in self.constant and not self._has_axes(r) for r in others)
        same = all(s == shape for s in operation.shapes)
        return scalars and same and operation.eqn.primitive.name in _ELEMENTWISE

    def _has_axes(self, ref: Ref) -> bool:
        shape = self.shape.get(ref)
        if shape is None:
            shape = getattr(self.program.constants.get(ref), "shape", ())
        return bool(shape)

    def fold(self) -> None:
        """Give a layer the z behind the normalisation that follows it directly."""
        for norm in self.found.uses:
            if norm.kind != "normalization":
                continue
            before = self.found.uses[: self.found.uses.index(norm)]
            last = next((u for u in reversed(before) if not u.folded), None)
            if last is None or last.kind == "normalization" or not last.direct:
                continue
            if norm.source is not None and norm.source in self._depends_on(last.z, alone=True):
                same = self.shape[norm.z] == self.shape[last.z]
                last.z, last.h, last.hint = norm.z, norm.h, norm.hint
                last.direct = norm.direct
                last.unit_axes = last.unit_axes if same else norm.unit_axes
                norm.folded = True

    def _depends_on(self, ref: Ref, alone: bool) -> set[Ref]:
        """Values that depend on `ref`; `alone`: on nothing else but parameters and constants."""
        reached = {ref}
        for operation in self.program.operations:
            data = [
                r
                for r in operation.inputs
                if r is not None and r not in self.of_leaf and r not in self.constant
            ]
            hit = [r in reached for r in data]
            if hit and (all(hit) if alone else any(hit)):
                reached.update(operation.outputs)
        return reached

    def find_outputs(self) -> None:
        """An output is what no other layer depends on."""
        for use in self.found.uses:
            reached = self._depends_on(use.z, alone=False)
            others = (u for u in self.found.uses if u is not use and not u.folded)
            use.output = not any(u.source in reached for u in others)


def _free_axes(operation: Operation, weight: Ref, ndim: int) -> tuple[int, ...]:
    """The axes of a product that run over the weight's own free axes."""
    (left, _), (batch_left, _) = operation.eqn.params["dimension_numbers"]
    left_ndim = len(getattr(operation.eqn.invars[0].aval, "shape", ()))
    weight_left = operation.inputs[0] == weight
    free_left = left_ndim - len(left) - len(batch_left)
    first, last = len(batch_left), len(batch_left) + free_left
    return tuple(range(first, last)) if weight_left else tuple(range(last, ndim))
