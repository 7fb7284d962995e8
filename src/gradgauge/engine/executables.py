"""Compiled programs on disk, whole: what one process compiled, the next neither traces nor lowers.

JAX's own compile cache is asked only after a program has been traced and lowered, which for the
practical takes longer than its training's first epoch. A file here is found by what the program
depends on instead: plan, shapes, our own source, JAX, flags and processor. Like JAX's cache it
holds machine code, so the folder must be the user's own.
"""

from __future__ import annotations

import functools
import hashlib
import os
import pickle
import platform
import threading
import zlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental import serialize_executable

from gradgauge.engine.cache import cache_folder
from gradgauge.errors import OutputProblem
from gradgauge.run import write_whole

_SUFFIX = ".program"
_DIGEST = hashlib.sha256


class _Misses(threading.local):
    """How often XLA had to compile in this thread, because JAX's cache held nothing."""

    count = 0

    def hear(self, event: str, **_: Any) -> None:
        if event == "/jax/compilation_cache/cache_misses":
            self.count += 1


_misses = _Misses()
jax.monitoring.register_event_listener(_misses.hear)


def load_or_compile(what: object, compile_: Callable[[], Any]) -> Any:
    """A compiled program: from disk where it is there and sound, else from `compile_`.

    Args:
        what: all that the program depends on beside code and machine; its `repr` tells it apart.
        compile_: gives a `jax.stages.Compiled`.
    """
    if jax.default_backend() != "cpu":  # Elsewhere a program is bound to the very device.
        return compile_()
    path = cache_folder() / (_DIGEST(f"{what!r} {_circumstances()}".encode()).hexdigest() + _SUFFIX)
    program = _load(path)
    if program is None:
        before = _misses.count
        program = compile_()
        # What JAX's cache gave is a program without all its code: it can't be written again.
        if _misses.count > before:
            _store(path, program)
    return program


def _load(path: Path) -> Any:
    try:
        content = path.read_bytes()
        digest, packed = content[: _DIGEST().digest_size], content[_DIGEST().digest_size :]
        if _DIGEST(packed).digest() != digest:
            return None
        return serialize_executable.deserialize_and_load(*pickle.loads(zlib.decompress(packed)))
    except Exception:  # noqa: BLE001  Whatever is wrong with the file, compiling mends it.
        return None


def _store(path: Path, program: Any) -> None:
    try:
        packed = zlib.compress(pickle.dumps(serialize_executable.serialize(program)), level=1)
    except Exception:  # noqa: BLE001  A program that cannot be kept is compiled again next time.
        return
    content = _DIGEST(packed).digest() + packed
    try:
        write_whole(path, lambda temporary: temporary.write_bytes(content))
    except OutputProblem:
        return


@functools.cache
def _circumstances() -> str:
    """What else a program depends on: our source, versions, flags, processor."""
    package = Path(__file__).parents[1]
    sources = sorted(
        file for part in ("engine", "gauges", "parts") for file in (package / part).rglob("*.py")
    )
    code = _DIGEST(b"".join(file.read_bytes() for file in (*sources, package / "signals.py")))
    versions = (platform.python_version(), jax.__version__, version("jaxlib"))
    flags = (os.environ.get("XLA_FLAGS"), os.environ.get("JAX_PLATFORMS"))
    return f"{code.hexdigest()} {versions} {flags} {_processor()}"


def _processor() -> str:
    """The processor and what it can do: code made for another one may not run on it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = [line for line in lines if line.startswith(("model name", "flags", "Features"))]
    return platform.machine() + " ".join(told)
