"""Compiled programs on disk, whole: what one process compiled, the next neither traces nor lowers.

JAX's own compile cache is asked only after a program has been traced and lowered, which for the
practical takes longer than its training's first epoch. A file here is found by what the program
depends on instead: key, shapes, our own source, JAX, flags and processor. It holds machine code
and pickles, so it is sealed to that, and to the user's account (`seal`): anything else is as if it
were not there.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import platform
import tempfile
import threading
import zlib
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jax
from jax.experimental import serialize_executable

from gradgauge.engine.cache import PROGRAM, usable_folder
from gradgauge.seal import seal, secret, unseal

_DIGEST = hashlib.sha256


class _Hits(threading.local):
    """How often JAX's cache held what this thread asked for."""

    count = 0

    def hear(self, event: str, **_: Any) -> None:
        if event == "/jax/compilation_cache/cache_hits":
            self.count += 1


_hits = _Hits()
jax.monitoring.register_event_listener(_hits.hear)


def load_or_compile(what: object, compile_: Callable[[], Any]) -> Any:
    """A compiled program: from disk where it is there and sound, else from `compile_`.

    Args:
        what: all that the program depends on beside code and machine; its `repr` tells it apart.
        compile_: gives a `jax.stages.Compiled`.
    """
    if jax.default_backend() != "cpu":  # Elsewhere a program is bound to the very device.
        return compile_()
    folder, key = usable_folder(), secret()
    if folder is None or key is None:
        return compile_()
    name = _DIGEST(f"{what!r} {_circumstances()}".encode()).hexdigest()
    path = folder / f"{name}{PROGRAM}"
    program = _load(path, name, key)
    if program is None:
        before = _hits.count
        program = compile_()
        # What JAX's cache gave is a program without all its code: it can't be written again.
        if _hits.count == before:
            _store(path, name, key, program)
    return program


def _load(path: Path, name: str, key: bytes) -> Any:
    try:
        packed = unseal(name, path.read_bytes(), key)
        if packed is None:
            return None
        return serialize_executable.deserialize_and_load(*pickle.loads(zlib.decompress(packed)))
    except Exception:  # noqa: BLE001  Whatever is wrong with the file, compiling mends it.
        return None


def _store(path: Path, name: str, key: bytes, program: Any) -> None:
    try:
        packed = zlib.compress(pickle.dumps(serialize_executable.serialize(program)), level=1)
    except Exception:  # noqa: BLE001  A program that cannot be kept is compiled again next time.
        return
    with contextlib.suppress(OSError):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".")  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(seal(name, packed, key))
            Path(temporary).replace(path)
        except OSError:
            Path(temporary).unlink(missing_ok=True)


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
