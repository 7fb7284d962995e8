"""Indices of a JAX loss: JAX moves an index that lies outside to the edge, or gives NaN, silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core

from gradgauge.diagnosis.properties.indices import INPUTS, TARGETS, Outside
from gradgauge.diagnosis.trainees.jax_trace import inner_of
from gradgauge.watchers.jax.program import bind


def indices_of(
    loss: Callable[..., Any], params: Any, x: np.ndarray, y: np.ndarray
) -> tuple[Outside, ...]:
    """Tables in which something beyond their end is looked up, and that the loss depends on.

    Whether it does is asked: with the first and with the last entry of the table in the place of
    the one that there is not, the loss must differ. What is masked afterwards may be any number.

    Args:
        loss: `loss(params, x, y)` -> scalar.
        params: any pytree.
        x, y: samples.
    """
    # NumPy's own arrays would raise where JAX's do not, and a training has made them JAX's.
    params = jax.tree.map(lambda a: jnp.asarray(a) if hasattr(a, "dtype") else a, params)
    closed = jax.make_jaxpr(lambda *given: loss(*given))(params, x, y)
    leaves = [jnp.asarray(leaf) for leaf in (*jax.tree.leaves(params), x, y)]
    walk = _Walk()
    walk.through(closed.jaxpr, closed.consts, leaves)
    found = []
    for size, wrong in sorted(walk.wrong.items()):
        names = [(INPUTS, x), (TARGETS, y)]
        source = next((one for one in names if _holds(one[1], wrong)), None)
        if source is None:
            continue
        ends = [_Walk(size, at) for at in (0, size - 1)]
        losses = [walk.through(closed.jaxpr, closed.consts, leaves)[0] for walk in ends]
        if float(losses[0]) != float(losses[1]):
            what, values = source
            count = int(np.isin(values, list(wrong)).sum())
            found.append(Outside(what, "", size, int(values.min()), int(values.max()), count))
    return tuple(found)


def _holds(values: np.ndarray, wrong: set[int]) -> bool:
    """Whether indices come from these numbers as they are: the largest is the largest."""
    if values.dtype.kind not in "iu" or not values.size:
        return False
    return int(values.max()) == max(wrong) and wrong <= _set(values)


def _set(values: np.ndarray) -> set[int]:
    return set(np.unique(values).tolist())


class _Walk:
    """Evaluates a program equation by equation, and looks at every index before it is used.

    Args:
        size: of the tables in which another entry is taken; None: in none.
        entry: that is taken where an index lies beyond the table's end.

    Attributes:
        wrong: size of a table -> the indices beyond its end.
    """

    wrong: dict[int, set[int]]

    def __init__(self, size: int | None = None, entry: int = 0):
        self._size, self._entry = size, entry
        self.wrong = {}

    def through(self, jaxpr: core.Jaxpr, consts: Any, arguments: list[Any]) -> list[Any]:
        """What a program gives."""
        values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
        values.update(zip(jaxpr.invars, arguments, strict=True))

        def value(atom: Any) -> Any:
            return atom.val if isinstance(atom, core.Literal) else values[atom]

        for equation in jaxpr.eqns:
            given = [value(atom) for atom in equation.invars]
            inner = inner_of(equation)
            if inner is not None and not inner.constvars:
                results = self.through(inner, (), given)
            else:
                if equation.primitive.name == "gather":
                    given[1] = self._look(equation, given[0], given[1])
                elif equation.primitive.name == "eq":
                    given = self._one_hot(given)
                results = bind(equation, given)
                results = results if equation.primitive.multiple_results else [results]
            values.update(zip(equation.outvars, results, strict=True))
        return [value(atom) for atom in jaxpr.outvars]

    def _one_hot(self, given: list[Any]) -> list[Any]:
        """Classes held against 0, 1, 2, ...: one beyond the end gives a row of zeros.

        Such rows may be meant, for what has no class, so it is wrong only where no class is the
        first one: then all are counted from 1.
        """
        arrays = [np.asarray(a) for a in given]
        for place, other in ((0, 1), (1, 0)):
            numbers, classes = np.broadcast_arrays(arrays[place], arrays[other])
            size = classes.shape[-1] if classes.ndim else 0
            if size < 2 or not numbers.size or numbers.dtype.kind not in "iu":
                continue
            if not (classes == np.arange(size)).all() or np.ptp(numbers, axis=-1).any():
                continue
            beyond = numbers >= size
            if beyond.any() and numbers.min() > 0:
                self.wrong.setdefault(size, set()).update(_set(numbers[beyond]))
                if size == self._size:
                    own = np.where(arrays[place] >= size, self._entry, arrays[place])
                    given = list(given)
                    given[place] = jnp.asarray(own, given[place].dtype)
        return given

    def _look(self, equation: Any, table: Any, indices: Any) -> Any:
        """The indices of a lookup, those beyond the end exchanged where that is asked for."""
        numbers = np.array(indices)
        for column, axis in enumerate(equation.params["dimension_numbers"].start_index_map):
            last = table.shape[axis] - equation.params["slice_sizes"][axis]
            beyond = numbers[..., column] > last
            if beyond.any():
                size = int(table.shape[axis])
                wrong = self.wrong.setdefault(size, set())
                wrong |= _set(numbers[..., column][beyond])
                if size == self._size:
                    numbers[..., column][beyond] = self._entry
        return jnp.asarray(numbers, indices.dtype)
