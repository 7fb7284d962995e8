"""XLA's flags: one core a training. Read once, when JAX starts; knows nothing of JAX itself."""

from __future__ import annotations

import os
import sys

_FLAGS = ("--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1")


def set_flags() -> None:
    """Add our flags to $XLA_FLAGS; without effect where JAX runs already."""
    given = os.environ.get("XLA_FLAGS", "")
    if "jax" in sys.modules or all(flag in given for flag in _FLAGS):
        return
    os.environ["XLA_FLAGS"] = " ".join([given, *_FLAGS]).strip()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
