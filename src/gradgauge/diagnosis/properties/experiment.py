"""Experiment: what a framework must be able to do so that properties of a model can be asked."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

SIZES = (13, 11, 7, 17, 19, 23)
"""Rows of the batch of an experiment: a size that no other axis has names the batch axis."""
LEAST_ROWS = 3
SEED = 20_260
"""Of everything that an experiment draws."""
WORK = 6e9
"""Weights times positions times rows that an experiment's batch may have, but for LEAST_ROWS and
LEAST_PLACES: some 20 passes of it are a few seconds of a core."""
LEAST_PLACES = 8


@dataclass(frozen=True)
class Pairing:
    """An elementwise operation in a loss that holds every output against every target.

    Attributes:
        operation: its name, as the framework calls it; empty: somewhere in the loss.
        outputs, targets: shapes of what met, `B` standing for the batch axis.
        inserted: whether an axis was added to one of them, within the loss, to make them meet.
    """

    operation: str
    outputs: tuple[str, ...]
    targets: tuple[str, ...]
    inserted: bool = False


@dataclass(frozen=True)
class LossCall:
    """A loss of the framework's own, called by the user's loss.

    Attributes:
        name: as the framework calls it.
        given: its first argument, classes on the last axis.
        target: what that is held against.
        activation: the operation that made `given`; empty: not known.
        logs: whether the target, or the rate of a Poisson loss, is said to be a logarithm.
        wrong: what is wrong with the call whatever the values: `classes_scattered`,
            `class_numbers`, `beyond_targets`, `normalized_elsewhere`, `selves_among_others`;
            empty: nothing.
    """

    name: str
    given: np.ndarray
    target: np.ndarray
    activation: str = ""
    logs: bool = False
    wrong: str = ""


@dataclass(frozen=True)
class Loose:
    """A tensor that takes part in the loss and asks for a gradient, but that nothing moves.

    Attributes:
        shape: its shape.
        in_model: whether the outputs depend on it; False: the loss alone does.
        registered: whether it is a parameter of the module.
    """

    shape: tuple[int, ...]
    in_model: bool
    registered: bool


@dataclass(frozen=True)
class SummedAxis:
    """A softmax of scores whose weights are summed along another axis than its own.

    Attributes:
        softmax: the axis that the softmax runs along.
        summed: the axis that the product after it sums over.
        shape: of the weights.
    """

    softmax: int
    summed: int
    shape: tuple[int, ...]


class Experiment(Protocol):
    """A model, its loss and one of its batches, before any training.

    Every method leaves weights, statistics, modes and random states as they were, and draws the
    same random numbers at every call.
    """

    @property
    def rows(self) -> int:
        """Samples of the batch."""
        ...

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes on which the samples may stand: (0,) where that is known."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """The weights that are meant to learn."""
        ...

    def outputs(
        self,
        replaced: Collection[int] = (),
        axis: int = 0,
        order: np.ndarray | None = None,
        seed: int = 0,
    ) -> tuple[np.ndarray, ...]:
        """Outputs in evaluation mode, the samples at `replaced` exchanged for others; `order`: all
        of them in another order; another `seed`: with other random numbers, where there are some."""
        ...

    def row_slopes(self, row: int) -> np.ndarray | None:
        """Size of d(output row)/d(input row j), (rows,), in evaluation mode; None: unknown."""
        ...

    def slopes(self, of: str = "loss") -> tuple[float, tuple[float | None, ...]]:
        """The loss and the largest gradient entry of every weight; None: no path leads there.

        `of="outputs"`: of a fixed random combination of the outputs instead of the loss.
        """
        ...

    def loss(self, order: np.ndarray | None = None) -> float:
        """The loss in training mode; `order`: targets in another order than their outputs."""
        ...

    def ignores_outputs(self) -> bool | None:
        """Whether the loss stays when the outputs are quite others; None: cannot be tried."""
        ...

    def shifted(
        self, seed: int, scale: float, only: Collection[int] | None = None, part: float = 1.0
    ) -> AbstractContextManager[None]:
        """Within it, weights are `part` of themselves, moved at random by `scale` of that."""
        ...


def rows_to_take(rows: int, weights: int, positions: int, sizes: Collection[int]) -> int:
    """How many rows of a batch an experiment takes: cheap, and a size of its own where it can be.

    Args:
        rows: samples of the user's batch.
        weights: entries of the model's weights.
        positions: places of one sample, such as the length of a sequence.
        sizes: sizes of other axes.
    """
    most = max(int(WORK / max(weights * positions, 1)), LEAST_ROWS)
    fitting = [n for n in SIZES if n <= min(rows, most) and n not in sizes]
    return fitting[0] if fitting else min(rows, most)


def places_to_take(places: int, rows: int, weights: int) -> int:
    """How many places of a sequence of words an experiment takes."""
    return min(places, max(int(WORK / max(weights * rows, 1)), LEAST_PLACES))


def size_of(values: np.ndarray) -> float:
    """Root mean square, or a tenth where all are zero: by that weights are moved."""
    size = float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) if values.size else 0.0
    return size or 0.1
