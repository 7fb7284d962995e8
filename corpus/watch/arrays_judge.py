"""What the judges of Keras and JAX trainings share: rows of a Run against arrays of our own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from corpus.watch.case import Outcome

MOST = 6


def norm_of(*arrays: Any) -> float:
    """Root of the sum of squares of all entries, in float64."""
    return math.hypot(*(float(np.linalg.norm(np.asarray(a, np.float64).ravel())) for a in arrays))


class Rows:
    """Compares figures of a Run, row by row.

    Args:
        run: the Run.
        outcome: is told what differs.
    """

    def __init__(self, run: Any, outcome: Outcome):
        self.run, self.outcome = run, outcome
        self.notes = [
            (
                tuple(getattr(n, "layers", None) or filter(None, [getattr(n, "layer", "")])),
                n.sentence("en"),
            )
            for n in run.notes
        ]
        self._said: set[str] = set()

    def noted(self, name: str) -> bool:
        """Whether a note is about the row, or about all."""
        return any(not layers or name in layers for layers, _ in self.notes)

    def compare(
        self, group: str, figure: str, step: int, wanted: Mapping[str, float], close: float = 1e-4
    ) -> None:
        """One figure of all rows at one step; rows that `wanted` does not name are passed by."""
        data = self.run.steps if group == "steps" else self.run.probes
        if figure not in data or step >= data[figure].shape[1]:
            self._complain("silent", f"{figure}: not in {group}")
            return
        for i, info in enumerate(self.run.layers):
            if info.name not in wanted:
                continue
            shown, right = float(data[figure].values[0, step, i]), wanted[info.name]
            self.outcome.figures += 1
            if math.isnan(shown) and not math.isnan(right):
                excused = info.output and figure in ("g_norm", "signal_spread")
                if excused or self.noted(info.name):
                    self.outcome.noted += 1
                else:
                    self._complain("silent", f"{figure} of {info.name} ({right:.4g})")
            elif not math.isclose(shown, right, rel_tol=close, abs_tol=1e-12):
                text = f"{figure} of {info.name} at {step}: {shown:.5g} instead of {right:.5g}"
                self._complain("wrong", text)

    def cover(self, names: Sequence[str]) -> None:
        """Every name is a row, or a note speaks of it."""
        rows = {info.name for info in self.run.layers}
        for name in names:
            if name not in rows and not any(name in layers for layers, _ in self.notes):
                self._complain("silent", f"{name}: no row, no note")

    def _complain(self, kind: str, text: str) -> None:
        once = text.split(" at ")[0]
        found: list[str] = getattr(self.outcome, kind)
        if once not in self._said and len(found) < MOST:
            self._said.add(once)
            found.append(text)
