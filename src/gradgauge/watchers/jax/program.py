"""A JAX function as one flat list of operations, and how to run it with taps.

Calls of jitted functions are written out in place; those that are an activation of its own
derivative rule (`relu`) stay whole, for written out they would have another slope at the kink.
What the function computes twice stands there once, as XLA would have it: `x @ w` in
`where(x @ w > 0, x @ w, 0)` is one value, which two operations read. What its outputs do not
depend on is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal

from gradgauge.watchers.activations import named

Array = Any
Ref = int
"""Number of a value; literals have none."""

_WRITTEN_OUT = {"jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2"}


@dataclass(frozen=True)
class Operation:
    """One primitive, or one call that stays whole.

    Attributes:
        eqn: the equation.
        inputs: refs, None for literals.
        outputs: refs.
        shapes: of the outputs.
        backward: whether it belongs to a backward pass inside the function.
    """

    eqn: JaxprEqn
    inputs: tuple[Ref | None, ...]
    outputs: tuple[Ref, ...]
    shapes: tuple[tuple[int, ...], ...]
    backward: bool = False

    @property
    def name(self) -> str:
        """The primitive's name, or the function's where one is called."""
        return str(self.eqn.params.get("name", self.eqn.primitive.name))


@dataclass
class Program:
    """A flat function.

    Attributes:
        operations: in order.
        inputs: refs of its arguments.
        constants: ref -> value.
        outputs: refs, or the value itself for a literal.
    """

    operations: list[Operation] = field(default_factory=list)
    inputs: list[Ref] = field(default_factory=list)
    constants: dict[Ref, Array] = field(default_factory=dict)
    outputs: list[Any] = field(default_factory=list)
    size: int = 0
    _computed: dict[Hashable, tuple[Ref, ...]] = field(default_factory=dict)

    def new(self) -> Ref:
        self.size += 1
        return self.size

    def append(
        self, eqn: JaxprEqn, inputs: tuple[Ref | None, ...], backward: bool = False
    ) -> tuple[Ref, ...]:
        """Apply an equation to values; the refs of its outputs, old ones if it was there."""
        key = _key(eqn, inputs)
        if key is not None and key in self._computed:
            return self._computed[key]
        outputs = tuple(self.new() for _ in eqn.outvars)
        shapes = tuple(tuple(getattr(v.aval, "shape", ())) for v in eqn.outvars)
        self.operations.append(Operation(eqn, inputs, outputs, shapes, backward))
        if key is not None:
            self._computed[key] = outputs
        return outputs

    def prune(self) -> None:
        """Leave out what no output depends on: auxiliary results, a user's own prints."""
        needed = {ref for ref in self.outputs if isinstance(ref, Ref)}
        kept = []
        for operation in reversed(self.operations):
            if needed.intersection(operation.outputs):
                needed.update(ref for ref in operation.inputs if ref is not None)
                kept.append(operation)
        self.operations = kept[::-1]

    def run(self, arguments: Sequence[Array], tap: Callable[[Ref, Array], Array]) -> list[Array]:
        """The outputs; `tap` sees every value and says what goes on in its place."""
        values: dict[Ref, Array] = dict(self.constants)
        values.update({r: tap(r, a) for r, a in zip(self.inputs, arguments, strict=True)})
        for operation in self.operations:
            given = [
                values[ref] if ref is not None else getattr(var, "val", None)
                for ref, var in zip(operation.inputs, operation.eqn.invars, strict=True)
            ]
            for ref, value in zip(operation.outputs, apply(operation, given), strict=True):
                values[ref] = tap(ref, value)
        return [values[o] if isinstance(o, Ref) else o.val for o in self.outputs]


def apply(operation: Operation, given: Sequence[Array]) -> list[Array]:
    """The results of one operation."""
    eqn = operation.eqn
    with eqn.ctx.manager:
        made = bind(eqn, given)
    return list(made) if eqn.primitive.multiple_results else [made]


def bind(eqn: JaxprEqn, given: Sequence[Array]) -> Any:
    """Apply one equation, as JAX's own evaluation of a program does."""
    parameters = eqn.primitive.get_bind_params(eqn.params)
    if isinstance(parameters, tuple):
        # Before JAX 0.10 functions were handed over beside the parameters.
        functions, parameters = parameters
        return eqn.primitive.bind(*functions, *given, **parameters)
    return eqn.primitive.bind(*given, **parameters)


def flatten(closed: ClosedJaxpr) -> Program:
    """All operations of a traced function in one list."""
    program = Program()
    program.inputs = [program.new() for _ in closed.jaxpr.invars]
    program.outputs = _inline(program, closed.jaxpr, closed.consts, program.inputs)
    program.prune()
    return program


def _key(eqn: JaxprEqn, inputs: tuple[Ref | None, ...]) -> Hashable | None:
    """Two applications with one key compute the same; None: it may not be left out."""
    given = tuple(
        _literal(var) if ref is None else ref for ref, var in zip(inputs, eqn.invars, strict=True)
    )
    key = (eqn.primitive, given, tuple(sorted(eqn.params.items(), key=lambda item: item[0])))
    try:
        hash(key)
    except TypeError:
        return None
    return None if eqn.effects else key


def _literal(var: Any) -> Hashable:
    return (str(var.aval), np.asarray(var.val).tobytes())


def _inline(
    program: Program,
    jaxpr: Jaxpr,
    consts: Sequence[Any],
    given: Sequence[Any],
    backward: bool = False,
) -> list[Any]:
    """Append `jaxpr`'s operations; the refs of its outputs."""
    known: dict[Any, Any] = dict(zip(jaxpr.invars, given, strict=True))
    for var, value in zip(jaxpr.constvars, consts, strict=True):
        known[var] = program.new()
        program.constants[known[var]] = value
    for eqn in jaxpr.eqns:
        inner = _inner(eqn)
        # A literal handed to a call that is written out has no ref: that call stays whole.
        arguments = [None if isinstance(v, Literal) else known[v] for v in eqn.invars]
        if inner is not None and None in arguments:
            arguments = [
                _constant(program, v.val) if isinstance(v, Literal) else a
                for v, a in zip(eqn.invars, arguments, strict=True)
            ]
        if inner is not None:
            body, values = inner
            made = _inline(program, body, values, arguments, backward or _is_backward(eqn))
        else:
            made = program.append(eqn, tuple(arguments), backward or _is_backward(eqn))
        known.update(zip(eqn.outvars, made, strict=True))
    return [v if isinstance(v, Literal) else known[v] for v in jaxpr.outvars]


def _is_backward(eqn: JaxprEqn) -> bool:
    """Whether JAX made the equation by transposing: in a loss that takes gradients itself."""
    names = getattr(eqn.source_info.name_stack, "stack", ())
    return any(getattr(entry, "name", "") == "transpose" for entry in names)


def _constant(program: Program, value: Any) -> Ref:
    ref = program.new()
    program.constants[ref] = value
    return ref


def _inner(eqn: JaxprEqn) -> tuple[Jaxpr, Sequence[Any]] | None:
    """The body of a call that is to be written out."""
    if eqn.primitive.name not in _WRITTEN_OUT:
        return None
    if _is_activation(eqn):
        return None
    body = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr"))
    if isinstance(body, ClosedJaxpr):
        return body.jaxpr, body.consts
    return (body, ()) if isinstance(body, Jaxpr) else None


def _is_activation(eqn: JaxprEqn) -> bool:
    """Whether a call is of an activation: by its name, and of one array alone. A user's
    `linear(w, x)` is called like one, too."""
    if named(str(eqn.params.get("name", ""))) is None or len(eqn.outvars) != 1:
        return False
    shapes = [shape for v in eqn.invars if (shape := getattr(v.aval, "shape", ()))]
    given = getattr(eqn.outvars[0].aval, "shape", ())
    return len(shapes) <= 1 and all(shape == given for shape in shapes)


def consumers(program: Program) -> Mapping[Ref, list[Operation]]:
    """Who reads a value."""
    found: dict[Ref, list[Operation]] = {}
    for operation in program.operations:
        for ref in dict.fromkeys(r for r in operation.inputs if r is not None):
            found.setdefault(ref, []).append(operation)
    return found
