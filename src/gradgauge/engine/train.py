"""The only door of the engine: networks and data in, Runs out."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.engine.ensemble import (
    PROBE_SAMPLES,
    Adjust,
    DeviceData,
    Group,
    Member,
    Outcome,
    Stopped,
    train_group,
    workers,
)
from gradgauge.engine.history import History, Schedule, schedule
from gradgauge.engine.program_key import Plan, plan_for
from gradgauge.engine.programs import STORE, precision
from gradgauge.engine.results import run_attributes, run_from
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

OnProgress = Callable[[int, int], None]
"""Told steps made and steps in all, from a worker's thread."""

OnRun = Callable[[int, Run], None]
"""Handed an entry's number and its Run, from a worker's thread."""

# What a block of members may take of a GPU, and what one member is estimated to need.
_SHARE_OF_MEMORY = 0.5
_LOOK = 0.2
_ASSUMED_MEMORY = 8 * 2**30
_TAPS_PER_UNIT = 8
_COPIES_OF_PARAMETERS = 8


@dataclass(frozen=True)
class Entry:
    """One network, trained once for every seed of its training.

    Attributes:
        name: what the Run calls it.
        network, training: its specs.
        adjust: a change of its initial parameters; None: as drawn.
    """

    name: str
    network: NetworkSpec
    training: TrainingSpec
    adjust: Adjust | None = None


@dataclass
class Trained:
    """What `train` gives.

    Attributes:
        runs: one an entry, in order.
        interrupted: whether it was stopped before the end; runs then hold what was done.
        seconds: `compile`, `train`, `evaluate`: wall time.
    """

    runs: list[Run]
    interrupted: bool
    seconds: dict[str, float] = field(default_factory=dict)


def train(
    entries: Sequence[Entry],
    dataset: Dataset,
    on_progress: OnProgress | None = None,
    on_run: OnRun | None = None,
) -> Trained:
    """Train every entry with every seed, as ensembles that share compiled programs.

    A member's result does not depend on which others run beside it: on CPU bit for bit.
    Ctrl-C ends all trainings behind the segment they are in, and keeps what they did.

    Args:
        entries: what to train.
        dataset: on what.
        on_progress: told of progress.
        on_run: handed every entry's Run as soon as it is complete.

    Raises:
        InvalidValue: a batch larger than the data.
    """
    STORE.trim()
    activations = frozenset(a for entry in entries for a in entry.network.activations)
    work = _Work(entries, dataset, _jobs(entries, dataset, activations), on_progress, on_run)
    began = time.perf_counter()
    compiled_before = STORE.seconds
    interrupted = work.run_all()
    wall = time.perf_counter() - began
    compiling = min(STORE.seconds - compiled_before, wall)
    lanes = max(1, min(len(work.jobs), workers()))
    evaluating = sum(o.evaluate_seconds for o in work.outcomes if o) / lanes
    return Trained(
        [work.run_of(index) for index in range(len(entries))],
        interrupted,
        {
            "compile": compiling,
            "train": max(wall - compiling - evaluating, 0.0),
            "evaluate": evaluating,
        },
    )


@dataclass(frozen=True)
class _Job:
    """A group to be: members of one plan and schedule, and the entry that each belongs to."""

    entries: tuple[int, ...]
    members: tuple[Member, ...]
    plan: Plan
    schedule: Schedule

    @property
    def steps(self) -> int:
        return len(self.members) * self.schedule.total


def _jobs(entries: Sequence[Entry], dataset: Dataset, activations: frozenset[str]) -> list[_Job]:
    """All members in groups: alone on CPU, on a GPU with all that share their plan."""
    samples = len(dataset.y_train)
    alike: dict[tuple[Plan, Schedule, int], list[tuple[int, Member]]] = {}
    for index, entry in enumerate(entries):
        training = entry.training
        when = schedule(
            training.steps_per_epoch(samples),
            training.epochs,
            entry.network.depth + 1,
            len(training.seeds),
            np.dtype(training.dtype).itemsize,
        )
        key = (plan_for(entry.network, training, samples, activations), when, training.epochs)
        members = [Member(entry.network, training, s, entry.adjust) for s in training.seeds]
        alike.setdefault(key, []).extend((index, member) for member in members)
    jobs: list[_Job] = []
    for (plan, when, _), members in alike.items():
        size = block_size(members[0][1].network, members[0][1].training, len(members))
        for at in range(0, len(members), size):
            owners, block = zip(*members[at : at + size], strict=True)
            jobs.append(_Job(owners, block, plan, when))
    return jobs


def block_size(network: NetworkSpec, training: TrainingSpec, wanted: int) -> int:
    """Members in a group: one on CPU, where each has a core; on a GPU as many as fit.

    Args:
        network, training: of one member.
        wanted: how many there are.
    """
    device = jax.devices()[0]
    if device.platform == "cpu":
        return 1
    limit = (device.memory_stats() or {}).get("bytes_limit", _ASSUMED_MEMORY)
    itemsize = np.dtype(training.dtype).itemsize
    taps = _TAPS_PER_UNIT * sum(layer.width for layer in network.hidden) + network.inputs
    rows = max(training.batch_size, PROBE_SAMPLES)
    one = itemsize * (rows * taps + _COPIES_OF_PARAMETERS * network.parameters)
    return max(1, min(wanted, int(limit * _SHARE_OF_MEMORY / one)))


def _device_data(dataset: Dataset, dtype: str) -> DeviceData:
    """The arrays on the device; floats in the training's dtype."""

    def put(x: np.ndarray) -> Any:
        if x.dtype.kind != "f":
            return jax.device_put(x)
        # What float32 cannot hold becomes infinite, and the training says at which layer.
        with np.errstate(over="ignore"):
            return jax.device_put(x.astype(dtype))

    return DeviceData(
        put(dataset.x_train),
        put(dataset.y_train),
        put(dataset.x_test),
        put(dataset.y_test),
        put(dataset.x_train[:PROBE_SAMPLES]),
        put(dataset.y_train[:PROBE_SAMPLES]),
    )


def _failed(futures: Sequence[Future[None]]) -> bool:
    return any(future.done() and future.exception() for future in futures)


class _Work:
    """All jobs of a call, done by a pool of threads."""

    def __init__(
        self,
        entries: Sequence[Entry],
        dataset: Dataset,
        jobs: Sequence[_Job],
        on_progress: OnProgress | None,
        on_run: OnRun | None,
    ):
        self.entries, self.dataset, self.jobs = entries, dataset, jobs
        self.outcomes: list[Outcome | None] = [None] * len(jobs)
        self._on_progress, self._on_run = on_progress, on_run
        self._stopped, self._lock = Stopped(), threading.Lock()
        self._total, self._done = sum(job.steps for job in jobs), 0
        self._device_data: dict[str, DeviceData] = {}
        self._left = Counter(entry for job in jobs for entry in job.entries)

    def run_all(self) -> bool:
        """Do every job; whether Ctrl-C broke it off."""
        interrupted = False
        with ThreadPoolExecutor(workers()) as pool:
            futures = [pool.submit(self._do, at) for at in range(len(self.jobs))]
            try:
                # In portions: in a thread that is not the main one, Ctrl-C waits for a wait to end.
                while wait(futures, _LOOK, FIRST_EXCEPTION).not_done and not _failed(futures):
                    pass
            except KeyboardInterrupt:
                interrupted = True
            # Also when a worker raised: the others need not go on.
            if interrupted or _failed(futures):
                self._stopped.set()
        for future in futures:
            future.result()
        return interrupted

    def run_of(self, entry: int) -> Run:
        """The Run of an entry: what its members have done."""
        seeds: list[int] = []
        histories: list[History] = []
        when = next(job.schedule for job in self.jobs if entry in job.entries)
        for job, outcome in zip(self.jobs, self.outcomes, strict=True):
            rows = [row for row, owner in enumerate(job.entries) if owner == entry]
            if rows and outcome is not None:
                seeds += [job.members[row].seed for row in rows]
                histories.append(outcome.history.select(rows))
        spec = self.entries[entry]
        attributes = run_attributes(
            spec.name, spec.network, spec.training, self.dataset, spec.adjust is not None
        )
        return run_from(attributes, spec.network.depth, spec.training, seeds, histories, when)

    def _do(self, at: int) -> None:
        if self._stopped.is_set():
            return
        job = self.jobs[at]
        training = job.members[0].training
        with precision(training.dtype):
            data = self._data(training.dtype)
            group = Group(job.plan, job.members, data, batched=len(job.members) > 1)
            outcome = train_group(
                group, group.programs(), job.schedule, self._on_steps, self._stopped
            )
        with self._lock:
            self.outcomes[at] = outcome
            self._left.subtract(job.entries)
            complete = [e for e in dict.fromkeys(job.entries) if not self._left[e]]
        if self._on_run and not self._stopped.is_set():
            for entry in complete:
                self._on_run(entry, self.run_of(entry))

    def _data(self, dtype: str) -> DeviceData:
        with self._lock:
            if dtype not in self._device_data:
                self._device_data[dtype] = _device_data(self.dataset, dtype)
            return self._device_data[dtype]

    def _on_steps(self, steps: int) -> None:
        with self._lock:
            self._done += steps
            if self._on_progress:
                self._on_progress(self._done, self._total)
