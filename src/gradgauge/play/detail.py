"""One layer from near: how its z, f'(z), delta and weights are spread, and each of its units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

BINS = 40
_MOST_ENTRIES = 5_000_000

_FLAT = 1e-30


def rows_for(units: int, samples: int) -> int:
    """Samples of the probe to look at: all, unless a network of so many units is large.

    A few samples may carry the whole error signal, so that a part of them misleads.
    """
    return max(1, min(samples, _MOST_ENTRIES // units))


def layer_detail(signals: Mapping[str, np.ndarray], unit: int | None) -> dict[str, Any]:
    """Histograms of a layer or of one of its units.

    Args:
        signals: `z`, `slope`, `delta`, (rows, units), and `weight`, (fan_in, units).
        unit: counted from 1; None: the whole layer.
    """
    place = slice(None) if unit is None else slice(unit - 1, unit)
    size = np.sqrt(np.mean(np.square(signals["delta"], dtype=np.float64), axis=0))
    largest = float(size.max(initial=0.0))
    return {
        "histograms": {name: histogram(values[:, place]) for name, values in signals.items()},
        "units": {
            "delta": [float(v) for v in (size / largest if largest > 0 else size)],
            "dead": [bool(v) for v in (signals["slope"] == 0).all(axis=0)],
        },
    }


def histogram(values: np.ndarray) -> dict[str, Any]:
    """Counts in equal bins between the smallest and the largest value, and the moments."""
    flat = np.asarray(values, np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    if not len(flat):
        return {"low": None, "high": None, "counts": [], "mean": None, "std": None}
    low, high = float(flat.min()), float(flat.max())
    if high - low <= max(abs(low), abs(high)) * 1e-7 + _FLAT:
        counts = [len(flat)]
    else:
        counts = [int(c) for c in np.histogram((flat - low) / (high - low), BINS, (0, 1))[0]]
    return {
        "low": low,
        "high": high,
        "counts": counts,
        "mean": float(flat.mean()),
        "std": float(flat.std()),
    }
