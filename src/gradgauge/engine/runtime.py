"""How JAX is started: one core a training, and compiled programs kept between processes.

Import this before anything that imports JAX: its flags are read once, when JAX starts.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from gradgauge.engine.cache import cache_folder

_FLAGS = ("--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1")


def start() -> None:
    """Set JAX's flags and its compile cache. Without effect on flags if JAX runs already."""
    if "jax" not in sys.modules:
        given = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = " ".join([given, *_FLAGS]).strip()
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import jax

    # Members run in threads of ours; a dispatch thread between would take turns with them.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    if getattr(jax.config, "jax_compilation_cache_dir", None) is None and _usable(cache_folder()):
        jax.config.update("jax_compilation_cache_dir", str(cache_folder()))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # A damaged or unwritable entry costs a compilation, not a line of noise.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache.*")


def _usable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True


start()
