"""Parameter groups in a table: rates, the size of their updates, how often they were clipped."""

from __future__ import annotations

import numpy as np

from gradgauge.messages.catalog import sentence
from gradgauge.parameter_groups import PARAMETER_GROUPS
from gradgauge.report.words.numbers import NO_VALUE, number
from gradgauge.run import Run

COLUMNS = (
    "name",
    "optimizer",
    "count",
    "learning_rate",
    "weight_decay",
    "update_ratio",
    "clipped",
)
"""Keys of the catalogue's `watch.groups.column` table."""

TEXT_COLUMNS = frozenset({1})
"""Places of those that hold words, beside the first."""

_UNCLIPPED = 1 - 1e-4
"""Clipping shortens a gradient by more than rounding does."""


def heads(lang: str) -> list[str]:
    """What stands above the columns."""
    return [sentence(f"watch.groups.column.{column}", lang) for column in COLUMNS]


def group_rows(run: Run) -> list[list[str]]:
    """One row a group; empty where the Run knows of none."""
    if PARAMETER_GROUPS not in run.groups:
        return []
    return [
        [
            group.name,
            group.optimizer,
            f"{group.count:,}",
            _course(_of(run, "learning_rate", at)),
            _course(_of(run, "weight_decay", at)),
            _median(_of(run, "update_ratio", at)),
            _share(clipped_share(run, at)),
        ]
        for at, group in enumerate(run.parameter_groups)
    ]


def clipped_share(run: Run, at: int) -> float:
    """The share of a group's recorded steps whose gradient was clipped; NaN where none is known."""
    before, after = (_of(run, name, at) for name in ("weight_grad_norm", "clipped_grad_norm"))
    known = np.isfinite(before) & np.isfinite(after)
    if not known.any():
        return float("nan")
    return float(np.mean(after[known] < _UNCLIPPED * before[known]))


def _of(run: Run, quantity: str, at: int) -> np.ndarray:
    """A quantity of one group by recorded step."""
    return run.values(PARAMETER_GROUPS, quantity)[0, :, at]


def _course(values: np.ndarray) -> str:
    """The first and the last value, or the only one."""
    known = values[~np.isnan(values)]
    if not known.size:
        return NO_VALUE
    ends = [number(known[0]), number(known[-1])]
    return ends[0] if ends[0] == ends[1] else " → ".join(ends)


def _median(values: np.ndarray) -> str:
    known = values[~np.isnan(values)]
    return number(float(np.median(known))) if known.size else NO_VALUE


def _share(value: float) -> str:
    return NO_VALUE if np.isnan(value) else f"{100 * value:.0f}%"
