"""Who works on a study, and whether it still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import NamedTuple

from gradgauge.study.sweep.runners.ray_guard import born


class Process(NamedTuple):
    """A process, told apart from a later one of the same number.

    Attributes:
        host: the machine, its start and the name space of process numbers.
        pid: the process's number.
        born: when it started, as the system counts; empty where that cannot be known.
    """

    host: str
    pid: int
    born: str

    def is_alive(self, beats: bool) -> bool:
        """Whether it lives and works: its heart `beats`, and it is there if this is its machine."""
        if not beats or self.host != _host():
            return beats
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return self.born == born(self.pid)


def this_process() -> Process:
    """The process that asks."""
    return Process(_host(), os.getpid(), born(os.getpid()))


def _host() -> str:
    """Machine, boot and name space: in two containers of one name, numbers mean other things."""
    parts = [socket.gethostname()]
    for read in (
        lambda: Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        lambda: str(Path("/proc/self/ns/pid").readlink()),
    ):
        try:
            parts.append(read())
        except OSError:
            parts.append("")
    return "/".join(parts)
