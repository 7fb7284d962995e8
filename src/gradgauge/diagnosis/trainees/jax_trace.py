"""A JAX loss followed equation by equation: what depends on what, and what meets what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jax.extend import core

from gradgauge.diagnosis.properties.experiment import Pairing
from gradgauge.diagnosis.properties.pairing import axes_met, shape_of

_ELEMENTWISE = frozenset(
    [
        "add",
        "sub",
        "mul",
        "div",
        "max",
        "min",
        "pow",
        "atan2",
        "nextafter",
        "rem",
        "select_n",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "and",
        "or",
        "xor",
    ]
)
_WITHOUT_SLOPE = frozenset(
    [
        "stop_gradient",
        "argmax",
        "argmin",
        "round",
        "floor",
        "ceil",
        "sign",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "not",
        "is_finite",
        "shift_left",
        "shift_right_logical",
        "population_count",
    ]
)
_PRODUCTS = frozenset(("dot_general", "conv_general_dilated"))
_INSERTING = frozenset(("broadcast_in_dim", "reshape", "transpose"))


@dataclass(frozen=True)
class Followed:
    """What was seen in a loss.

    Attributes:
        met: elementwise operations in which the batch axis met another axis.
        by_intent: whether rows of one kind are compared with each other, in pairs.
    """

    met: tuple[Pairing, ...]
    by_intent: bool


@dataclass(frozen=True)
class _Origin:
    of: frozenset[str] = frozenset()
    inserted: bool = False


def followed(jaxpr: core.ClosedJaxpr, weights: int, rows: int) -> Followed:
    """Follow weights, inputs and targets through a loss.

    Args:
        jaxpr: of `loss(weights, x, y)`.
        weights: how many of its first arguments are weights; the next one is x, the last one y.
        rows: samples of the batch.

    NumPy's way of putting axes in front of the shorter shape and an axis that somebody puts in
    look the same here: axes in both are meant, and with one in either the loss is to be asked.
    """
    walk = _Walk(rows)
    count = len(jaxpr.jaxpr.invars)
    names = ["outputs"] * weights + ["inputs"] * (count - weights - 1) + ["targets"]
    walk.through(jaxpr.jaxpr, [_Origin(frozenset({name})) for name in names])
    return Followed(tuple(walk.met), walk.by_intent)


class _Walk:
    def __init__(self, rows: int):
        self.rows, self.met, self.by_intent = rows, list[Pairing](), False

    def through(self, jaxpr: core.Jaxpr, given: Sequence[_Origin]) -> list[_Origin]:
        """Origins of what a jaxpr gives."""
        known: dict[Any, _Origin] = dict(zip(jaxpr.invars, given, strict=True))

        def origin(atom: Any) -> _Origin:
            return _Origin() if isinstance(atom, core.Literal) else known.get(atom, _Origin())

        for equation in jaxpr.eqns:
            origins = [origin(atom) for atom in equation.invars]
            inner = inner_of(equation)
            if inner is not None:
                found = self.through(inner, origins)
            else:
                if equation.primitive.name in _ELEMENTWISE:
                    self._look(equation, origins)
                found = [_after(equation, origins, self.rows)] * len(equation.outvars)
            known.update(zip(equation.outvars, found, strict=True))
        return [origin(atom) for atom in jaxpr.outvars]

    def _look(self, equation: Any, origins: Sequence[_Origin]) -> None:
        sides = list(zip(equation.invars, origins, strict=True))
        for i, (a, of_a) in enumerate(sides):
            for b, of_b in sides[i + 1 :]:
                places = axes_met(a.aval.shape, b.aval.shape, self.rows)
                if places is None or not of_a.of or not of_b.of:
                    continue
                if of_a.of == of_b.of or (of_a.inserted and of_b.inserted):
                    self.by_intent = True
                    continue
                outputs, targets = (a, b) if "outputs" in of_a.of else (b, a)
                shapes = (shape_of(v.aval.shape, self.rows) for v in (outputs, targets))
                self.met.append(Pairing(equation.primitive.name, *shapes, inserted=True))


def _after(equation: Any, origins: Sequence[_Origin], rows: int) -> _Origin:
    of = frozenset().union(*(o.of for o in origins))
    name, shapes = equation.primitive.name, [atom.aval.shape for atom in equation.invars]
    rank = len(equation.outvars[0].aval.shape)
    if name in _PRODUCTS or rank < max(map(len, shapes), default=0):
        return _Origin(of)
    inserted = any(o.inserted for o in origins)
    if name in _INSERTING and rows in shapes[0]:
        turned = name == "transpose" and 1 in shapes[0]
        inserted = inserted or turned or rank > len(shapes[0])
    return _Origin(of, inserted)


def reached(jaxpr: core.ClosedJaxpr) -> list[bool]:
    """For every argument, whether a path with a slope leads from it to the first result."""
    return _reached(jaxpr.jaxpr, [True] + [False] * (len(jaxpr.jaxpr.outvars) - 1))


def _reached(jaxpr: core.Jaxpr, wanted: Sequence[bool]) -> list[bool]:
    """Backwards through the equations: which arguments the wanted results depend on."""
    asked = {v for v, w in zip(jaxpr.outvars, wanted, strict=True) if w and _is_var(v)}
    for equation in reversed(jaxpr.eqns):
        results = [v in asked for v in equation.outvars]
        if not any(results) or equation.primitive.name in _WITHOUT_SLOPE:
            continue
        inner = inner_of(equation)
        needed = _reached(inner, results) if inner is not None else [True] * len(equation.invars)
        asked.update(v for v, n in zip(equation.invars, needed, strict=True) if n and _is_var(v))
    return [v in asked for v in jaxpr.invars]


def _is_var(atom: Any) -> bool:
    return not isinstance(atom, core.Literal)


def inner_of(equation: Any) -> core.Jaxpr | None:
    """The jaxpr of an equation that only calls it, argument by argument."""
    for jaxpr in _jaxprs(equation.params.get(name) for name in ("jaxpr", "call_jaxpr")):
        whole = len(jaxpr.invars) == len(equation.invars)
        if whole and len(jaxpr.outvars) == len(equation.outvars):
            return jaxpr if equation.primitive.name not in ("scan", "while", "cond") else None
    return None


def _jaxprs(values: Any) -> Iterator[core.Jaxpr]:
    for value in values:
        found = getattr(value, "jaxpr", value)
        if hasattr(found, "eqns"):
            yield found
