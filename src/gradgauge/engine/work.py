"""All trainings of one call of `train`: in groups, by a pool of threads. Imports JAX."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.engine.ensemble import DeviceData, Member, MemberGroup
from gradgauge.engine.group_training import GroupResult, train_group
from gradgauge.engine.history import History
from gradgauge.engine.limits import ProbeSchedule, check_memory, member_bytes, schedule_of
from gradgauge.engine.program_key import ProgramKey, program_key
from gradgauge.engine.programs import STORE, Compiling, precision
from gradgauge.engine.results import run_attributes, run_from
from gradgauge.engine.runtime import workers
from gradgauge.engine.telling import Tell
from gradgauge.engine.terms import Entry, Listeners, OnRun, Stop, TrainingResult
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.listening import OnProgress
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

# What a block of members may take of a GPU, and what it is thought to have where it does not say.
_SHARE_OF_MEMORY = 0.5
_LOOK = 0.2
_ASSUMED_MEMORY = 8 * 2**30


def do_work(
    entries: Sequence[Entry],
    dataset: Dataset,
    on_progress: OnProgress | None,
    on_run: OnRun | None,
    stop: Stop | None,
    listeners: Listeners,
    activations: frozenset[str] = frozenset(),
) -> TrainingResult:
    """As `train`."""
    if jax.default_backend() == "cpu":  # On a GPU, groups are made as large as fits.
        check_memory(entries, workers())
    STORE.trim()
    activations |= {a for entry in entries for a in entry.network.activations}
    jobs = _jobs(entries, dataset, activations)
    work = _Work(entries, dataset, jobs, _Progress(on_progress, jobs), on_run, stop, listeners)
    began = time.perf_counter()
    interrupted = work.run_all()
    wall = time.perf_counter() - began
    compiling = min(work.compiling.seconds, wall)
    lanes = max(1, min(len(work.jobs), workers()))
    evaluating = sum(r.evaluate_seconds for r in work.results if r) / lanes
    return TrainingResult(
        [work.run_of(index) for index in range(len(entries))],
        interrupted,
        {
            "compile": compiling,
            "train": max(wall - compiling - evaluating, 0.0),
            "evaluate": evaluating,
        },
    )


def compile_ahead(entries: Sequence[Entry], dataset: Dataset) -> None:
    """As `compile_for`."""
    activations = frozenset(a for entry in entries for a in entry.network.activations)
    seen: set[ProgramKey] = set()
    for job in _jobs(entries, dataset, activations):
        if job.key not in seen:
            seen.add(job.key)
            dtype = job.members[0].training.dtype
            with precision(dtype):
                data, batched = device_data(dataset, dtype), len(job.members) > 1
                MemberGroup(job.key, job.members, data, batched, Compiling()).programs()


@dataclass(frozen=True)
class _Job:
    """A group to be: members of one program key and schedule, and the entry that each belongs to."""

    entries: tuple[int, ...]
    members: tuple[Member, ...]
    key: ProgramKey
    schedule: ProbeSchedule

    @property
    def steps(self) -> int:
        return len(self.members) * self.schedule.total


def _jobs(entries: Sequence[Entry], dataset: Dataset, activations: frozenset[str]) -> list[_Job]:
    """All members in groups: alone on CPU, on a GPU with all that share their program key."""
    samples = len(dataset.y_train)
    alike: dict[tuple[ProgramKey, ProbeSchedule, int], list[tuple[int, Member]]] = {}
    for index, entry in enumerate(entries):
        training = entry.training
        when = schedule_of(entry.network, training, samples)
        sharing = (
            program_key(entry.network, training, samples, activations),
            when,
            training.epochs,
        )
        members = [Member(entry.network, training, s, entry.adjust) for s in training.seeds]
        alike.setdefault(sharing, []).extend((index, member) for member in members)
    by_key: list[list[_Job]] = []
    for (key, when, _), members in alike.items():
        size = block_size(members[0][1].network, members[0][1].training, len(members))
        by_key.append([])
        for at in range(0, len(members), size):
            owners, block = zip(*members[at : at + size], strict=True)
            by_key[-1].append(_Job(owners, block, key, when))
    # One job of each key in turn: workers compile different programs side by side.
    return [job for turn in itertools.zip_longest(*by_key) for job in turn if job is not None]


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
    return max(1, min(wanted, int(limit * _SHARE_OF_MEMORY / member_bytes(network, training))))


def device_data(dataset: Dataset, dtype: str) -> DeviceData:
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


class _Progress:
    """Tells how many steps are made, never fewer than before, and never under a lock.

    Whoever tells goes on telling until nothing new has come; the others only count.
    """

    def __init__(self, on_progress: OnProgress | None, jobs: Sequence[_Job]):
        self._tell, self._total = on_progress, sum(job.steps for job in jobs)
        self._done = self._told = 0
        self._telling, self._lock = False, threading.Lock()

    def __call__(self, steps: int) -> None:
        """So many more steps are made."""
        with self._lock:
            self._done += steps
            if self._tell is None or self._telling:
                return
            self._telling = True
        try:
            while (done := self._news()) is not None:
                self._tell(done, self._total)
        except BaseException:
            self._telling = False
            raise

    def _news(self) -> int | None:
        """Steps made, if they are more than was told; else None, and the telling is over."""
        with self._lock:
            if self._done == self._told:
                self._telling = False
                return None
            self._told = self._done
            return self._done


def _failed(futures: Sequence[Future[None]]) -> bool:
    return any(future.done() and future.exception() for future in futures)


class _Work:
    """All jobs of a call, done by a pool of threads."""

    def __init__(
        self,
        entries: Sequence[Entry],
        dataset: Dataset,
        jobs: Sequence[_Job],
        on_steps: _Progress,
        on_run: OnRun | None,
        stop: Stop | None,
        listeners: Listeners,
    ):
        self.entries, self.dataset, self.jobs = entries, dataset, jobs
        self.results: list[GroupResult | None] = [None] * len(jobs)
        self.compiling = Compiling()
        self._on_steps, self._on_run, self._stop = on_steps, on_run, stop
        self._listeners = listeners
        self._broken_off, self._lock = threading.Event(), threading.Lock()
        self._device_data: dict[str, DeviceData] = {}
        self._left = Counter(entry for job in jobs for entry in job.entries)

    def run_all(self) -> bool:
        """Do every job; whether Ctrl-C or `stop` broke it off."""
        interrupted = False
        with ThreadPoolExecutor(workers()) as pool:
            futures: list[Future[None]] = []
            try:
                # One by one: what has been handed out is known whenever Ctrl-C comes.
                while len(futures) < len(self.jobs):
                    futures.append(pool.submit(self._do, len(futures)))
                # In portions: in a thread that is not the main one, Ctrl-C waits for a wait to end.
                while wait(futures, _LOOK, FIRST_EXCEPTION).not_done and not _failed(futures):
                    pass
            except KeyboardInterrupt:
                interrupted = True
            # Also when a worker raised: the others need not go on.
            if interrupted or _failed(futures):
                self._broken_off.set()
        for future in futures:
            future.result()
        return interrupted or not all(result and result.complete for result in self.results)

    def run_of(self, entry: int, seed: int | None = None) -> Run:
        """The Run of an entry: what its members have done; of one seed alone if it is given."""
        seeds: list[int] = []
        histories: list[History] = []
        when = next(job.schedule for job in self.jobs if entry in job.entries)
        for job, result in zip(self.jobs, self.results, strict=True):
            rows = [
                row
                for row, (owner, member) in enumerate(zip(job.entries, job.members, strict=True))
                if owner == entry and seed in (None, member.seed)
            ]
            if rows and result is not None:
                seeds += [job.members[row].seed for row in rows]
                histories.append(result.history.select(rows))
        spec = self.entries[entry]
        training = spec.training if seed is None else spec.training.replace(seeds=(seed,))
        attributes = self._attributes(entry, training)
        return run_from(attributes, spec.network.depth, training, seeds, histories, when)

    def _attributes(self, entry: int, training: TrainingSpec) -> dict[str, Any]:
        spec = self.entries[entry]
        device = jax.devices()[0].device_kind
        adjusted = spec.adjust is not None
        return run_attributes(spec.name, spec.network, training, self.dataset, adjusted, device)

    def _do(self, at: int) -> None:
        if self._is_stopped():
            return
        job = self.jobs[at]
        owners = list(zip(job.entries, job.members, strict=True))
        tell = Tell([self._listeners(entry, member.seed) for entry, member in owners])
        with precision(job.members[0].training.dtype):
            self.results[at] = self._train(job, tell)
        tell.closed(lambda row: self.run_of(owners[row][0], owners[row][1].seed))
        self._hand_over(job, self.results[at])

    def _train(self, job: _Job, tell: Tell) -> GroupResult:
        data = self._data(job.members[0].training.dtype)
        batched = len(job.members) > 1
        group = MemberGroup(job.key, job.members, data, batched, self.compiling)

        def about(row: int) -> dict[str, Any]:
            member = job.members[row]
            return self._attributes(job.entries[row], member.training.replace(seeds=(member.seed,)))

        tell.opened([member.network for member in job.members], about)
        programs = group.programs()
        return train_group(group, programs, job.schedule, self._on_steps, self._is_stopped, tell)

    def _hand_over(self, job: _Job, result: GroupResult | None) -> None:
        """Give the Runs of entries that are complete to who asked for them."""
        if result is None or not result.complete:
            return
        with self._lock:
            self._left.subtract(job.entries)
            complete = [e for e in dict.fromkeys(job.entries) if not self._left[e]]
        if self._on_run and not self._broken_off.is_set():
            for entry in complete:
                self._on_run(entry, self.run_of(entry))

    def _is_stopped(self) -> bool:
        return self._broken_off.is_set() or (self._stop is not None and self._stop.is_set())

    def _data(self, dtype: str) -> DeviceData:
        with self._lock:
            if dtype not in self._device_data:
                self._device_data[dtype] = device_data(self.dataset, dtype)
            return self._device_data[dtype]
