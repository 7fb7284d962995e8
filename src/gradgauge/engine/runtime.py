"""How JAX is set up: no dispatch thread, and compiled programs kept between processes."""

from __future__ import annotations

import warnings
from pathlib import Path

import jax

from gradgauge.engine.cache import cache_folder


def start() -> None:
    """Set up JAX; a compile cache that the user has chosen stays."""
    # Members run in threads of ours; a dispatch thread between would take turns with them.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    chosen = getattr(jax.config, "jax_compilation_cache_dir", None)
    if chosen is None and _usable(cache_folder()):
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
