"""How far a command is and how long it will take, on stderr: a bar on a terminal, else a line."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from gradgauge.cli.language import text

LONG = 20.0
"""Seconds of which somebody who waits wants to know."""

_SHARE = 0.02
"""Of all steps: from fewer, the first programs' compilation would be taken for the pace."""


def duration(seconds: float) -> str:
    """Seconds in the unit that people would say them in, in the language of the command."""
    if seconds < 90:
        return text("progress.seconds", seconds=f"{seconds:.0f}")
    if seconds < 5400:
        return text("progress.minutes", minutes=f"{seconds / 60:.0f}")
    if seconds < 172_800:
        return text("progress.hours", hours=f"{seconds / 3600:.1f}")
    return text("progress.days", days=f"{seconds / 86_400:,.0f}")


class Progress:
    """Shows steps made of steps in all, and how long they will take; silent when told so.

    Call it with both numbers, from any thread. Where stderr is no terminal, it says once how long
    something long will take.

    Args:
        quiet: show nothing.
        doing: a key of the catalogue's `progress` table: what is being done.
    """

    def __init__(self, quiet: bool = False, doing: str = "training"):
        self._bar = self._task = None
        self._began: float | None = None
        self._first = 0
        self._said = quiet
        if quiet or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[count]}"),
            TextColumn(text("progress.elapsed")),
            TimeElapsedColumn(),
            TextColumn(text("progress.left")),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._doing = text(f"progress.{doing}")
        self._task = self._bar.add_task(text("progress.preparing"), total=None, count="")

    def __call__(self, done: int, total: int) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(
                self._task,
                description=self._doing,
                completed=done,
                total=total,
                count=f"{done:,}/{total:,}",
            )
        elif not self._said and done:
            self._say_left(done, total)

    def expect(self, seconds: float) -> None:
        """Say about how long it will take, where that is long; told before it starts."""
        if seconds >= LONG:
            self.announce(text("progress.expected", duration=duration(seconds)))

    def announce(self, line: str) -> None:
        """Say once how long it will take: what the first steps' pace promises is then not said."""
        if self._said:
            return
        self._said = True
        if self._bar is None:
            print(line, file=sys.stderr, flush=True)
        else:
            self._bar.console.print(line, markup=False, highlight=False)

    def _say_left(self, done: int, total: int) -> None:
        """Once the pace is known, how long the rest will take."""
        now = time.monotonic()
        if self._began is None:
            self._began, self._first = now, done
            return
        taken, made = now - self._began, done - self._first
        if taken < LONG / 2 or made < _SHARE * total:
            return
        self._said = True
        left = taken * (total - done) / made
        if left >= LONG:
            line = text("progress.remaining", duration=duration(left))
            print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
