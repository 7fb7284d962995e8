"""How JAX is set up: one core a training, no dispatch thread, compiled programs kept.

Only the engine's doors call `start`, when a training is asked for. A JAX that the program has
imported itself is left as it is: its flags, its compile cache, its dispatch are the user's.
"""

from __future__ import annotations

import os
import sys
import threading
import warnings

from gradgauge.engine.cache import cache_folder, jax_folder
from gradgauge.errors import GradgaugeWarning, Problem
from gradgauge.machine import cores
from gradgauge.places import is_folder

# Read by XLA once, when it starts.
_FLAGS = ("--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1")

_lock = threading.Lock()


class NoDevice(Problem):
    """JAX finds nothing to train on."""

    table = "device"


def start() -> None:
    """Set up JAX, unless the program runs one already."""
    with _lock:
        if "jax" in sys.modules:
            return
        _set_flags()
        _set_up()


def _set_flags() -> None:
    """Add our flags to $XLA_FLAGS."""
    given = os.environ.get("XLA_FLAGS", "")
    if not all(flag in given for flag in _FLAGS):
        os.environ["XLA_FLAGS"] = " ".join([given, *_FLAGS]).strip()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def _set_up() -> None:
    import jax

    # Members run in threads of ours; a dispatch thread between would take turns with them.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    chosen = getattr(jax.config, "jax_compilation_cache_dir", None)
    folder = jax_folder() if chosen is None else None
    if folder is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    elif chosen is None and is_folder(cache_folder()):
        warnings.warn(GradgaugeWarning("cache.not_private", folder=cache_folder()), stacklevel=2)
    # A damaged or unwritable entry costs a compilation, not a line of noise.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache.*")


def workers() -> int:
    """How many trainings run at once: the cores this process may use; one on a GPU."""
    return cores() if on_cpu() else 1


def on_cpu() -> bool:
    """Whether the engine trains on this machine's cores, not on an accelerator.

    Raises:
        NoDevice: JAX is told to use what is not there.
    """
    start()
    import jax

    try:
        return jax.default_backend() == "cpu"
    except RuntimeError as error:
        raise NoDevice("not_there", why=str(error).partition("\n")[0]) from None
