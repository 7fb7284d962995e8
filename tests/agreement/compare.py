"""How far two sets of named arrays lie apart, in units of each tensor's largest entry."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Named = Mapping[str, np.ndarray]


def deviation(
    ours: np.ndarray, theirs: np.ndarray, scale: np.ndarray | None = None, slack: float = 0.0
) -> float:
    """Largest |ours - theirs| - slack |theirs|, in units of the largest |scale|, state by state.

    Args:
        ours, theirs: (states, ...).
        scale: whose largest entry is the unit; `theirs` if None.
        slack: share of each entry that may differ: what the peer's own rounding hides.
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    assert np.isfinite(ours).all()
    axes = tuple(range(1, theirs.ndim))
    unit = np.abs(theirs if scale is None else scale).max(axis=tuple(range(1, np.ndim(scale)))
                                                          if scale is not None else axes)  # fmt: skip
    gap = np.maximum(np.abs(ours - theirs) - slack * np.abs(theirs), 0).max(axis=axes)
    return float(np.where(gap == 0, 0, gap / np.where(unit == 0, np.nan, unit)).max())


def note(test: str, case: str, figures: Mapping[str, float]) -> None:
    """Write the figures down where $GRADGAUGE_DEVIATIONS says, for whoever asks how close."""
    if path := os.environ.get("GRADGAUGE_DEVIATIONS"):
        with Path(path).open("a") as file:
            file.write(json.dumps({"test": test, "case": case, **figures}) + "\n")
