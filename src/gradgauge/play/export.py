"""A training as one HTML file that needs no server."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gradgauge.engine.train import load
from gradgauge.errors import OutputProblem
from gradgauge.json import dumps
from gradgauge.listening import OnProgress
from gradgauge.machine import cores
from gradgauge.places import is_folder
from gradgauge.play.house import Memory
from gradgauge.play.html import replay_page
from gradgauge.play.settings import read
from gradgauge.writing import write_text_whole


def export_replay(fragment: str, path: Path, lang: str, on_progress: OnProgress | None) -> Path:
    """Train what an address says to the end, and write the page with every frame inside.

    Args:
        fragment: the text after `#`.
        path: the HTML file; written whole or not at all.
        lang: of the page, unless the address says another.
        on_progress: called with steps made and steps in all.

    Raises:
        GradgaugeError: settings that cannot be, data that cannot be had.
        OutputProblem: the file cannot be written.
    """
    if is_folder(path):
        raise OutputProblem(path, "not_writable", why=os.strerror(errno.EISDIR))
    load()
    from gradgauge.play.room import Room
    from gradgauge.play.scene import scene_of

    settings = read(fragment).settings
    scene_of(settings, None)
    memory, total = Memory(fragment), [1]

    def told(message: Any) -> None:
        memory.note(message, dumps(message))
        if message["kind"] == "opened":
            total[0] = message["steps"]
        if message["kind"] == "frame" and on_progress is not None:
            on_progress(message["step"], total[0])

    with ThreadPoolExecutor(cores()) as pool:
        room = Room(told, pool, None)
        room.open(fragment)
        while room.goes_on:
            room.turn()
    text = replay_page(settings.lang or lang, memory.history()).text
    return write_text_whole(path, text)
