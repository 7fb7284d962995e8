"""The decision surface of a network with two inputs, as a grid of classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradgauge.datasets import Dataset

SIDE = 32
"""Cells along each edge."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Surface:
    """Where a network is asked.

    Attributes:
        grid: the cells' centers, (SIDE * SIDE, 2), row by row from the top.
        box: the smallest and the largest input of each axis: x, then y.
    """

    grid: np.ndarray
    box: tuple[float, float, float, float]

    @classmethod
    def of(cls, dataset: Dataset) -> Surface | None:
        """Around the data; None where it has not two inputs and few classes."""
        if dataset.inputs != 2 or not dataset.has_classes or dataset.outputs > len(_DIGITS):
            return None
        x = dataset.floats(dataset.x_train)
        low, high = x.min(axis=0), x.max(axis=0)
        margin = 0.05 * (high - low) + 1e-9
        low, high = low - margin, high + margin
        middles = (np.arange(SIDE) + 0.5) / SIDE
        across = low[0] + middles * (high[0] - low[0])
        down = high[1] - middles * (high[1] - low[1])
        grid = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
        return cls(grid, (float(low[0]), float(high[0]), float(low[1]), float(high[1])))

    def text(self, classes: np.ndarray) -> str:
        """One letter a cell."""
        return "".join(_DIGITS[min(int(c), len(_DIGITS) - 1)] for c in classes)
