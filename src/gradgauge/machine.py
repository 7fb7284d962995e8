"""What of the machine this process may use: its cores, its memory; and whether that was too little."""

from __future__ import annotations

import os
from pathlib import Path


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> float:
    """Bytes this process may still take: the machine's, or its control group's limit."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = float(next(x.split()[1] for x in lines if x.startswith("MemAvailable"))) * 1024
    except (OSError, StopIteration):
        if not hasattr(os, "sysconf"):  # Windows does not say without a package of its own.
            return float("inf")
        free = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = Path("/sys/fs/cgroup/memory.current").read_text().strip()
        return free if limit == "max" else min(free, float(limit) - float(used))
    except (OSError, ValueError):
        return free


_WORDS = ("resource_exhausted", "out of memory", "bad_alloc", "can't allocate memory", "oom when")
"""What XLA, CUDA, the C++ library, PyTorch and TensorFlow say where there is no memory."""


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether Python or a framework found no memory, or something failed because of it.

    Their own classes would have to be imported; they say it in words.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, MemoryError):
            return True
        if isinstance(error, RuntimeError) or type(error).__name__.endswith("ExhaustedError"):
            said = str(error).lower()
            if any(words in said for words in _WORDS):
                return True
        error = error.__cause__ or error.__context__
    return False
