"""Plan: axes over the fields of network and training, and what to write down of every cell.

A cell is one network trained once, with one seed. Cells are numbered row by row over the axes,
the seeds fastest. `plan_file.py` reads a plan from TOML.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.engine.program_key import program_key
from gradgauge.spec.comparison import DEPTH, WIDTH, DoesNotFit
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.sweep.outcomes import DEFAULT, OutcomeSpec, read_outcome

Value = int | float | str
Values = Mapping[str, Value]

SIZES = ("activation", "depth", "width")
"""What a notation says itself."""

NETWORK_FIELDS: dict[str, type] = {
    "notation": str,
    "activation": str,
    "depth": int,
    "width": int,
    "init": str,
    "scale": float,
    "bias_std": float,
    "norm": str,
    "skip": int,
}
TRAINING_FIELDS: dict[str, type] = {
    "optimizer": str,
    "learning_rate": float,
    "batch_size": int,
    "epochs": int,
    "loss": str,
    "momentum": float,
    "weight_decay": float,
    "schedule": str,
    "warmup_steps": int,
    "clip_norm": float,
    "dtype": str,
}
FIELDS: dict[str, type] = {**NETWORK_FIELDS, **TRAINING_FIELDS, "seed": int}

# Arguments of a compiled program, not part of it.
_FREE = frozenset(
    ("init", "scale", "bias_std", "seed", "learning_rate", "momentum", "weight_decay")
)
MOST_CELLS = 10_000_000
"""Beyond that a plan is a slip, or a study's file somebody's joke."""


@dataclass(frozen=True)
class Axis:
    """Fields that change together, and the values they take.

    Attributes:
        fields: one, or several that were zipped.
        points: the values, one a field in each.
    """

    fields: tuple[str, ...]
    points: tuple[tuple[Value, ...], ...]

    @property
    def name(self) -> str:
        """The fields joined by `_`: the dimension's name."""
        return "_".join(self.fields)

    def column(self, name: str) -> list[Value]:
        """The values of one of its fields."""
        at = self.fields.index(name)
        return [point[at] for point in self.points]


@dataclass(frozen=True)
class Cell:
    """One network to train once.

    Attributes:
        index: its number in the plan.
        network, training: its specs; the training has one seed.
    """

    index: int
    network: NetworkSpec
    training: TrainingSpec

    @property
    def seed(self) -> int:
        """Of its only training."""
        return self.training.seeds[0]


@dataclass(frozen=True)
class Plan:
    """What a study trains and writes down.

    Attributes:
        axes: in the order written; the seeds last.
        constants: the fields that have one value.
        outcomes: what is written down of every cell.
        dataset: a dataset's name or an .npz file's path.
        train_samples, test_samples: only the first so many; None: all.
        keep_runs: whether every cell's Run is kept, too.
    """

    axes: tuple[Axis, ...]
    constants: dict[str, Value] = field(default_factory=dict)
    outcomes: tuple[OutcomeSpec, ...] = DEFAULT
    dataset: str = "mnist"
    train_samples: int | None = None
    test_samples: int | None = None
    keep_runs: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Points of every axis."""
        return tuple(len(axis.points) for axis in self.axes)

    @property
    def cells(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    @property
    def loss(self) -> str:
        """The losses are all of classification, or none: one of them."""
        return str(self.first("loss", TrainingSpec.loss))

    def first(self, name: str, default: Value) -> Value:
        """The first value of a field."""
        return next(iter(self.column(name)), default)

    def column(self, name: str) -> list[Value]:
        """All values of a field, or none where the plan does not name it."""
        if name in self.constants:
            return [self.constants[name]]
        for axis in self.axes:
            if name in axis.fields:
                return axis.column(name)
        return []

    def values(self, index: int) -> dict[str, Value]:
        """The fields of a cell."""
        values = dict(self.constants)
        for axis, at in zip(self.axes, np.unravel_index(index, self.shape), strict=True):
            values.update(zip(axis.fields, axis.points[int(at)], strict=True))
        return values

    def cell(self, index: int, inputs: int, outputs: int) -> Cell:
        """A cell's specs, for data of so many inputs and outputs.

        Raises:
            GradgaugeError: fields that do not go together.
        """
        values = self.values(index)
        return Cell(index, network_of(values, inputs, outputs), training_of(values))

    def canonical(self) -> dict[str, Any]:
        """All that decides the results, as JSON can hold it."""
        path = Path(self.dataset)
        return {
            # Data that moved is the same data: its own fingerprint stands beside the plan's.
            "dataset": path.name if path.suffix else self.dataset,
            "train_samples": self.train_samples,
            "test_samples": self.test_samples,
            "constants": dict(sorted(self.constants.items())),
            "axes": [[list(axis.fields), [list(p) for p in axis.points]] for axis in self.axes],
            "outcomes": [str(outcome) for outcome in self.outcomes],
            "keep_runs": self.keep_runs,
        }

    @classmethod
    def from_canonical(cls, document: Mapping[str, Any]) -> Plan:
        """The plan that `canonical` wrote down."""
        rest = {k: v for k, v in document.items() if k not in ("axes", "outcomes")}
        axes = tuple(
            Axis(tuple(fields), tuple(tuple(point) for point in points))
            for fields, points in document["axes"]
        )
        return cls(axes=axes, outcomes=tuple(map(read_outcome, document["outcomes"])), **rest)

    @property
    def fingerprint(self) -> str:
        """Of `canonical`: the same for plans that mean the same."""
        text = json.dumps(self.canonical(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def changes(self, other: Plan) -> dict[str, tuple[Any, Any]]:
        """What differs in `other`: name -> (here, there)."""
        mine, theirs = self._described(), other._described()
        names = [*mine, *(name for name in theirs if name not in mine)]
        changed = {n: (mine.get(n), theirs.get(n)) for n in names if mine.get(n) != theirs.get(n)}
        if not changed and self.fingerprint != other.fingerprint:
            orders = [[axis.name for axis in plan.axes] for plan in (self, other)]
            return {"axes": (orders[0], orders[1])}
        return changed

    def _described(self) -> dict[str, Any]:
        described = self.canonical()
        described.pop("axes")
        described.update(described.pop("constants"))
        described.update({f: axis.column(f) for axis in self.axes for f in axis.fields})
        return described


@functools.lru_cache(maxsize=1024)
def _network(items: tuple[tuple[str, Value], ...], inputs: int, outputs: int) -> NetworkSpec:
    values: dict[str, Any] = dict(items)
    others = {k: v for k, v in values.items() if k not in (*SIZES, "notation")}
    if "notation" in values:
        network = parse(str(values["notation"])).replace(**others)
        if (network.inputs, network.outputs) != (inputs, outputs):
            raise DoesNotFit(network, inputs, outputs)
        return network
    depth = int(values.get("depth", DEPTH))
    width, activation = values.get("width", WIDTH), str(values.get("activation", "relu"))
    return NetworkSpec.uniform(inputs, depth, width, outputs, activation, **others)


def network_of(values: Values, inputs: int, outputs: int) -> NetworkSpec:
    """The network of a cell's fields.

    Raises:
        GradgaugeError: fields that cannot be, alone or together; or that do not fit the data.
    """
    items = tuple((k, values[k]) for k in NETWORK_FIELDS if k in values)
    return _network(items, inputs, outputs)


def training_of(values: Values) -> TrainingSpec:
    """The training of a cell's fields.

    Raises:
        GradgaugeError: a field that cannot be.
    """
    fields: dict[str, Any] = {k: values[k] for k in TRAINING_FIELDS if k in values}
    return TrainingSpec(seeds=(int(values.get("seed", 0)),), **fields)


@dataclass(frozen=True)
class CompileGroup:
    """Cells that share a compiled program.

    Attributes:
        example: one of them.
        cells: how many there are.
        family: groups of one family may stand in one block: they have the same activations.
    """

    example: Cell
    cells: int
    family: tuple[str, ...]


def groups(
    plan: Plan, inputs: int, outputs: int, samples: int
) -> tuple[np.ndarray, list[CompileGroup]]:
    """Each cell's group, and the groups: one compilation each.

    Args:
        plan: the plan.
        inputs, outputs, samples: of the training data.

    Raises:
        GradgaugeError: a network or training that cannot be, or does not fit the data.
    """
    shaped = [i for i, axis in enumerate(plan.axes) if not set(axis.fields) <= _FREE]
    numbers: dict[Any, int] = {}
    examples: list[Cell] = []
    table = np.zeros([plan.shape[i] for i in shaped], np.int64)
    for where in np.ndindex(*table.shape):
        at = [0] * len(plan.axes)
        for axis, position in zip(shaped, where, strict=True):
            at[axis] = position
        cell = plan.cell(int(np.ravel_multi_index(at, plan.shape)), inputs, outputs)
        cell.training.steps_per_epoch(samples)
        family = frozenset(cell.network.activations)
        key = program_key(cell.network, cell.training, samples, family)
        if key not in numbers:
            numbers[key] = len(numbers)
            examples.append(cell)
        table[where] = numbers[key]
    order = _by_family(examples)
    table = np.argsort(order)[table]
    spread = [n if i in shaped else 1 for i, n in enumerate(plan.shape)]
    of_cell = np.broadcast_to(table.reshape(spread), plan.shape).ravel()
    counts = np.bincount(of_cell, minlength=len(examples))
    return of_cell, [
        CompileGroup(examples[i], int(n), _family(examples[i]))
        for i, n in zip(order, counts, strict=True)
    ]


def _family(cell: Cell) -> tuple[str, ...]:
    return tuple(sorted(set(cell.network.activations)))


def _by_family(examples: Sequence[Cell]) -> list[int]:
    """Places of `examples`, those of one family side by side."""
    families = list(dict.fromkeys(map(_family, examples)))
    return sorted(range(len(examples)), key=lambda i: (families.index(_family(examples[i])), i))
