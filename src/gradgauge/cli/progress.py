"""A progress bar with an ETA, on a terminal only, on stderr."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Self

from gradgauge.cli.language import text


class Progress:
    """Shows steps made of steps in all; silent when stderr is no terminal or when told so.

    Call it with both numbers, from any thread.

    Args:
        quiet: show nothing.
        doing: a key of the catalogue's `progress` table: what is being done.
    """

    def __init__(self, quiet: bool = False, doing: str = "training"):
        self._bar = self._task = None
        if quiet or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn(text(f"progress.{doing}")),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn(text("progress.elapsed")),
            TimeElapsedColumn(),
            TextColumn(text("progress.left")),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task("", total=None)

    def __call__(self, done: int, total: int) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total)

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
