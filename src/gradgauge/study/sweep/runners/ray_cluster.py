"""Ray clusters that a study trains on: one of this machine's own, or one at an address.

Ray ends a driver whose cluster is gone by itself, with a line of its own and no exception. So they
are looked at between its calls, often enough to be first.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

import ray
from ray.exceptions import RayError

from gradgauge.machine import cores
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.runners import ray_guard
from gradgauge.study.sweep.runners.ray_guard import born, children, command

_QUIET: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
_CONNECT_SECONDS = 5.0
_LOOPBACK = "127.0.0.1"
_SERVERS = ("raylet", "gcs_server")

_LOOK = 5.0
"""Seconds between two looks at a cluster elsewhere."""

_SILENCE = 40.0
"""Seconds without an answer after which it counts as gone; Ray gives up after 60."""


class Cluster(Protocol):
    """What a driver is connected to."""

    def check(self) -> None:
        """Raise if it is gone.

        Raises:
            StudyProblem: it is.
        """
        ...

    def end(self) -> None:
        """Leave it; one's own ends with that."""
        ...


def connect(address: str | None) -> Cluster:
    """The cluster at an address, a new one of this machine's cores, or what is connected already.

    Raises:
        StudyProblem: no cluster answers at the address.
    """
    if ray.is_initialized():
        return Foreign()
    # Ray warns about a coming default; ours is the coming one.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    return Local() if address is None else Remote(address)


class Foreign:
    """A cluster that the caller has connected to, and looks after."""

    def check(self) -> None:
        """As Cluster."""

    def end(self) -> None:
        """As Cluster."""


class Local:
    """A cluster of this machine's cores; its processes end with it, or with this process."""

    def __init__(self) -> None:
        mine = os.getpid()
        before = children(mine)
        self._guard = subprocess.Popen(
            [sys.executable, "-I", ray_guard.__file__, str(mine), *map(str, before)],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            # Ray has no password: what listens on the network would run anybody's code.
            ray.init(
                num_cpus=cores(), include_dashboard=False, _node_ip_address=_LOOPBACK, **_QUIET
            )
        except BaseException:
            self.end()
            raise
        started = set(children(mine)) - {*before, self._guard.pid}
        self._servers = {
            pid: born(pid) for pid in started if Path((command(pid) or [""])[0]).name in _SERVERS
        }

    def check(self) -> None:
        """As Cluster."""
        for pid, since in self._servers.items():
            if born(pid) != since:
                raise StudyProblem("Ray", "ray_died")

    def end(self) -> None:
        """As Cluster."""
        try:
            ray.shutdown()
        finally:
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard.wait(ray_guard.GRACE + _CONNECT_SECONDS)


class Remote:
    """The cluster at an address: `auto`, `host:6379` or `ray://host:10001`."""

    def __init__(self, address: str):
        if address != "auto" and not _answers(address):
            raise StudyProblem(address, "no_ray")
        try:
            ray.init(address=address, **_QUIET)
        except (ConnectionError, RayError, RuntimeError, ValueError) as error:
            raise StudyProblem(address, "no_ray") from error
        self._name = address
        self._server = address if address != "auto" else ray.get_runtime_context().gcs_address
        self._looked = self._answered = time.monotonic()

    def check(self) -> None:
        """As Cluster."""
        if time.monotonic() - self._looked < _LOOK:
            return
        if _answers(self._server):
            self._answered = time.monotonic()
        elif time.monotonic() - self._answered > _SILENCE:
            raise StudyProblem(self._name, "ray_gone")
        self._looked = time.monotonic()

    def end(self) -> None:
        """As Cluster."""
        ray.shutdown()


def _answers(address: str) -> bool:
    """Whether anything listens there: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not port.isdecimal():
        return False
    try:
        with socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS):
            return True
    except (OSError, OverflowError):
        return False
