"""The charts of a single watched Run: drawn as those of a comparison, with moments for lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Chart
from gradgauge.report.charts.course import course_chart, step_rows
from gradgauge.report.charts.evolution import evolution_chart, probe_rows
from gradgauge.report.charts.gains import gains_chart
from gradgauge.report.charts.learning import epoch_rows, learning_chart
from gradgauge.report.charts.rows import Row, of
from gradgauge.report.charts.signal import signal_chart
from gradgauge.report.charts.stream import STREAM as STREAM_NORM
from gradgauge.report.charts.stream import stream_chart
from gradgauge.report.charts.units import units_chart
from gradgauge.report.charts.watched_run import WatchedRun

_LINES = {"": "training", "val_": "validation"}


def signal_data(watched: WatchedRun) -> list[Row]:
    """delta_norm and signal_spread by layer, first and last probe."""
    return watched.layer_rows(("delta_norm", "signal_spread"))


def gains_data(watched: WatchedRun) -> list[Row]:
    """slope_gain and weight_gain by layer, first and last probe."""
    return watched.layer_rows(("slope_gain", "weight_gain"))


def stream_data(watched: WatchedRun) -> list[Row]:
    """stream_norm of the layers that add to a residual stream, first and last probe."""
    return [row for row in watched.layer_rows((STREAM_NORM,)) if row["value"] is not None]


def units_data(watched: WatchedRun) -> list[Row]:
    """saturated, inactive and dead by layer, first and last probe."""
    return watched.layer_rows(("saturated", "inactive", "dead"))


def evolution_data(watched: WatchedRun) -> list[Row]:
    """delta_norm and signal_spread by layer and probe; nothing where there is one probe only."""
    if len(watched.moments) < 2:
        return []
    rows = probe_rows(watched.run.name, watched.run, watched.meaning)
    return [{**row, "label": watched.labels[row["layer"] - 1]} for row in rows]


def course_data(watched: WatchedRun) -> list[Row]:
    """Loss and layer 1's weight gradient by step, as far as they are known; nothing of one step."""
    run = watched.run
    if not watched.layers or not run.seeds or len(run.groups["steps"].coords["step"]) < 2:
        return []
    rows = step_rows(run.name, run)
    return [
        row
        for quantity in dict.fromkeys(row["quantity"] for row in rows)
        for row in _known(of(rows, quantity=quantity))
    ]


def learning_data(watched: WatchedRun) -> list[Row]:
    """Accuracy and loss by epoch, of training and validation; nothing of a single epoch."""
    group = watched.run.groups["epochs"]
    if len(group.coords["epoch"]) < 2:
        return []
    rows: list[Row] = []
    for quantity in ("accuracy", "loss"):
        for prefix, line in _LINES.items():
            name = f"{prefix}{quantity}"
            if name in group.variables:
                label = sentence(f"watch.report.{line}", watched.lang)
                panel = sentence(f"report.quantity.{quantity}", watched.lang)
                line_rows = _known(epoch_rows(label, watched.run, name, quantity))
                rows += [{**row, "panel": panel} for row in line_rows]
    return rows


def _known(rows: list[Row]) -> list[Row]:
    """The rows, if they hold a figure at all."""
    return rows if any(row["value"] is not None for row in rows) else []


def _describe(
    chart: str, data: Callable[[WatchedRun], list[Row]]
) -> Callable[[WatchedRun, str], str]:
    """The text alternative: every line's lowest and highest figure, and where they stand."""

    def describe(watched: WatchedRun, lang: str) -> str:
        rows = [row for row in data(watched) if row["value"] is not None]
        told = [sentence(f"report.chart.{chart}.alt", lang)]
        key = "when" if rows and "when" in rows[0] else "network"
        for name in dict.fromkeys(row[key] for row in rows):
            for quantity in dict.fromkeys(row["quantity"] for row in of(rows, **{key: name})):
                line = of(rows, **{key: name}, quantity=quantity)
                order = np.argsort([row["value"] for row in line], kind="stable")
                low, high = line[order[0]], line[order[-1]]
                told.append(
                    sentence(
                        "watch.report.range",
                        lang,
                        line=name,
                        quantity=sentence(f"report.quantity.{quantity}", lang),
                        low=low["shown"],
                        low_at=_place(low, lang),
                        high=high["shown"],
                        high_at=_place(high, lang),
                    )
                )
        return " ".join(told)

    return describe


def _place(row: Row, lang: str) -> str:
    """Where a figure stands: a layer's name, a step, an epoch."""
    if "label" in row:
        return row["label"]
    key = "epoch" if "epoch" in row else "step"
    return sentence(f"watch.report.at_{key}", lang, number=row[key])


_LINE_KEYS, _MOMENTS = ("quantity", "network"), ("quantity", "when")

SIGNAL = Chart(
    "watched_signal",
    signal_data,
    signal_chart,
    "layer",
    _MOMENTS,
    _describe("watched_signal", signal_data),
)
LEARNING = Chart(
    "watched_learning",
    learning_data,
    learning_chart,
    "epoch",
    _LINE_KEYS,
    _describe("watched_learning", learning_data),
    log=False,
)
COURSE = Chart(
    "watched_course",
    course_data,
    course_chart,
    "step",
    _LINE_KEYS,
    _describe("watched_course", course_data),
    legend=False,
)
EVOLUTION = Chart(
    "watched_evolution",
    evolution_data,
    evolution_chart,
    "layer",
    ("quantity", "network", "probe_step"),
    _describe("watched_evolution", evolution_data),
    legend=False,
    stepped=True,
)
GAINS = Chart(
    "watched_gains",
    gains_data,
    gains_chart,
    "layer",
    _MOMENTS,
    _describe("watched_gains", gains_data),
)
STREAM = Chart(
    "watched_stream",
    stream_data,
    stream_chart,
    "layer",
    _MOMENTS,
    _describe("watched_stream", stream_data),
)
UNITS = Chart(
    "watched_units",
    units_data,
    units_chart,
    "layer",
    _MOMENTS,
    _describe("watched_units", units_data),
    log=False,
)

WATCHED_CHARTS: tuple[Chart[WatchedRun], ...] = (
    SIGNAL,
    LEARNING,
    COURSE,
    EVOLUTION,
    GAINS,
    STREAM,
    UNITS,
)
"""In the order of the page."""
