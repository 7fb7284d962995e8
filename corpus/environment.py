"""What must be said before Keras and JAX are imported: backend, one thread, a compile cache."""

from __future__ import annotations

import os
from pathlib import Path

RESULTS = Path("runs") / "corpus"

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(RESULTS / "compiled"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
