"""Compiled programs of a program key, ahead of time and side by side."""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax

from gradgauge.engine.epochs import evaluate, run_steps
from gradgauge.engine.executables import load_or_compile
from gradgauge.engine.probe import probe
from gradgauge.engine.program_key import ProgramKey

MOST_PROGRAMS = 32
"""Shapes whose programs a process keeps from one training to the next."""

_SHARED = None
_BY_MEMBER = 0


@dataclass(frozen=True)
class Programs:
    """The compiled programs of a program key; their arguments are those of the functions they compile.

    Attributes:
        run_steps, probe, evaluate: compiled.
        careful_steps: gives `run_steps` with careful norms, compiled when first called: most
            trainings never need it. Ask `ProgramStore.careful_steps`.
        batched: whether they take a leading axis of members.
    """

    run_steps: Callable[..., Any]
    probe: Callable[..., Any]
    evaluate: Callable[..., Any]
    careful_steps: Callable[[], Callable[..., Any]]
    batched: bool


@contextlib.contextmanager
def precision(dtype: str) -> Iterator[None]:
    """Within it, this thread's JAX knows float64 if `dtype` is, and takes no shortcuts in products:
    a GPU's TF32 keeps 10 bits of 23, too few for an instrument."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(jax.enable_x64(dtype == "float64"))
        if jax.default_backend() != "cpu":
            stack.enter_context(jax.default_matmul_precision("float32"))
        yield


# Arguments with a leading axis, where members run as one.
_AXES = {
    # state, tables, rates, x, y, order, start, stop
    "run_steps": (0, 0, 0, _SHARED, _SHARED, _BY_MEMBER, _SHARED, _BY_MEMBER),
    "probe": (0, 0, _SHARED, _SHARED),
    "evaluate": (0, 0, _SHARED, _SHARED),
}

# XLA's older way to write kernels compiles probe and evaluation a third faster, and they run as
# fast (measured: 1.8 s and 1.2 s of CPU for both). Steps that scan compile in 1.2 s for 1.9, and
# run two hundredths slower; those written out compile longer by it.
_QUICK = {"xla_cpu_use_fusion_emitters": False}


def compile_programs(
    key: ProgramKey, batched: bool, arguments: dict[str, tuple[Any, ...]]
) -> Programs:
    """Compile a key's programs in threads: XLA compiles without Python's lock.

    Args:
        key: what to compile for.
        batched: whether members run as one, with a leading axis (`vmap`).
        arguments: example arguments of each program, by its name.
    """

    def compiled(name: str, function: Callable[..., Any], *options: bool) -> Callable[..., Any]:
        def compile_() -> Any:
            bound = functools.partial(function, key, *options)
            if batched:
                bound = jax.vmap(bound, in_axes=_AXES[name])
            lowered = jax.jit(bound).lower(*arguments[name])
            hurried = name != "run_steps" or (key.brief and _is_scanned(key))
            return _compiled_quickly(lowered) if hurried else lowered.compile()

        with precision(key.dtype):
            what = (name, options, key, batched, _shapes(arguments[name]))
            return load_or_compile(what, compile_)

    def steps(careful: bool) -> Callable[..., Any]:
        return compiled("run_steps", run_steps, careful)

    with ThreadPoolExecutor(3) as pool:
        stepping = pool.submit(steps, careful=False)
        probing = pool.submit(compiled, "probe", probe)
        evaluating = pool.submit(compiled, "evaluate", evaluate)
    return Programs(
        stepping.result(),
        probing.result(),
        evaluating.result(),
        functools.cache(functools.partial(steps, careful=True)),
        batched,
    )


def _is_scanned(key: ProgramKey) -> bool:
    """Whether a step scans over layers."""
    return any(block.count > 1 for block in key.step_blocks)


def _compiled_quickly(lowered: Any) -> Callable[..., Any]:
    try:
        return lowered.compile(compiler_options=_QUICK)
    except (RuntimeError, ValueError):  # An XLA that does not know the option.
        return lowered.compile()


def _shapes(arguments: Any) -> str:
    return str(jax.tree.map(lambda x: (x.shape, str(x.dtype)), arguments))


class Compiling:
    """Counts the seconds that one call's threads spend compiling: `with compiling: ...`.

    Attributes:
        seconds: so far, of all threads together.
    """

    seconds: float

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock, self._began = threading.Lock(), threading.local()

    def __enter__(self) -> None:
        self._began.at = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self.seconds += time.perf_counter() - self._began.at


class ProgramStore:
    """Programs compiled in this process, so that a second training compiles nothing."""

    def __init__(self) -> None:
        self._programs: dict[Any, Programs] = {}
        self._locks: dict[Any, threading.Lock] = {}
        self._lock, self._one_careful = threading.Lock(), threading.Lock()

    def get(
        self,
        key: ProgramKey,
        batched: bool,
        arguments: dict[str, tuple[Any, ...]],
        compiling: Compiling,
    ) -> Programs:
        """The programs for these argument shapes, compiled now unless they are there."""
        asked = (key, batched, _shapes(arguments))
        with self._lock:
            one_at_a_time = self._locks.setdefault(asked, threading.Lock())
        with one_at_a_time:
            if asked not in self._programs:
                with compiling:
                    self._programs[asked] = compile_programs(key, batched, arguments)
            return self._programs[asked]

    def careful_steps(self, programs: Programs, compiling: Compiling) -> Callable[..., Any]:
        """`run_steps` with careful norms, compiled once."""
        with self._one_careful, compiling:
            return programs.careful_steps()

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
