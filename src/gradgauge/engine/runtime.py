"""How JAX is set up: no dispatch thread, and compiled programs kept between processes."""

from __future__ import annotations

import warnings

import jax

from gradgauge.engine.cache import cache_folder, jax_folder
from gradgauge.errors import GradgaugeWarning


def start() -> None:
    """Set up JAX; a compile cache that the user has chosen stays."""
    # Members run in threads of ours; a dispatch thread between would take turns with them.
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    chosen = getattr(jax.config, "jax_compilation_cache_dir", None)
    folder = jax_folder() if chosen is None else None
    if folder is not None:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    elif chosen is None and cache_folder().is_dir():
        warnings.warn(GradgaugeWarning("cache.not_private", folder=cache_folder()), stacklevel=2)
    # A damaged or unwritable entry costs a compilation, not a line of noise.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache.*")


start()
