"""What a presenter takes home of a training: Run files, and a picture of them."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gradgauge.play.house import MAIN, House

PICTURES = {
    "svg": "image/svg+xml",
    "png": "image/png",
    "pdf": "application/pdf",
    "csv": "text/csv; charset=utf-8",
}
"""Ending of a picture -> its media type; CSV holds the figures that the others draw."""

_DRAWING = 120.0


class NothingToTake(Exception):
    """That there is no such thing now.

    Args:
        said: why not, in words, or empty.
    """

    said: str

    def __init__(self, said: str = ""):
        super().__init__(said)
        self.said = said


@dataclass(frozen=True)
class Taking:
    """Takes from the presenter's room, one thing at a time: each costs memory and a core.

    Args:
        house: the rooms.
        lock: held while something is taken.
    """

    house: House
    lock: asyncio.Lock

    async def run_file(self, network: int) -> bytes:
        """The Run of a network as far as it has come, NetCDF.

        Raises:
            NothingToTake: there is no such network, or nothing is trained.
        """
        async with self.lock:
            with tempfile.TemporaryDirectory(prefix="gradgauge-take-") as folder:
                paths = await self._saved(Path(folder))
                if not 0 <= network < len(paths):
                    raise NothingToTake
                return paths[network].read_bytes()

    async def picture(self, ending: str, lang: str) -> bytes:
        """What `gradgauge report --out` draws of all networks, in a process of its own: the server
        answers meanwhile.

        Args:
            ending: one of PICTURES.
            lang: of what stands in it.

        Raises:
            NothingToTake: nothing is trained, or it cannot be drawn.
        """
        async with self.lock:
            with tempfile.TemporaryDirectory(prefix="gradgauge-take-") as folder:
                paths = await self._saved(Path(folder))
                out = Path(folder) / f"picture.{ending}"
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-m", "gradgauge", "report", *map(str, paths), "--out", str(out)),
                    env={**os.environ, "GRADGAUGE_LANG": lang},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.PIPE,
                )
                try:
                    _, said = await asyncio.wait_for(process.communicate(), _DRAWING)
                finally:
                    if process.returncode is None:
                        process.kill()
                if not out.is_file():
                    raise NothingToTake(said.decode(errors="replace").strip())
                return out.read_bytes()

    async def _saved(self, folder: Path) -> list[Path]:
        try:
            paths = await self.house.save(MAIN, folder)
        except TimeoutError:
            raise NothingToTake from None
        if not paths:
            raise NothingToTake
        return paths
