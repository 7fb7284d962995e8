"""Rows that charts and their tables show: measured figures, each with how it is written."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from gradgauge.gauges import LAYER_QUANTITIES
from gradgauge.gauges.signal_spread import resolution
from gradgauge.layers import LayerInfo
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.report.words.numbers import resolved
from gradgauge.run import Run
from gradgauge.study.by_layer import MOMENTS, by_layer, extremes_over_seeds
from gradgauge.study.compare.json import training_of
from gradgauge.study.compare.result import Comparison

Row = dict[str, Any]

_SHOWN_BY_OUTPUT = frozenset({"delta", "weight", "weight_grad"})
"""The signals that the output layer, which has no activation of ours, shows."""

_OF_DRAWING = frozenset({"plotted", "panel", "baseline", "stack", "tick"})

MOST_LAYERS = 128
"""Most layers of a line chart; of a deeper network they are picked evenly."""


def picked(count: int, most: int) -> list[int]:
    """Places 0 to `count` - 1, or `most` of them, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(x) for x in np.linspace(0, count - 1, most)})


def state(value: float) -> str:
    """`number`, `zero` or `not-finite`: the latter two have no place on a log axis. Rows without a
    figure have the state `absent`."""
    if not math.isfinite(value):
        return "not-finite"
    return "zero" if value == 0 else "number"


def figure(value: float, smallest: float = 0.0) -> Row:
    """A figure's columns: `value` (null unless finite), `plotted` (null unless a log axis has a
    place for it), `shown` and `state`.

    Args:
        value: what was measured.
        smallest: what the training's arithmetic can tell from 0; a figure below it is drawn there
            and its state is `unresolved`.
    """
    value = float(value)
    kind = "unresolved" if 0 < value < smallest else state(value)
    return {
        "value": value if kind != "not-finite" else None,
        "plotted": max(value, smallest) if kind in ("number", "unresolved") else None,
        "shown": resolved(value, smallest),
        "state": kind,
    }


def smallest_told(run: Run, quantity: str) -> float:
    """The smallest figure of a probed quantity that the Run's arithmetic can tell from 0."""
    if quantity != "signal_spread":
        return 0.0
    return resolution(training_of(run).get("dtype") or run.values("probes", quantity).dtype)


def has_meaning(layers: Sequence[LayerInfo], quantity: str, layer: int) -> bool:
    """Whether a quantity is defined at a layer, counted from 1."""
    info = layers[layer - 1]
    if info.output:
        return LAYER_QUANTITIES[quantity].needs <= _SHOWN_BY_OUTPUT
    known = ACTIVATIONS.get(info.activation)
    return quantity != "saturated" or known is None or known.saturates


def meaning(run: Run) -> Callable[[str, int], bool]:
    """Whether a quantity has a figure at a layer, counted from 1: whether it is defined there, and,
    in somebody's own network, whether it was seen there at all."""
    layers = run.layers

    def has_figure(quantity: str, layer: int) -> bool:
        if not has_meaning(layers, quantity, layer):
            return False
        values = run.values("probes", quantity)[..., layer - 1]
        return bool(run.notation) or not bool(np.isnan(values).all())

    return has_figure


def layer_rows(
    comparison: Comparison, quantities: Iterable[str], most: int | None = MOST_LAYERS
) -> list[Row]:
    """Quantities by layer, first and last, of every network that was trained.

    Each row: network, moment, quantity, layer, `low` and `high` over seeds, and `figure`'s.
    Layers at which a quantity has no meaning have no row.
    """
    rows: list[Row] = []
    for name, run in trained(comparison):
        count, has_figure = len(run.layers), meaning(run)
        layers = picked(count, most or count)
        for moment in MOMENTS:
            for quantity in quantities:
                values = by_layer(run, quantity, moment)
                low, high = extremes_over_seeds(run, quantity, moment)
                smallest = smallest_told(run, quantity)
                rows += [
                    {
                        "network": name,
                        "moment": moment,
                        "quantity": quantity,
                        "layer": at + 1,
                        "low": positive(low[at], smallest),
                        "high": positive(high[at], smallest),
                        **figure(values[at], smallest),
                    }
                    for at in layers
                    if has_figure(quantity, at + 1)
                ]
    return rows


def trained(comparison: Comparison) -> list[tuple[str, Any]]:
    """Names and Runs of the networks that have at least one member."""
    return [(name, run) for name, run in comparison.runs.items() if run.seeds]


def positive(value: float, smallest: float = 0.0) -> float | None:
    """The value, at least `smallest`, where it is finite and above 0, else None."""
    return max(float(value), smallest) if math.isfinite(value) and value > 0 else None


def csv_columns(rows: Sequence[Row]) -> list[str]:
    """The columns that are figures of the rows, not of their drawing."""
    return [key for key in dict.fromkeys(k for row in rows for k in row) if key not in _OF_DRAWING]


def names_of(rows: Sequence[Row]) -> list[str]:
    """The networks of `rows`, in order."""
    return list(dict.fromkeys(row["network"] for row in rows))


def of(rows: Sequence[Row], **wanted: Any) -> list[Row]:
    """The rows whose columns have the wanted values."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]
