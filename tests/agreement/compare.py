"""How far two sets of named arrays lie apart, in units of each tensor's largest entry."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Named = Mapping[str, np.ndarray]


def deviation(
    ours: np.ndarray,
    theirs: np.ndarray,
    unit: np.ndarray | None = None,
    allowed: np.ndarray | float = 0.0,
) -> float:
    """Largest |ours - theirs| beyond `allowed`, in units of the largest entry, state by state.

    Args:
        ours, theirs: (states, ...).
        unit: whose largest entry is the unit, (states, ...); `theirs` if None.
        allowed: what each entry may differ by beforehand.
    """
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    assert np.isfinite(ours).all()
    unit = theirs if unit is None else unit
    gap = _largest(np.maximum(np.abs(ours - theirs) - allowed, 0))
    size = _largest(np.abs(unit))
    return float(np.divide(gap, size, out=np.where(gap > 0, np.inf, 0.0), where=size > 0).max())


def _largest(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).max(axis=1).astype(np.float64)


def note(test: str, case: str, figures: Mapping[str, float]) -> None:
    """Write the figures down where $GRADGAUGE_DEVIATIONS says, for whoever asks how close."""
    if path := os.environ.get("GRADGAUGE_DEVIATIONS"):
        with Path(path).open("a") as file:
            file.write(json.dumps({"test": test, "case": case, **figures}) + "\n")
