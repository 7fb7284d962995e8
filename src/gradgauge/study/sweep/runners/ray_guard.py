"""Ends the processes of a Ray cluster whose owner is gone, however it went.

Run by file, of Python's own library alone: `python -I ray_guard.py PID [PID ...]`, the owner first,
then children that it had before. Ray's servers end with the process that started them; their agents
and workers, started by the raylet, stay behind where it was killed. So this process notes what the
owner's Ray children start, and waits on a pipe that nobody but the owner holds.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from pathlib import Path

LOOK = 1.0
"""Seconds between two looks at who was started."""

GRACE = 3.0
"""Seconds that they have to end by themselves."""

_SHORT = 0.1


def children(pid: int) -> list[int]:
    """Processes that a process has started; none where the system does not say."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for listed in Path(f"/proc/{pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, listed.read_text().split())
    return found


def born(pid: int) -> str:
    """When a process started, in clock ticks; empty where it is gone, or dead and not buried."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def command(pid: int) -> list[str]:
    """A process's command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def is_rays(pid: int) -> bool:
    """Whether a process is of Ray's."""
    words = command(pid)[:3]
    return any(f"{os.sep}ray{os.sep}" in word or word.startswith("ray::") for word in words)


def guard(owner: int, before: set[int]) -> None:
    """Wait for the end of the pipe, then for that of Ray's processes; kill those that stay."""
    known: dict[int, str] = {}
    while True:
        _note(owner, before, known)
        ready, _, _ = select.select([0], [], [], LOOK)
        if ready and not os.read(0, 1):
            break
    until = time.monotonic() + GRACE
    while time.monotonic() < until and _alive(known):
        time.sleep(_SHORT)
    for pid in _alive(known):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _note(owner: int, before: set[int], known: dict[int, str]) -> None:
    """Add those that live now, the owner's Ray children and all that stem from them."""
    new = [pid for pid in children(owner) if pid not in before and is_rays(pid)]
    todo = [*new, *known]
    seen = set(todo)
    while todo:
        pid = todo.pop()
        known.setdefault(pid, born(pid))
        for child in children(pid):
            if child not in seen:
                seen.add(child)
                todo.append(child)


def _alive(known: dict[int, str]) -> list[int]:
    return [pid for pid, since in known.items() if since and born(pid) == since]


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    _owner, *_others = map(int, sys.argv[1:])
    guard(_owner, {os.getpid(), *_others})
