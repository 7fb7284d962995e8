"""Compiled JAX programs of many trainings, by what they compute.

A training compiles its loss anew: the function may read something from outside that has changed. But
once traced, a program is all that it does, and of two that are the same one needs no compiling.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np


class Programs:
    """Programs by their text and the constants in them; it lives as long as what repeats trainings."""

    def __init__(self) -> None:
        self._compiled: dict[str, Any] = {}

    def compiled(self, function: Callable[..., Any], *args: Any) -> Any:
        """The program of a function for arguments of these shapes; it takes those."""
        traced = jax.jit(function).trace(*args)
        lowered = traced.lower()
        digest = hashlib.sha256(f"{lowered.as_text()} {jax.tree.structure(args)}".encode())
        digest.update(str(lowered.out_tree).encode())
        for constant in _constants(traced.jaxpr):
            digest.update(np.ascontiguousarray(constant).tobytes())
        key = digest.hexdigest()
        if key not in self._compiled:
            self._compiled[key] = lowered.compile()
        return self._compiled[key]


def _constants(program: Any) -> Iterator[np.ndarray]:
    """The arrays that a traced program holds, also within the functions that it calls: they may be
    handed to the compiled one instead of standing in its text."""
    yield from map(np.asarray, getattr(program, "consts", ()))
    for equation in getattr(program, "jaxpr", program).eqns:
        for value in equation.params.values():
            for part in value if isinstance(value, (tuple, list)) else (value,):
                if hasattr(part, "eqns"):
                    yield from _constants(part)


class Shaped:
    """A function, compiled for every shape that it is called with.

    Args:
        function: of arrays.
        programs: where compiled ones are kept.
    """

    def __init__(self, function: Callable[..., Any], programs: Programs):
        self._function, self._programs = function, programs
        self._own: dict[Any, Any] = {}

    def __call__(self, *args: Any) -> Any:
        """What the function gives."""
        leaves, structure = jax.tree.flatten(args)
        key = structure, tuple(map(jax.typeof, leaves))
        if key not in self._own:
            self._own[key] = self._programs.compiled(self._function, *args)
        return self._own[key](*args)
