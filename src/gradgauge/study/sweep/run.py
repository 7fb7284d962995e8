"""Sweep: a plan's cells to a runner, and what comes back to the store."""

from __future__ import annotations

import contextlib
import platform
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge import datasets
from gradgauge._version import __version__
from gradgauge.datasets import Dataset
from gradgauge.engine.runtime import workers
from gradgauge.engine.train import train
from gradgauge.errors import GradgaugeError
from gradgauge.listening import OnProgress
from gradgauge.messages.catalog import Message
from gradgauge.parts.losses import LOSSES
from gradgauge.study.sweep.estimate import Estimate, cell_bytes, check_memory, estimate
from gradgauge.study.sweep.grid import Cell, CompileGroup, Plan, groups
from gradgauge.study.sweep.plan_file import read_plan
from gradgauge.study.sweep.runners import find_runner
from gradgauge.study.sweep.runners.runner import Done, Event, Failed, Job, Runner, pause
from gradgauge.study.sweep.store import Store

ASK_ABOVE = 100_000
"""Cells above which a sweep wants to be told that they are meant."""

RUNS = "runs"
_RUN_MEMORY = 256e6
_BEAT = 15.0
_LOOK = 1.0


class TooMany(GradgaugeError):
    """A grid so large that it may be a slip."""

    cells: int
    most: int

    def __init__(self, cells: int, most: int = ASK_ABOVE):
        super().__init__(cells=cells, most=most)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(
            "errors.sweep.too_many", {"cells": f"{self.cells:,}", "most": f"{self.most:,}"}
        )


class PreparedSweep:
    """A plan, the data it trains on, and its groups.

    Args:
        plan: a Plan, or a plan's file.
        dataset: the data, if already loaded.

    Raises:
        GradgaugeError: the plan or the data cannot be, or they do not fit.
    """

    plan: Plan
    dataset: Dataset
    group_of: np.ndarray
    groups: list[CompileGroup]

    def __init__(self, plan: Plan | Path | str, dataset: Dataset | None = None):
        self.plan = plan if isinstance(plan, Plan) else read_plan(plan)
        if dataset is None:
            dataset = datasets.load(self.plan.dataset, LOSSES[self.plan.loss].classification)
        self.dataset = _first_samples(dataset, self.plan)
        self.group_of, self.groups = groups(
            self.plan, self.dataset.inputs, self.dataset.outputs, len(self.dataset.y_train)
        )

    def cell(self, index: int) -> Cell:
        """A cell's specs."""
        return self.plan.cell(index, self.dataset.inputs, self.dataset.outputs)

    def estimate(self, timed: bool = True) -> Estimate:
        """What it will cost here; times one block if `timed`."""
        engine = train if timed else None
        lanes = workers()
        return estimate(self.plan, self.groups, self.dataset, lanes, engine, self.cell)

    def check_memory(self) -> None:
        """Raise unless the largest network fits this machine.

        Raises:
            TooLarge: it does not.
        """
        check_memory(self.groups, self.dataset, 1)


def _first_samples(dataset: Dataset, plan: Plan) -> Dataset:
    """The samples the plan asks for. The outputs stay those of all the data."""
    part = dataset.first(plan.train_samples, plan.test_samples)
    if part.outputs != dataset.outputs:
        raise TooFewSamples(len(part.y_train), part.outputs, dataset.outputs)
    return part


class TooFewSamples(GradgaugeError):
    """So few samples that a class is missing among them."""

    def __init__(self, samples: int, classes: int, of: int):
        super().__init__(samples=samples, classes=classes, of=of)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("errors.sweep.too_few_samples", self._facts())


def sweep(
    plan: Plan | Path | str | PreparedSweep,
    out: Path | str,
    runner: str | Runner = "local",
    *,
    dataset: Dataset | None = None,
    on_progress: OnProgress | None = None,
    retry: bool = False,
    **runner_options: Any,
) -> dict[str, int]:
    """Train every unfinished cell of a plan, and store each result as soon as it is complete.

    Several processes can work on the same folder; they share the cells.

    Args:
        plan: the plan, or the path of its file.
        out: the study's folder.
        runner: `local`, `ray`, `slurm`, or a Runner.
        dataset: the data, if already loaded.
        on_progress: called with the number of finished (done or failed) cells and of all cells.
        retry: whether failed cells are tried again.
        runner_options: `address` and `jobs` for `ray`; `jobs` and `parameters` for `slurm`.

    Returns:
        `cells`, `done`, `failed`, `left`.

    Raises:
        GradgaugeError: a problem with the plan, data, folder or runner.
        KeyboardInterrupt: stopped by Ctrl-C; finished cells are kept.

    Example:
        >>> import gradgauge as gg
        >>> plan = '''
        ... dataset = "blobs"
        ... outcomes = ["test_accuracy", "delta_norm[1]"]
        ... [network]
        ... activation = ["relu", "tanh"]
        ... depth = 2
        ... width = 8
        ... [training]
        ... epochs = 1
        ... '''
        >>> with open("plan.toml", "w") as file:
        ...     _ = file.write(plan)
        >>> gg.sweep("plan.toml", "runs/sweep")
        {'cells': 2, 'done': 2, 'failed': 0, 'left': 0}
        >>> gg.load_study("runs/sweep").to_xarray()["delta_norm[1]"].dims
        ('activation', 'seed')
    """
    ready = plan if isinstance(plan, PreparedSweep) else PreparedSweep(plan, dataset)
    if isinstance(runner, str):
        runner = find_runner(runner, out, **runner_options)
    if runner.here:
        ready.check_memory()
    store = Store(
        out, ready.plan, ready.dataset.fingerprint, ready.group_of.tolist(), runner.name, versions()
    )
    try:
        if retry:
            store.retry_failed()
        with _heartbeat(store):
            _Sweep(ready, store, on_progress).run(runner)
        return store.status()
    finally:
        store.close()


class _Sweep:
    """The two ends a runner holds: where cells come from, and where events go."""

    def __init__(self, ready: PreparedSweep, store: Store, on_progress: OnProgress | None):
        self.ready, self.store, self.on_progress = ready, store, on_progress
        self.sharing = 1
        status = store.status()
        self.total, self.over = status["cells"], status["done"] + status["failed"]
        self._lock = threading.Lock()

    def run(self, runner: Runner) -> None:
        """Until no cell is left, here or in another process."""
        job = Job(self.ready.dataset, self.ready.plan.outcomes, self.ready.plan.keep_runs)
        self._tell()
        while True:
            self.sharing = 1 + self.store.take_back()
            if self.store.waiting():
                runner.run(job, self.claim, self.record)
            self._look_again()
            if self.over == self.total:
                return
            # The rest is in other processes' hands. Should one die, its cells come back.
            if not self.store.waiting():
                pause(_LOOK)

    def claim(self, most: int, parts: int) -> Sequence[Cell]:
        """As `_runner.Claim`."""

        def pick(rows: list[tuple[int, int, int]], waiting: int) -> list[int]:
            _, group, tries = rows[0]
            if tries:
                return [rows[0][0]]
            # Where another process shares, less at a time, so that both end together.
            portions = parts if self.sharing == 1 else 2 * parts * self.sharing
            share = -(-waiting // portions)
            return self._one_family(rows, min(most, share, self._block(group)))

        self._look_again()
        return [self.ready.cell(index) for index in self.store.claim(pick)]

    def _one_family(self, rows: list[tuple[int, int, int]], most: int) -> list[int]:
        found = self.ready.groups
        family = found[rows[0][1]].family
        cells = []
        for cell, group, tries in rows[:most]:
            if tries or found[group].family != family:
                break
            cells.append(cell)
        return cells

    def _block(self, group: int) -> int:
        """Cells whose Runs fit in memory together."""
        example = self.ready.groups[group].example
        return max(1, int(_RUN_MEMORY / cell_bytes(example, len(self.ready.dataset.y_train))))

    def record(self, event: Event) -> None:
        """As `_runner.Record`; what is none of the plan's cells is none of ours."""
        if not 0 <= event.cell < self.total:
            return
        if isinstance(event, Done):
            run = None
            if event.run is not None:
                run = f"{RUNS}/{event.cell:06d}.nc"
                event.run.save(self.store.folder / run)
            self.store.done(event.cell, event.notation, event.seed, event.figures, run)
            over = True
        elif isinstance(event, Failed):
            over = self.store.failed(event.cell, event.error)
        else:
            over = self.store.lost(event.cell, event.blamed, event.error)
        with self._lock:
            self.over += over
        self._tell()

    def _look_again(self) -> None:
        status = self.store.status()
        self.over = status["done"] + status["failed"]
        self._tell()

    def _tell(self) -> None:
        if self.on_progress:
            self.on_progress(self.over, self.total)


@contextlib.contextmanager
def _heartbeat(store: Store) -> Iterator[None]:
    """Say every few seconds that this process lives."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(_BEAT):
            with contextlib.suppress(GradgaugeError):
                store.beat()

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def versions() -> dict[str, str]:
    """What the results of this process depend on besides the plan."""
    from importlib.metadata import version

    return {
        "gradgauge": __version__,
        "jax": version("jax"),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
