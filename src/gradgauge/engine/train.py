"""The only door of the engine: networks and data in, Runs out."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import gradgauge
from gradgauge.datasets import Dataset
from gradgauge.engine import runtime  # noqa: F401  starts JAX: before anything imports it
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
from gradgauge.engine.epochs import as_inputs, as_targets
from gradgauge.engine.history import History, Schedule, schedule
from gradgauge.engine.plan import Plan, plan_for
from gradgauge.engine.probe import PROBE_QUANTITIES
from gradgauge.engine.programs import STORE, precision
from gradgauge.gauges import STEP_QUANTITIES
from gradgauge.run import Group as RunGroup
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.spec.training import TrainingSpec

import jax  # isort: skip
import jax.numpy as jnp  # isort: skip

OnProgress = Callable[[int, int], None]
"""Told steps made and steps in all, from a worker's thread."""

OnRun = Callable[[int, Run], None]
"""Handed an entry's number and its Run, from a worker's thread."""

MEMBER_FIGURES = (
    "test_loss",
    "test_accuracy",
    "non_finite_step",
    "non_finite_layer",
    "steps_done",
)

# What a block of members may take of a GPU, and what one member is estimated to need.
_SHARE_OF_MEMORY = 0.5
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
    """A group to be: which entry's members, under which plan."""

    entry: int
    members: tuple[Member, ...]
    plan: Plan
    schedule: Schedule

    @property
    def steps(self) -> int:
        return len(self.members) * self.schedule.total


def _jobs(entries: Sequence[Entry], dataset: Dataset, activations: frozenset[str]) -> list[_Job]:
    samples = len(dataset.y_train)
    jobs: list[_Job] = []
    for index, entry in enumerate(entries):
        training = entry.training
        plan = plan_for(entry.network, training, samples, activations)
        when = schedule(
            training.steps_per_epoch(samples),
            training.epochs,
            entry.network.depth + 1,
            len(training.seeds),
            np.dtype(training.dtype).itemsize,
        )
        members = [Member(entry.network, training, s, entry.adjust) for s in training.seeds]
        size = block_size(entry.network, training)
        blocks = [tuple(members[at : at + size]) for at in range(0, len(members), size)]
        jobs += [_Job(index, block, plan, when) for block in blocks]
    return jobs


def block_size(network: NetworkSpec, training: TrainingSpec) -> int:
    """Members in a group: one on CPU, where each has a core; on a GPU as many as fit."""
    device = jax.devices()[0]
    if device.platform == "cpu":
        return 1
    limit = (device.memory_stats() or {}).get("bytes_limit", _ASSUMED_MEMORY)
    itemsize = np.dtype(training.dtype).itemsize
    taps = _TAPS_PER_UNIT * sum(layer.width for layer in network.hidden) + network.inputs
    rows = max(training.batch_size, PROBE_SAMPLES)
    one = itemsize * (rows * taps + _COPIES_OF_PARAMETERS * network.parameters)
    return max(1, min(len(training.seeds), int(limit * _SHARE_OF_MEMORY / one)))


def _device_data(dataset: Dataset, training: TrainingSpec, plan: Plan) -> DeviceData:
    """The arrays on the device; floats in the training's dtype."""

    def put(x: np.ndarray) -> Any:
        if x.dtype.kind != "f":
            return jnp.asarray(x)
        # What float32 cannot hold becomes infinite, and the training says at which layer.
        with np.errstate(over="ignore"):
            return jnp.asarray(x.astype(training.dtype))

    x_train, y_train = put(dataset.x_train), put(dataset.y_train)
    return DeviceData(
        x_train,
        y_train,
        put(dataset.x_test),
        put(dataset.y_test),
        as_inputs(x_train[:PROBE_SAMPLES], training.dtype),
        as_targets(plan, y_train[:PROBE_SAMPLES]),
    )


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
        self._device_data: dict[tuple[str, str], DeviceData] = {}
        self._left = Counter(job.entry for job in jobs)

    def run_all(self) -> bool:
        """Do every job; whether Ctrl-C broke it off."""
        interrupted = False
        with ThreadPoolExecutor(workers()) as pool:
            futures = [pool.submit(self._do, at) for at in range(len(self.jobs))]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            except KeyboardInterrupt:
                interrupted = True
            # Also when a worker raised: the others need not go on.
            if interrupted or any(f.done() and f.exception() for f in futures):
                self._stopped.set()
        for future in futures:
            future.result()
        return interrupted

    def run_of(self, entry: int) -> Run:
        """The Run of an entry: what its members have done."""
        done = [
            (job, outcome.history)
            for job, outcome in zip(self.jobs, self.outcomes, strict=True)
            if job.entry == entry and outcome is not None
        ]
        when = next(job.schedule for job in self.jobs if job.entry == entry)
        return _run(self.entries[entry], done, when, self.dataset)

    def _do(self, at: int) -> None:
        if self._stopped.is_set():
            return
        job = self.jobs[at]
        training = job.members[0].training
        with precision(training.dtype):
            data = self._data(training, job.plan)
            group = Group(job.plan, job.members, data, batched=len(job.members) > 1)
            outcome = train_group(
                group, group.programs(), job.schedule, self._on_steps, self._stopped
            )
        with self._lock:
            self.outcomes[at] = outcome
            self._left[job.entry] -= 1
            complete = not self._left[job.entry] and not self._stopped.is_set()
        if complete and self._on_run:
            self._on_run(job.entry, self.run_of(job.entry))

    def _data(self, training: TrainingSpec, plan: Plan) -> DeviceData:
        with self._lock:
            key = (training.dtype, training.loss)
            if key not in self._device_data:
                self._device_data[key] = _device_data(self.dataset, training, plan)
            return self._device_data[key]

    def _on_steps(self, steps: int) -> None:
        with self._lock:
            self._done += steps
            if self._on_progress:
                self._on_progress(self._done, self._total)


def _run(
    entry: Entry, done: Sequence[tuple[_Job, History]], when: Schedule, dataset: Dataset
) -> Run:
    """The Run of one entry: its members' histories side by side."""
    seeds = np.array([m.seed for job, _ in done for m in job.members], np.int64)
    histories = [history for _, history in done] or [_nothing(entry, when)]
    layers = np.arange(1, entry.network.depth + 2)

    def joined(pick: Callable[[History], np.ndarray]) -> np.ndarray:
        return np.concatenate([pick(history) for history in histories])

    def variables(pick: str, axes: tuple[str, ...], names: Sequence[str]) -> dict[str, Any]:
        return {n: (axes, joined(lambda h, n=n: getattr(h, pick)[n])) for n in names}

    steps = variables("steps", ("member", "step", "layer"), STEP_QUANTITIES)
    steps["loss"] = (("member", "step"), joined(lambda h: h.step_loss))
    probes = variables("probes", ("member", "probe_step", "layer"), PROBE_QUANTITIES)
    by_epoch = ("member", "epoch")
    epochs = {
        "loss": (by_epoch, joined(lambda h: h.loss)),
        "accuracy": (by_epoch, joined(lambda h: h.accuracy)),
    }
    figures = {
        name: (("member",), joined(lambda h, name=name: getattr(h, name)))
        for name in MEMBER_FIGURES
    }
    member = {"member": seeds}
    return Run(
        _attributes(entry, dataset),
        RunGroup(member, figures),
        {
            "steps": RunGroup({**member, "step": when.kept, "layer": layers}, steps),
            "probes": RunGroup(
                {**member, "probe_step": np.array(when.probes), "layer": layers}, probes
            ),
            "epochs": RunGroup(
                {**member, "epoch": np.arange(1, entry.training.epochs + 1)}, epochs
            ),
        },
    )


def _nothing(entry: Entry, when: Schedule) -> History:
    """The history of no members: of an entry that was stopped before it began."""
    training = entry.training
    return History.empty(when, 0, training.epochs, entry.network.depth + 1, training.dtype)


def _attributes(entry: Entry, dataset: Dataset) -> dict[str, Any]:
    training = dataclasses.asdict(entry.training)
    training["seeds"] = list(training["seeds"])
    return {
        "name": entry.name,
        "notation": write(entry.network),
        "adjusted": int(entry.adjust is not None),
        "parameters": entry.network.parameters,
        "training": json.dumps(training),
        "dataset": dataset.name,
        "dataset_fingerprint": dataset.fingerprint,
        "train_samples": len(dataset.y_train),
        "test_samples": len(dataset.y_test),
        "source": "engine",
        "gradgauge_version": gradgauge.__version__,
        "jax_version": jax.__version__,
        "device": jax.devices()[0].device_kind,
    }
