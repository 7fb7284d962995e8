"""Frames: what a page is shown of one step."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from gradgauge.play.findings import PassedLimit
from gradgauge.study.by_layer import over_seeds

SHOWN = (
    "delta_norm",
    "signal_spread",
    "slope_gain",
    "weight_gain",
    "backward_gain",
    "update_ratio",
    "saturated",
    "dead",
    "weight_grad_norm",
    "weight_norm",
    "z_std",
    "h_mean",
)
"""The gauges of a frame, a column of layers each."""

BANDS = ("delta_norm", "signal_spread")
"""Gauges whose lowest and highest seed are shown, too."""

Gauges = Mapping[str, np.ndarray]
"""Quantity -> (seeds, layers)."""


def network_frame(
    gauges: Gauges,
    loss: np.ndarray,
    accuracy: np.ndarray,
    test_accuracy: np.ndarray | None,
    findings: Sequence[PassedLimit],
    broken: tuple[int, int] | None,
) -> dict[str, Any]:
    """One network at one step, means over its seeds as everywhere.

    Args:
        gauges: SHOWN of every layer.
        loss, accuracy: of the batch of the step made last, (seeds,).
        test_accuracy: (seeds,); None where it was not taken.
        findings: of the moment.
        broken: step and layer of the first value that is not finite, or None.
    """
    frame: dict[str, Any] = {
        "loss": _mean(loss),
        "accuracy": _mean(accuracy),
        "test_accuracy": None if test_accuracy is None else _mean(test_accuracy),
        "gauges": {name: _column(over_seeds(name, gauges[name])) for name in SHOWN},
        "findings": [dataclasses.asdict(one) for one in findings],
        "broken": broken,
    }
    if len(loss) > 1:
        frame["bands"] = {
            name: [_column(edge(gauges[name], axis=0)) for edge in (np.min, np.max)]
            for name in BANDS
        }
        frame["loss_band"] = [_number(np.min(loss)), _number(np.max(loss))]
        if test_accuracy is not None:
            frame["test_band"] = [_number(np.min(test_accuracy)), _number(np.max(test_accuracy))]
    return frame


def _mean(values: np.ndarray) -> float | None:
    return _number(np.mean(values, dtype=np.float64))


def _column(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: Any) -> float | None:
    """NaN and infinity are null: JSON has neither."""
    return float(value) if np.isfinite(value) else None
