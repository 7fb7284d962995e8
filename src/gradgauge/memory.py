"""How much memory this process may still take."""

from __future__ import annotations

import os
from pathlib import Path


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
