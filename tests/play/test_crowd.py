"""Many viewers at once: nobody waits for anybody, everything is bounded, who waits is told."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from gradgauge.play import outbox
from gradgauge.play.house import MAIN, MOST_ROOMS, MOST_VIEWERS, House
from gradgauge.play.outbox import Outbox, TooSlow
from gradgauge.play.worker import ACTIVE, SLICE, Worker
from tests.play.served import SMALL, Served, send, served, until
from tests.play.test_server import looking

WAITING = 200


def told_house() -> House:
    """A house with no worker behind it: what a worker would say is said by the test."""
    house = House(Path(), 1, SMALL)
    house._hear(json.dumps({"room": MAIN, "kind": "opened", "fragment": SMALL}))
    return house


def tell_frame(house: House, step: int) -> None:
    house._hear(json.dumps({"room": MAIN, "kind": "frame", "step": step}))


def taken(box: Outbox) -> list[dict[str, Any]]:
    async def take_all() -> list[dict[str, Any]]:
        return [json.loads(await box.take()) for _ in range(len(box._lines))]

    # In a thread of its own: a browser of another test may have a loop running in this one.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(take_all())).result()


def test_a_viewer_that_never_reads_does_not_hold_the_others_up() -> None:
    house = told_house()
    deaf, reading = house.come(False), house.come(False)
    assert deaf is not None
    assert reading is not None
    seen: list[int] = []
    for step in range(500):
        tell_frame(house, step)
        seen += [one["step"] for one in taken(reading.outbox) if one["kind"] == "frame"]
    assert seen == list(range(500))
    waiting = [one["step"] for one in taken(deaf.outbox) if one["kind"] == "frame"]
    assert waiting == list(range(500 - outbox.MOST_FRAMES, 500))
    assert not deaf.gone.is_set()


def test_a_viewer_that_takes_nothing_at_all_is_let_go() -> None:
    house = told_house()
    deaf = house.come(False)
    assert deaf is not None
    for _ in range(outbox.MOST_WORDS):
        house._hear(json.dumps({"room": MAIN, "kind": "settings", "fragment": SMALL}))
    assert deaf.gone.is_set()
    assert len(deaf.outbox._lines) <= outbox.MOST_WORDS


def test_an_outbox_keeps_words_and_the_newest_frames() -> None:
    box = Outbox()
    box.put('"word"', False)
    for step in range(20):
        box.put(str(step), True)
    with pytest.raises(TooSlow):
        for _ in range(outbox.MOST_WORDS):
            box.put('"more"', False)
    lines = [line for frame, line in box._lines if frame]
    assert lines == [str(step) for step in range(20 - outbox.MOST_FRAMES, 20)]
    assert box._lines[0] == (False, '"word"')


def test_a_house_takes_so_many_viewers_and_rooms_and_no_more() -> None:
    house = told_house()
    viewers = [house.come(False) for _ in range(MOST_VIEWERS)]
    assert None not in viewers
    assert house.come(False) is None
    for viewer in viewers:
        assert viewer is not None
        house.own(viewer)
    assert len(house.rooms) == MOST_ROOMS
    first = viewers[0]
    assert first is not None
    house.go(first)
    assert len(house.rooms) == MOST_ROOMS - 1
    assert house.come(False) is not None


@contextlib.contextmanager
def unread(server: Served, count: int) -> Iterator[list[ClientConnection]]:
    """So many viewers that have come in and never read."""
    with contextlib.ExitStack() as stack:
        token = looking(server)
        yield [stack.enter_context(server.live(token=token)) for _ in range(count)]


@pytest.fixture
def crowded() -> Iterator[Served]:
    """A server of its own: what others have asked of theirs must not be waited for."""
    with served("--share", "--host", "127.0.0.1", SMALL) as running:
        yield running


def test_two_hundred_viewers_are_served_and_the_house_is_bounded(crowded: Served) -> None:
    server = crowded
    with unread(server, WAITING) as viewers, server.live() as presenter:
        send(presenter, "reset")
        send(presenter, "play")
        while until(presenter, "status")["status"] != "done":
            pass
        assert until_done(viewers[-1])
        with pytest.raises((InvalidStatus, ConnectionClosed)), unread(server, MOST_VIEWERS) as more:
            more[-1].recv(timeout=20)
    with server.live() as later:
        assert until(later, "history")["frames"]


def until_done(viewer: ClientConnection) -> bool:
    while until(viewer, "status")["status"] != "done":
        pass
    return True


class Scene:
    """A room as the worker sees one: it runs until it is paused, and counts its frames."""

    def __init__(self, *_: Any):
        self.goes_on, self.due, self.frames = False, 0.0, 0

    def play(self) -> None:
        self.goes_on = True

    def pause(self) -> None:
        self.goes_on = False

    def turn(self) -> None:
        self.frames += 1


def test_rooms_wait_in_a_queue_take_turns_and_are_told_their_place() -> None:
    out = io.StringIO()
    worker = Worker(out, Path(), 1)
    worker._make = Scene  # type: ignore[assignment]
    names = [f"room-{at}" for at in range(ACTIVE + 2)]
    for name in names:
        worker._do({"room": name, "order": "play"})

    def places() -> dict[str, int]:
        lines = map(json.loads, out.getvalue().splitlines())
        return {one["room"]: one["place"] for one in lines if one["kind"] == "queue"}

    assert places() == {names[ACTIVE]: 1, names[ACTIVE + 1]: 2}
    for _ in range(ACTIVE * SLICE):
        worker._train()
    assert all(worker._rooms[name].frames > 0 for name in names[:ACTIVE])
    for _ in range(2 * ACTIVE * SLICE):
        worker._train()
    assert all(worker._rooms[name].frames > 0 for name in names)
    waiting = [place for place in places().values() if place]
    assert sorted(waiting) == [1, 2]
    for name in names[:2]:
        worker._do({"room": name, "order": "leave"})
    assert all(place == 0 for room, place in places().items() if room not in names[:2])


def test_a_worker_ends_when_it_is_told() -> None:
    orders: queue.Queue[Any] = queue.Queue()
    thread = threading.Thread(target=Worker(io.StringIO(), Path(), 1).run, args=(orders,))
    thread.start()
    orders.put(None)
    thread.join(10)
    assert not thread.is_alive()
