"""Runner: trains cells somewhere. One method; a contract test holds for all of them.

A runner asks `claim` for cells only when it has room, and again after every event until
nothing is under way and nothing is left. It hands `record` one event for every cell that it was
given; unless it is stopped: then it ends its workers, and cells without an event go back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.engine.terms import Entry
from gradgauge.errors import GradgaugeError
from gradgauge.run import Run
from gradgauge.spec.notation import write
from gradgauge.study.sweep.grid import Cell
from gradgauge.study.sweep.outcomes import OutcomeSpec

_LONGEST_ERROR = 500
_PORTION = 0.1


@dataclass(frozen=True)
class Job:
    """What all cells of a study share.

    Attributes:
        dataset: what they are trained on.
        outcomes: what is written down of each.
        keep_runs: whether their Runs are sent back, too.
    """

    dataset: Dataset
    outcomes: tuple[OutcomeSpec, ...]
    keep_runs: bool = False


@dataclass(frozen=True)
class Done:
    """A cell's results.

    Attributes:
        cell: its number.
        notation, seed: what was trained.
        figures: one an outcome.
        run: its Run if the job keeps them.
    """

    cell: int
    notation: str
    seed: int
    figures: tuple[float, ...]
    run: Run | None = None


@dataclass(frozen=True)
class Failed:
    """A cell that raised, and what."""

    cell: int
    error: str


@dataclass(frozen=True)
class Lost:
    """A cell whose worker died; `blamed` if the worker was at this very cell."""

    cell: int
    blamed: bool
    error: str


Event = Done | Failed | Lost
Claim = Callable[[int, int], Sequence[Cell]]
"""(most, parts) -> cells to train, none if none is waiting: at most `most` of them, and not
more than one of `parts` equal portions of what is waiting."""

Record = Callable[[Event], None]
Train = Callable[..., Any]
"""`engine.train.train`, or what stands for it in a test."""


class Runner(Protocol):
    """Trains cells somewhere."""

    name: str
    here: bool
    """Whether cells are trained on this machine: their memory is then asked for before."""

    def run(self, job: Job, claim: Claim, record: Record) -> None:
        """Train what `claim` gives until nothing is left.

        Raises:
            KeyboardInterrupt: it was stopped by Ctrl-C; its workers have ended.
            GradgaugeError: it cannot work at all, or `record` could not write.
        """
        ...


def done_event(job: Job, cell: Cell, run: Run) -> Done:
    """What is kept of a cell's Run."""
    with np.errstate(all="ignore"):
        figures = tuple(outcome.of(run) for outcome in job.outcomes)
    return Done(cell.index, write(cell.network), cell.seed, figures, run if job.keep_runs else None)


def error_text(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, GradgaugeError):
        return str(error)
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first}"[:_LONGEST_ERROR]


class Broken(Exception):
    """`record` raised `cause`: no fault of the cell that was just trained."""

    def __init__(self, cause: BaseException):
        self.cause = cause
        super().__init__(cause)


def train_cells(job: Job, cells: Sequence[Cell], record: Record, train: Train) -> bool:
    """Train cells as one ensemble; whether Ctrl-C broke it off.

    Every cell is recorded as soon as it is complete. If the ensemble raises, what is left of it
    is trained cell by cell, so that one cell's failure is its own.

    Args:
        job: what they share.
        cells: of one family of plans.
        record: told of every cell.
        train: the engine.

    Raises:
        Exception: what `record` raised.
    """
    left = {cell.index: cell for cell in cells}
    try:
        interrupted, error = _ensemble(job, list(cells), left, record, train)
        if error is None:
            return interrupted
        for cell in list(left.values()):
            interrupted, alone = _ensemble(job, [cell], left, record, train)
            if interrupted:
                return True
            if alone is not None:
                record(Failed(cell.index, error_text(alone)))
    except Broken as broken:
        raise broken.cause from None
    return False


def _ensemble(
    job: Job, cells: list[Cell], left: dict[int, Cell], record: Record, train: Train
) -> tuple[bool, Exception | None]:
    """Train `cells`, and take those that are complete out of `left`."""

    def on_run(at: int, run: Run) -> None:
        event = done_event(job, cells[at], run)
        try:
            record(event)
        except Exception as error:
            raise Broken(error) from error
        del left[cells[at].index]

    entries = [Entry(str(cell.index), cell.network, cell.training) for cell in cells]
    try:
        trained = train(entries, job.dataset, on_run=on_run)
    except Broken:
        raise
    except Exception as error:  # noqa: BLE001  a cell may fail in any way
        return False, error
    return trained.interrupted, None


def lost_events(left: Iterable[int], error: str) -> list[Lost]:
    """What became of a dead worker's cells: it was at the first that has no result."""
    return [Lost(cell, at == 0, error) for at, cell in enumerate(left)]


class Pace:
    """Waits between looks at something far away: short at first, then longer."""

    def __init__(self, shortest: float = 0.05, longest: float = 2.0):
        self._shortest, self._longest = shortest, longest
        self._now = shortest

    def wait(self, something_happened: bool) -> None:
        """Sleep until the next look."""
        self._now = self._shortest if something_happened else min(self._now * 1.5, self._longest)
        pause(self._now)


def pause(seconds: float) -> None:
    """Sleep in portions: in a thread that is not the main one, Ctrl-C waits for a sleep to end."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, _PORTION))
