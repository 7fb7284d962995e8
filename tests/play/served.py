"""A server of the live page in a process of its own, as `gradgauge play` starts it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from websockets.sync.client import ClientConnection, connect

SMALL = "v=1&net=8x4&act=sigmoid&batch=100&epochs=2&data=spirals&b.act=relu"


@dataclass
class Served:
    """A running server: its process, and the address that it printed."""

    process: subprocess.Popen[str]
    address: str

    @property
    def host(self) -> str:
        return self.address.split("/")[2]

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2].partition("#")[0]

    def get(self, path: str, host: str | None = None) -> tuple[int, str]:
        request = urllib.request.Request(f"http://{self.host}{path}")
        if host:
            request.add_header("Host", host)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def live(self, token: str | None = None, origin: str | None = None) -> ClientConnection:
        return connect(
            f"ws://{self.host}/live?token={token or self.token}",
            origin=origin or f"http://{self.host}",
            max_size=None,
            proxy=None,
        )


@contextlib.contextmanager
def served(*options: str) -> Iterator[Served]:
    """A server until the block ends; what it printed on stdout first is its address."""
    environment = {**os.environ, "GRADGAUGE_LANG": "en"}
    process = subprocess.Popen(
        [sys.executable, "-m", "gradgauge", "play", "--no-browser", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        yield Served(process, process.stdout.readline().strip())
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
        process.kill()
        process.wait()
        process.stdout.close()


def until(connection: ClientConnection, kind: str, most: float = 60.0) -> dict[str, Any]:
    """The next message of a kind."""
    end = time.monotonic() + most
    while True:
        message = json.loads(connection.recv(timeout=end - time.monotonic()))
        if message["kind"] == kind:
            return message


def send(connection: ClientConnection, order: str, **fields: Any) -> None:
    connection.send(json.dumps({"order": order, **fields}))
