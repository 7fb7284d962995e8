"""The folder of compiled programs that outlive a process. Knows nothing of JAX."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import platformdirs

VARIABLE = "GRADGAUGE_CACHE"


def cache_folder() -> Path:
    """Where compiled programs lie: $GRADGAUGE_CACHE, else the user's cache folder."""
    own = os.environ.get(VARIABLE)
    return Path(own) if own else platformdirs.user_cache_path("gradgauge")


def cache_size() -> int:
    """Bytes in the folder."""
    return sum(f.stat().st_size for f in cache_folder().rglob("*") if f.is_file())


def clear_cache() -> None:
    """Delete the folder and all in it."""
    shutil.rmtree(cache_folder(), ignore_errors=True)
