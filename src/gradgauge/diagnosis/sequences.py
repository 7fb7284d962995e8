"""How far back in a sequence a network's answer reaches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_ROWS = 128


def reach_of(x: np.ndarray, predict: Callable[[Any], Any]) -> float | None:
    """How much more the outputs change with the first position than with the last one.

    Both positions get the values of another sample. NaN never; None where x is no sequence, or
    the outputs answer to neither. Below some 1e-6 float32 shows nothing: 0.
    """
    if x.ndim not in (2, 3) or x.shape[1] < 3:
        return None
    rows = x[:_ROWS]
    if len(rows) < 4:
        return None
    plain = _flat(predict(rows))

    def change(position: int) -> float:
        other = rows.copy()
        other[:, position] = np.roll(rows[:, position], 1, axis=0)
        return float(np.linalg.norm(_flat(predict(other)) - plain))

    first = change(0)
    # A stride or pool may pass the very last positions by: the last one that is read counts.
    last = next((c for p in (-1, -2, -3, -4)[: x.shape[1] - 1] if (c := change(p)) != 0), 0.0)
    if not np.isfinite(first + last) or last == 0:
        return None
    return first / last


def _flat(outputs: Any) -> np.ndarray:
    if isinstance(outputs, (list, tuple)):
        outputs = outputs[0]
    if isinstance(outputs, dict):
        outputs = next(iter(outputs.values()))
    return np.asarray(outputs, np.float64).reshape(len(outputs), -1)
