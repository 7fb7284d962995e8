"""Compiled programs of a plan, ahead of time and side by side."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax

from gradgauge.engine import runtime  # noqa: F401  sets up JAX
from gradgauge.engine.epochs import evaluate, run_steps
from gradgauge.engine.plan import Plan
from gradgauge.engine.probe import probe

MOST_PROGRAMS = 32
"""Shapes whose programs a process keeps from one training to the next."""

_SHARED = None
_BY_MEMBER = 0


@dataclass(frozen=True)
class Programs:
    """The compiled programs of a plan; their arguments are those of the functions they compile.

    Attributes:
        run_steps, probe, evaluate: compiled.
        batched: whether they take a leading axis of members.
    """

    run_steps: Callable[..., Any]
    probe: Callable[..., Any]
    evaluate: Callable[..., Any]
    batched: bool


def precision(dtype: str) -> contextlib.AbstractContextManager[Any]:
    """Within it, this thread's JAX knows float64 if `dtype` is."""
    return jax.enable_x64(dtype == "float64")


def compile_programs(plan: Plan, batched: bool, arguments: dict[str, tuple[Any, ...]]) -> Programs:
    """Compile a plan's three programs in three threads: XLA compiles without Python's lock.

    Args:
        plan: what to compile for.
        batched: whether members run as one, with a leading axis (`vmap`).
        arguments: example arguments of each program, by its name.
    """
    # state, tables, rates, x, y, order, start, stop
    axes = {
        "run_steps": (0, 0, 0, _SHARED, _SHARED, _BY_MEMBER, _SHARED, _SHARED),
        "probe": (0, 0, _SHARED, _SHARED),
        "evaluate": (0, 0, _SHARED, _SHARED),
    }
    functions = {"run_steps": run_steps, "probe": probe, "evaluate": evaluate}

    def compiled(name: str) -> Callable[..., Any]:
        function = functools.partial(functions[name], plan)
        if batched:
            function = jax.vmap(function, in_axes=axes[name])
        with precision(plan.dtype):
            return jax.jit(function).lower(*arguments[name]).compile()

    with ThreadPoolExecutor(len(functions)) as pool:
        done = dict(zip(functions, pool.map(compiled, functions), strict=True))
    return Programs(**done, batched=batched)


class ProgramStore:
    """Programs compiled in this process, so that a second training compiles nothing.

    Attributes:
        seconds: spent compiling so far.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._programs: dict[Any, Programs] = {}
        self._locks: dict[Any, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, plan: Plan, batched: bool, arguments: dict[str, tuple[Any, ...]]) -> Programs:
        """The programs for these argument shapes, compiled now unless they are there."""
        shapes = jax.tree.map(lambda x: (x.shape, str(x.dtype)), arguments)
        key = (plan, batched, str(shapes))
        with self._lock:
            one_at_a_time = self._locks.setdefault(key, threading.Lock())
        with one_at_a_time:
            if key not in self._programs:
                began = time.perf_counter()
                self._programs[key] = compile_programs(plan, batched, arguments)
                self.seconds += time.perf_counter() - began
            return self._programs[key]

    def trim(self) -> None:
        """Forget all programs where there are many: each shape keeps 8 to 30 MB.

        Those that are asked for again come from the compile cache on disk.
        """
        with self._lock:
            if len(self._programs) > MOST_PROGRAMS:
                self._programs.clear()
                self._locks.clear()
                jax.clear_caches()


STORE = ProgramStore()
