"""What a plan will cost: compilations, time, memory, disk; and whether it fits."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.errors import GradgaugeError
from gradgauge.gauges import STEP_QUANTITIES
from gradgauge.memory import free_memory
from gradgauge.messages.catalog import Message
from gradgauge.spec.notation import write
from gradgauge.study.sweep.grid import Cell, Group, Plan
from gradgauge.study.sweep.outcomes import PROBED
from gradgauge.study.sweep.runners.runner import Train

_TIMED_STEPS = 64
"""Training steps of the block that a dry run times."""

# Measured on two cores: what a process takes that has compiled some programs, half of it for
# compiling; gradients, slots and copies of the parameters; arrays a unit and sample of a batch;
# rows of a probe.
_PROCESS = 900e6
_COPIES = 8
_TAPS = 8
_PROBE_ROWS = 1_000

# A step's cost beside its multiplications: floating-point operations a layer that would take
# as long as the rest of it, so that narrow deep networks are not thought free.
_PER_LAYER = 4e6
_ROW_BYTES = 180
_BYTES_A_FIGURE = 9


class TooLarge(GradgaugeError):
    """A network that does not fit this machine's memory.

    Args:
        notation: the network.
        needs, has: bytes.
    """

    notation: str
    needs: float
    has: float

    def __init__(self, notation: str, needs: float, has: float):
        super().__init__(notation=notation, needs=float(needs), has=float(has))

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message(
            "errors.sweep.too_large",
            {
                "notation": self.notation,
                "needs": f"{self.needs / 1e9:.1f}",
                "has": f"{self.has / 1e9:.1f}",
            },
        )


@dataclass(frozen=True)
class Estimate:
    """What a plan will cost.

    Attributes:
        cells, compilations: how many.
        seconds: all in all on this machine; None if nothing was timed.
        timed_cells, timed_seconds: the block that was timed, and what it took.
        memory, disk: bytes.
    """

    cells: int
    compilations: int
    seconds: float | None
    timed_cells: int
    timed_seconds: float
    memory: float
    disk: float


def cell_memory(cell: Cell) -> float:
    """Bytes that one training takes while it runs."""
    network, training = cell.network, cell.training
    units = network.inputs + _TAPS * sum(layer.width for layer in network.hidden)
    rows = max(training.batch_size, _PROBE_ROWS)
    itemsize = np.dtype(training.dtype).itemsize
    return itemsize * (_COPIES * network.parameters + rows * units)


def run_bytes(cell: Cell, samples: int) -> float:
    """Bytes of a cell's Run, in memory and on disk."""
    training, layers = cell.training, cell.network.depth + 1
    per_epoch = training.steps_per_epoch(samples)
    steps = min(per_epoch * training.epochs, 4_096)
    numbers = layers * (steps * len(STEP_QUANTITIES) + _probes(cell, samples) * len(PROBED))
    return np.dtype(training.dtype).itemsize * numbers + 40_000


def work(cell: Cell, samples: int) -> float:
    """A training's length, in floating-point operations or what takes as long."""
    network, training = cell.network, cell.training
    looks = _probes(cell, samples)
    steps = training.epochs * training.steps_per_epoch(samples)
    rows = steps * training.batch_size + looks * _PROBE_ROWS
    return 6.0 * network.parameters * rows + _PER_LAYER * network.depth * (steps + looks)


def _probes(cell: Cell, samples: int) -> int:
    """Looks at the probe batch: as `engine.history.schedule` has them."""
    per_epoch = cell.training.steps_per_epoch(samples)
    return min(per_epoch.bit_length() + cell.training.epochs + 1, 128)


def dataset_bytes(dataset: Dataset) -> int:
    """Bytes of a dataset's arrays."""
    return sum(a.nbytes for a in (dataset.x_train, dataset.x_test, dataset.y_train, dataset.y_test))


def memory_needed(found: Sequence[Group], dataset: Dataset, lanes: int) -> float:
    """Bytes a sweep takes in one process that trains `lanes` cells at once."""
    largest = max(cell_memory(group.example) for group in found)
    return _PROCESS + 3 * dataset_bytes(dataset) + lanes * largest


def check_memory(found: Sequence[Group], dataset: Dataset, lanes: int) -> None:
    """Raise unless the largest network fits.

    Raises:
        TooLarge: it does not.
    """
    largest = max((group.example for group in found), key=cell_memory)
    needs, has = memory_needed([Group(largest, 1, ())], dataset, lanes), free_memory()
    if needs > has:
        raise TooLarge(write(largest.network), needs, has)


def estimate(
    plan: Plan,
    found: Sequence[Group],
    dataset: Dataset,
    lanes: int,
    train: Train | None,
    cell: Callable[[int], Cell],
) -> Estimate:
    """Time one block, and work out the rest.

    Args:
        plan: the plan.
        found: its groups.
        dataset: what it trains on.
        lanes: cells that are trained at once.
        train: the engine; None: time nothing.
        cell: a cell by its number.
    """
    samples = len(dataset.y_train)
    kept = sum(g.cells * run_bytes(g.example, samples) for g in found) if plan.keep_runs else 0
    disk = plan.cells * (_ROW_BYTES + _BYTES_A_FIGURE * len(plan.outcomes)) + kept
    seconds, taken, timed = None, 0.0, 0
    if train is not None:
        ordered = sorted(found, key=lambda group: work(group.example, samples))
        example = cell(ordered[len(ordered) // 2].example.index)
        timed = min(lanes, plan.cells)
        seconds, taken = _time(plan, found, dataset, example, timed, train)
    memory = memory_needed(found, dataset, lanes)
    return Estimate(plan.cells, len(found), seconds, timed, taken, memory, disk)


def _time(
    plan: Plan, found: Sequence[Group], dataset: Dataset, example: Cell, cells: int, train: Train
) -> tuple[float, float]:
    """Seconds the plan takes, and seconds the timing took."""
    from gradgauge.engine.train import Entry

    began = time.perf_counter()
    rows = min(len(dataset.y_train), example.training.batch_size * _TIMED_STEPS)
    part = dataclasses.replace(
        dataset, x_train=dataset.x_train[:rows], y_train=dataset.y_train[:rows]
    )
    short = example.training.replace(epochs=1)
    entries = [Entry(str(i), example.network, short.replace(seeds=(i,))) for i in range(cells)]
    first = train(entries, part).seconds
    second = train(entries, part).seconds
    per_work = second["train"] / (work(dataclasses.replace(example, training=short), rows))
    samples = len(dataset.y_train)
    training = sum(group.cells * work(group.example, samples) for group in found) * per_work / cells
    evaluating = plan.cells * second["evaluate"] / cells
    return (
        len(found) * first["compile"] + training + evaluating,
        time.perf_counter() - began,
    )
