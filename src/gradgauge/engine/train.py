"""The only door of the engine: networks and data in, Runs out."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
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
    entries: Sequence[Entry], dataset: Dataset, on_progress: OnProgress | None = None
) -> Trained:
    """Train every entry with every seed, as ensembles that share compiled programs.

    A member's result does not depend on which others run beside it: on CPU bit for bit.
    Ctrl-C ends all trainings behind the segment they are in, and keeps what they did.

    Args:
        entries: what to train.
        dataset: on what.
        on_progress: told of progress.

    Raises:
        InvalidValue: a batch larger than the data.
    """
    activations = frozenset(a for entry in entries for a in entry.network.activations)
    jobs = _jobs(entries, dataset, activations)
    began = time.perf_counter()
    compiled_before = STORE.seconds
    outcomes, interrupted = _run_all(jobs, dataset, on_progress)
    wall = time.perf_counter() - began
    compiling = min(STORE.seconds - compiled_before, wall)
    lanes = max(1, min(len(jobs), workers()))
    evaluating = sum(o.evaluate_seconds for o in outcomes if o) / lanes
    return Trained(
        [_run(entry, index, jobs, outcomes, dataset) for index, entry in enumerate(entries)],
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
    jobs = []
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
        for at in range(0, len(members), size):
            jobs.append(_Job(index, tuple(members[at : at + size]), plan, when))
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
        return jnp.asarray(x.astype(training.dtype) if x.dtype.kind == "f" else x)

    x_train, y_train = put(dataset.x_train), put(dataset.y_train)
    return DeviceData(
        x_train,
        y_train,
        put(dataset.x_test),
        put(dataset.y_test),
        as_inputs(x_train[:PROBE_SAMPLES], training.dtype),
        as_targets(plan, y_train[:PROBE_SAMPLES]),
    )


def _run_all(
    jobs: Sequence[_Job], dataset: Dataset, on_progress: OnProgress | None
) -> tuple[list[Outcome | None], bool]:
    """Every job's outcome, None where it was not begun; whether Ctrl-C came."""
    stopped, lock = Stopped(), threading.Lock()
    total, done = sum(job.steps for job in jobs), 0
    device_data: dict[tuple[str, str], DeviceData] = {}

    def on_steps(steps: int) -> None:
        nonlocal done
        with lock:
            done += steps
            if on_progress:
                on_progress(done, total)

    def run(job: _Job) -> Outcome | None:
        if stopped.is_set():
            return None
        training = job.members[0].training
        with precision(training.dtype):
            with lock:
                key = (training.dtype, training.loss)
                if key not in device_data:
                    device_data[key] = _device_data(dataset, training, job.plan)
            group = Group(job.plan, job.members, device_data[key], batched=len(job.members) > 1)
            return train_group(group, group.programs(), job.schedule, on_steps, stopped)

    interrupted = False
    with ThreadPoolExecutor(workers()) as pool:
        futures = [pool.submit(run, job) for job in jobs]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        except KeyboardInterrupt:
            interrupted = True
        finally:
            # Also when a worker raised: the others need not go on.
            if interrupted or any(f.done() and f.exception() for f in futures):
                stopped.set()
    return [future.result() for future in futures], interrupted


def _run(
    entry: Entry,
    index: int,
    jobs: Sequence[_Job],
    outcomes: Sequence[Outcome | None],
    dataset: Dataset,
) -> Run:
    """The Run of one entry: its members' histories side by side."""
    mine = [(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True)
            if job.entry == index and outcome is not None]  # fmt: skip
    seeds = np.array([m.seed for job, _ in mine for m in job.members], np.int64)
    histories = [outcome.history for _, outcome in mine]
    plan = next(job.schedule for job in jobs if job.entry == index)
    layers = np.arange(1, entry.network.depth + 2)

    def joined(pick: Callable[[History], np.ndarray]) -> np.ndarray:
        if not histories:
            return np.zeros((0,))
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
            "steps": RunGroup({**member, "step": plan.kept, "layer": layers}, steps),
            "probes": RunGroup(
                {**member, "probe_step": np.array(plan.probes), "layer": layers}, probes
            ),
            "epochs": RunGroup(
                {**member, "epoch": np.arange(1, entry.training.epochs + 1)}, epochs
            ),
        },
    )


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
