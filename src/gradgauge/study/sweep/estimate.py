"""What a plan will cost: compilations, time, memory, disk; and whether it fits."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradgauge.datasets import Dataset
from gradgauge.engine.cost import work
from gradgauge.engine.limits import check_fits, member_bytes, run_bytes
from gradgauge.engine.terms import Entry
from gradgauge.spec.notation import write
from gradgauge.study.sweep.grid import Cell, CompileGroup, Plan
from gradgauge.study.sweep.runners.runner import Train

_TIMED_STEPS = 64
"""Training steps of the block that a dry run times."""

# Measured on two cores: what a process takes that has compiled some programs, half of it for
# compiling.
_PROCESS = 900e6
_ROW_BYTES = 180
_BYTES_A_FIGURE = 9


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


def cell_bytes(cell: Cell, samples: int) -> float:
    """Bytes of a cell's Run, in memory and on disk."""
    return run_bytes(cell.network, cell.training, samples)


def _work(cell: Cell, samples: int) -> float:
    return work(cell.network, cell.training, samples)


def dataset_bytes(dataset: Dataset) -> int:
    """Bytes of a dataset's arrays."""
    return sum(a.nbytes for a in (dataset.x_train, dataset.x_test, dataset.y_train, dataset.y_test))


def memory_needed(found: Sequence[CompileGroup], dataset: Dataset, lanes: int) -> float:
    """Bytes a sweep takes in one process that trains `lanes` cells at once."""
    largest = max(_bytes_of(group) for group in found)
    return _PROCESS + 3 * dataset_bytes(dataset) + lanes * largest


def _bytes_of(group: CompileGroup) -> float:
    return member_bytes(group.example.network, group.example.training)


def check_memory(found: Sequence[CompileGroup], dataset: Dataset, lanes: int) -> None:
    """Raise unless the largest network fits.

    Raises:
        TooLarge: it does not.
    """
    largest = max(found, key=_bytes_of)
    check_fits(write(largest.example.network), memory_needed([largest], dataset, lanes))


def estimate(
    plan: Plan,
    found: Sequence[CompileGroup],
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
    kept = sum(g.cells * cell_bytes(g.example, samples) for g in found) if plan.keep_runs else 0
    disk = plan.cells * (_ROW_BYTES + _BYTES_A_FIGURE * len(plan.outcomes)) + kept
    seconds, taken, timed = None, 0.0, 0
    if train is not None:
        ordered = sorted(found, key=lambda group: _work(group.example, samples))
        example = cell(ordered[len(ordered) // 2].example.index)
        timed = min(lanes, plan.cells)
        seconds, taken = _time(plan, found, dataset, example, timed, train)
    memory = memory_needed(found, dataset, lanes)
    return Estimate(plan.cells, len(found), seconds, timed, taken, memory, disk)


def _time(
    plan: Plan,
    found: Sequence[CompileGroup],
    dataset: Dataset,
    example: Cell,
    cells: int,
    train: Train,
) -> tuple[float, float]:
    """Seconds the plan takes, and seconds the timing took."""
    began = time.perf_counter()
    rows = min(len(dataset.y_train), example.training.batch_size * _TIMED_STEPS)
    part = dataset.first(rows)
    short = example.training.replace(epochs=1)
    entries = [Entry(str(i), example.network, short.replace(seeds=(i,))) for i in range(cells)]
    first = train(entries, part).seconds
    second = train(entries, part).seconds
    per_work = second["train"] / (_work(dataclasses.replace(example, training=short), rows))
    samples = len(dataset.y_train)
    training = (
        sum(group.cells * _work(group.example, samples) for group in found) * per_work / cells
    )
    evaluating = plan.cells * second["evaluate"] / cells
    return (
        len(found) * first["compile"] + training + evaluating,
        time.perf_counter() - began,
    )
