"""What waits to be sent to one viewer: bounded, frames dropped oldest first."""

from __future__ import annotations

import asyncio
from collections import deque

MOST_FRAMES = 4
MOST_WORDS = 256


class TooSlow(Exception):
    """A viewer that has not taken what must not be dropped."""


class Outbox:
    """Lines for one viewer. A frame that waits while newer ones come is worth nothing."""

    def __init__(self) -> None:
        self._lines: deque[tuple[bool, str]] = deque()
        self._filled = asyncio.Event()

    def put(self, line: str, is_frame: bool) -> None:
        """Add a line; of frames only the newest few stay.

        Raises:
            TooSlow: too many lines wait that are no frames.
        """
        frames = sum(frame for frame, _ in self._lines)
        if is_frame and frames >= MOST_FRAMES:
            oldest = next(entry for entry in self._lines if entry[0])
            self._lines.remove(oldest)
        elif not is_frame and len(self._lines) - frames >= MOST_WORDS:
            raise TooSlow
        self._lines.append((is_frame, line))
        self._filled.set()

    async def take(self) -> str:
        """The next line, when there is one."""
        while not self._lines:
            self._filled.clear()
            await self._filled.wait()
        return self._lines.popleft()[1]
