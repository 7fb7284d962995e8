"""Series: rows at increasing steps, as many as are worth keeping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


class Series:
    """Rows at increasing steps; when there are too many, every second one goes."""

    def __init__(self, most: int):
        self.most = most
        self.steps: list[int] = []
        self.rows: list[dict[str, Any]] = []
        self._room = 1

    def put(self, step: int, row: Mapping[str, Any]) -> None:
        """Add a row, or fill in the one of this step if it is the last."""
        if self.steps and self.steps[-1] == step:
            self.rows[-1].update(row)
            return
        if len(self.steps) > 1 and self.steps[-1] - self.steps[-2] < self._room:
            # The last row may stand closer than the others: it is replaced, not added to.
            self.steps.pop()
            self.rows.pop()
        self.steps.append(step)
        self.rows.append(dict(row))
        if len(self.steps) > self.most:
            self._thin()

    def _thin(self) -> None:
        keep = [*range(0, len(self.steps) - 1, 2), len(self.steps) - 1]
        self.steps = [self.steps[i] for i in keep]
        self.rows = [self.rows[i] for i in keep]
        self._room = max(1, (self.steps[-1] - self.steps[0]) // len(self.steps))

    def array(self, name: str, layers: int | None) -> np.ndarray:
        """A quantity over the kept steps, with a leading axis of one member; NaN where absent."""
        empty = np.nan if layers is None else np.full(layers, np.nan)
        rows = [np.asarray(row.get(name, empty), np.float64) for row in self.rows]
        shape = (1, 0) if layers is None else (1, 0, layers)
        return np.stack(rows)[None] if rows else np.zeros(shape)
