"""The process that trains: orders come in, frames go out, a line of JSON each.

`python -m gradgauge.play.worker FOLDER CORES`: FOLDER holds data files that were given to the
page. It ends when its input does, so that it never outlives the server.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

from gradgauge.engine.train import load
from gradgauge.json import dumps

ACTIVE = 4
"""Rooms that take turns; the others wait in a queue."""

SLICE = 100
"""Frames after which a room makes way, if another one waits."""

ANSWERED = {"look": "layer", "save": "saved"}
"""Orders that somebody waits for an answer to, and the answer's kind."""

_IDLE = 3_600.0


class Worker:
    """All rooms of a page, trained in turns.

    Args:
        out: where lines go.
        own_data: the folder with data files.
        cores: threads to train in.
    """

    def __init__(self, out: IO[str], own_data: Path, cores: int):
        from gradgauge.play.room import Room

        self._out, self._lock = out, threading.Lock()
        self._pool, self._own_data = ThreadPoolExecutor(cores), own_data
        self._make = Room
        self._rooms: dict[str, Any] = {}
        self._line: deque[str] = deque()
        self._frames: dict[str, int] = {}
        self._places: dict[str, int] = {}

    def run(self, orders: queue.Queue[dict[str, Any] | None]) -> None:
        """Do what is ordered, and train between orders, until None comes."""
        while True:
            try:
                order = orders.get(timeout=self._wait())
            except queue.Empty:
                self._train()
                continue
            if order is None:
                return
            self._do(order)

    def say(self, room: str, message: Any) -> None:
        """Tell the server something about a room."""
        line = dumps({"room": room, **message})
        with self._lock:
            self._out.write(line + "\n")
            self._out.flush()

    def _do(self, order: dict[str, Any]) -> None:
        name, kind = order["room"], order["order"]
        if kind == "leave":
            self._rooms.pop(name, None)
        else:
            room = self._rooms.get(name)
            if room is None:
                room = self._rooms[name] = self._make(
                    lambda message: self.say(name, message), self._pool, self._own_data
                )
            given = {
                key: value for key, value in order.items() if key not in ("room", "order", "to")
            }
            answer = getattr(room, kind)(**given)
            if kind in ANSWERED:
                self.say(
                    name,
                    {"kind": ANSWERED[kind], "to": order["to"], "asked": given, "seen": answer},
                )
        self._queue()

    def _queue(self) -> None:
        """Who is running stands in line, in the order they came; each is told its place."""
        running = {name for name, room in self._rooms.items() if room.goes_on}
        self._line = deque(name for name in self._line if name in running)
        self._line.extend(sorted(running - set(self._line)))
        places = {name: max(0, at - ACTIVE + 1) for at, name in enumerate(self._line)}
        for name in self._rooms:
            if places.get(name, 0) != self._places.get(name, 0):
                waiting = max(0, len(self._line) - ACTIVE)
                self.say(name, {"kind": "queue", "place": places.get(name, 0), "of": waiting})
        self._places = places

    def _next(self) -> str | None:
        """The room whose frame is due first."""
        active = list(self._line)[:ACTIVE]
        return min(active, key=lambda name: self._rooms[name].due, default=None)

    def _wait(self) -> float:
        name = self._next()
        if name is None:
            return _IDLE
        return max(0.0, self._rooms[name].due - time.monotonic()) + 1e-4

    def _train(self) -> None:
        name = self._next()
        if name is None:
            return
        room = self._rooms[name]
        room.turn()
        self._frames[name] = self._frames.get(name, 0) + 1
        if not room.goes_on or (self._frames[name] >= SLICE and len(self._line) > ACTIVE):
            self._frames[name] = 0
            if room.goes_on:
                self._line.remove(name)
                self._line.append(name)
            self._queue()


def main() -> None:
    """Read orders from standard input until it ends."""
    own_data, cores = Path(sys.argv[1]), int(sys.argv[2])
    # Whatever a library prints must not stand between our lines.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    load()
    orders: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin.buffer:
            orders.put(json.loads(line))
        # Whatever is being compiled or trained: nobody is there any more.
        os._exit(0)

    threading.Thread(target=listen, name="orders", daemon=True).start()
    Worker(out, own_data, cores).run(orders)


if __name__ == "__main__":
    main()
