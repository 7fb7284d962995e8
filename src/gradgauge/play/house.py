"""The house: its rooms, who looks at each, and the process that trains them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradgauge.json import dumps
from gradgauge.play.outbox import Outbox, TooSlow

MAIN = "main"
MOST_VIEWERS = 250
MOST_ROOMS = 64
MOST_FRAMES = 600
"""Frames that a room remembers: of more, every second one goes."""

_LINE = 1 << 24
_SAVING = 30.0
_RESTARTS, _WINDOW = 3, 60.0
_MOST_KEPT = 1_000
"""Orders that wait for a worker that is being started."""


@dataclass(eq=False)
class Viewer:
    """One page that is open.

    Attributes:
        driving: whether it may drive the room that it is in.
        room: that room's name.
        presenting: whether it holds the presenter's token.
    """

    name: str
    presenting: bool
    room: str = MAIN
    outbox: Outbox = field(default_factory=Outbox)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def driving(self) -> bool:
        """Whether it may drive the room that it is in."""
        return self.presenting or self.room != MAIN


@dataclass
class Memory:
    """What a room has told: enough to show all of it to whoever comes later.

    Attributes:
        fragment: the settings asked for last.
        lines: the newest line of each kind but frames.
        frames: step -> line.
        arms: the lines of the question asked last: `why` or `remedy`.
    """

    fragment: str
    lines: dict[str, str] = field(default_factory=dict)
    frames: dict[int, str] = field(default_factory=dict)
    arms: list[str] = field(default_factory=list)
    status: str = "paused"

    def note(self, message: dict[str, Any], line: str) -> None:
        """Remember a line."""
        kind = message["kind"]
        if kind == "frame":
            self.frames[message["step"]] = line
            if len(self.frames) > MOST_FRAMES:
                steps = sorted(self.frames)
                for step in steps[1:-1:2]:
                    del self.frames[step]
            return
        if kind in ("opened", "refused"):
            self.frames.clear()
            self.arms.clear()
            self.lines = {}
        if kind in ("why", "remedy"):
            self.arms = self.arms if "arm" in message or "over" in message else []
            self.arms.append(line)
            return
        if kind == "status":
            self.status = message["status"]
        if kind in ("opened", "settings"):
            self.fragment = message["fragment"]
        self.lines[kind] = line

    def history(self) -> str:
        """All of it as one line."""
        told = [*self.lines.values(), *self.arms]
        frames = [self.frames[step] for step in sorted(self.frames)]
        return f'{{"kind":"history","told":[{",".join(told)}],"frames":[{",".join(frames)}]}}'


class House:
    """Rooms, viewers and the worker process between them.

    Args:
        own_data: the folder with data files that were given to the page.
        cores: threads that the worker trains in.
        fragment: the settings that the main room begins with.
    """

    rooms: dict[str, Memory]
    viewers: dict[str, Viewer]

    def __init__(self, own_data: Path, cores: int, fragment: str):
        self._own_data, self._cores = own_data, cores
        self.rooms = {MAIN: Memory(fragment)}
        self.viewers: dict[str, Viewer] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._kept: list[dict[str, Any]] = []
        self._deaths: list[float] = []
        self._numbers = 0
        self._saving: dict[str, asyncio.Future[list[Path]]] = {}
        self._watched = False
        self._running: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Task[None]:
        """The task in which `run` goes on; begun if it is not yet."""
        self._running = self._running or asyncio.create_task(self.run())
        return self._running

    async def run(self) -> None:
        """Keep a worker alive, and hand on what it says, until canceled."""
        try:
            while True:
                process = await self._started()
                self._process, kept, self._kept = process, self._kept, []
                playing = self._watched
                for name, memory in self.rooms.items():
                    given = {"fragment": memory.fragment, "playing": playing}
                    self._write({"room": name, "order": "open", **given})
                for order in kept:
                    self._write(order)
                await self._listen(process)
                self._process = None
                await process.wait()
                self._deaths = [at for at in self._deaths if at > time.monotonic() - _WINDOW]
                self._deaths.append(time.monotonic())
                lost = len(self._deaths) > _RESTARTS
                self._tell_all(dumps({"kind": "worker", "state": "ended" if lost else "restarted"}))
                if lost:
                    return
        finally:
            self.close()

    async def _started(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gradgauge.play.worker",
            str(self._own_data),
            str(self._cores),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE,
            # Ctrl-C is for this process to hear; the worker ends when its input does.
            start_new_session=True,
        )

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Hand on what a worker says until it ends; one that says what is no line is ended."""
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                self._hear(line.decode().rstrip("\n"))
        except (ValueError, KeyError):
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    def close(self) -> None:
        """End the worker."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    @property
    def worker(self) -> int | None:
        """The worker's process id."""
        return self._process.pid if self._process else None

    def _hear(self, line: str) -> None:
        message = json.loads(line)
        room, kind = message["room"], message["kind"]
        if kind == "layer":
            viewer = self.viewers.get(message["to"])
            if viewer is not None:
                self._send(viewer, line)
            return
        if kind == "saved":
            waiting = self._saving.pop(message["to"], None)
            if waiting is not None and not waiting.done():
                waiting.set_result([Path(path) for path in message["seen"]])
            return
        memory = self.rooms.get(room)
        if memory is None:
            return
        memory.note(message, line)
        for viewer in self._inside(room):
            self._send(viewer, line, is_frame=kind == "frame")

    async def save(self, room: str, folder: Path) -> list[Path]:
        """Have the worker write a room's Runs to a folder.

        Returns:
            The files, one a network; none where nothing is trained.

        Raises:
            TimeoutError: the worker does not answer.
        """
        self._numbers += 1
        ticket = f"s{self._numbers}"
        self._saving[ticket] = asyncio.get_running_loop().create_future()
        self._write({"room": room, "order": "save", "folder": str(folder), "to": ticket})
        try:
            return await asyncio.wait_for(self._saving[ticket], _SAVING)
        finally:
            self._saving.pop(ticket, None)

    def _inside(self, room: str) -> list[Viewer]:
        return [viewer for viewer in self.viewers.values() if viewer.room == room]

    def _tell_all(self, line: str) -> None:
        for viewer in list(self.viewers.values()):
            self._send(viewer, line)

    @staticmethod
    def _send(viewer: Viewer, line: str, is_frame: bool = False) -> None:
        try:
            viewer.outbox.put(line, is_frame)
        except TooSlow:
            viewer.gone.set()

    def come(self, presenting: bool) -> Viewer | None:
        """A page is opened; None where the house is full."""
        if len(self.viewers) >= MOST_VIEWERS:
            return None
        self._numbers += 1
        viewer = Viewer(f"v{self._numbers}", presenting)
        self.viewers[viewer.name] = viewer
        self._enter(viewer)
        if not self._watched:
            self._watched = True
            self.order(viewer, {"order": "play"}, MAIN)
        return viewer

    def go(self, viewer: Viewer) -> None:
        """A page is closed; a room of its own goes with it."""
        self.viewers.pop(viewer.name, None)
        self._leave_own(viewer)

    def _enter(self, viewer: Viewer) -> None:
        said = {"kind": "you", "driving": viewer.driving, "own": viewer.room != MAIN}
        self._send(viewer, dumps(said))
        self._send(viewer, self.rooms[viewer.room].history())

    def _leave_own(self, viewer: Viewer) -> None:
        if viewer.room != MAIN:
            self.rooms.pop(viewer.room, None)
            self._write({"room": viewer.room, "order": "leave"})

    def own(self, viewer: Viewer) -> None:
        """Give a viewer a room of its own, with what it sees now."""
        if viewer.room != MAIN or len(self.rooms) >= MOST_ROOMS:
            return
        fragment = self.rooms[MAIN].fragment
        viewer.room = f"own-{viewer.name}"
        self.rooms[viewer.room] = Memory(fragment)
        self._enter(viewer)
        self._write({"room": viewer.room, "order": "open", "fragment": fragment, "playing": True})

    def back(self, viewer: Viewer) -> None:
        """Back to the presenter's room."""
        self._leave_own(viewer)
        viewer.room = MAIN
        self._enter(viewer)

    def order(self, viewer: Viewer, order: dict[str, Any], room: str | None = None) -> None:
        """Hand an order on to the worker."""
        room = room or viewer.room
        if order["order"] == "open":
            memory = self.rooms[room]
            memory.fragment = order["fragment"]
        more = {"to": viewer.name} if order["order"] == "look" else {}
        self._write({"room": room, **order, **more})

    def _write(self, order: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            self._kept = [*self._kept, order][-_MOST_KEPT:]
            return
        with contextlib.suppress(ConnectionError, RuntimeError):  # It has just died.
            self._process.stdin.write((dumps(order) + "\n").encode())
