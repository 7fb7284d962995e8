"""Accuracy and loss per epoch, with bands over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import (
    chart,
    level,
    linear_scale,
    lines,
    networks,
    y_axis,
)
from gradgauge.report.charts.rows import Row, figure, trained
from gradgauge.report.words.numbers import fixed, percent
from gradgauge.run import Run
from gradgauge.study.by_layer import epoch_summaries
from gradgauge.study.compare.result import Comparison

_HEIGHT = 210
_MOST_TICKS = 12


def learning_data(comparison: Comparison) -> list[Row]:
    """Accuracy (of a classification) and loss by epoch; `from` and `to` are the interval over
    seeds; `baseline` the share right of always naming the most frequent class."""
    majority = comparison.data.majority_train
    baseline = None if math.isnan(majority) else majority
    rows: list[Row] = []
    for name, run in trained(comparison):
        for quantity in reversed(comparison.epoch_figures):
            if not run.notation and np.isnan(run.values("epochs", quantity)).all():
                continue  # Somebody's own training need not say how many it gets right.
            share = baseline if quantity == "accuracy" else None
            rows += epoch_rows(name, run, quantity, quantity, share)
    return rows


def epoch_rows(
    name: str, run: Run, figure_name: str, quantity: str, baseline: float | None = None
) -> list[Row]:
    """The rows of one figure of one Run.

    Args:
        name: what its line is called.
        run: the Run.
        figure_name: the figure's name in it.
        quantity: `accuracy` or `loss`: the panel.
        baseline: see `learning_data`.
    """
    rows: list[Row] = []
    for epoch, summary in enumerate(epoch_summaries(run, figure_name), 1):
        low, high = summary.interval or (math.nan, math.nan)
        row = {"network": name, "quantity": quantity, "epoch": epoch, "baseline": baseline}
        row |= figure(summary.mean) | {"shown": fixed(summary.mean)}
        row |= {
            "from": low if math.isfinite(low) else None,
            "to": high if math.isfinite(high) else None,
        }
        rows.append(row)
    return rows


def learning_chart(rows: Sequence[Row], lang: str) -> Spec:
    """A panel a figure."""
    return chart(rows, [_panel(rows, q, lang) for q in dict.fromkeys(r["quantity"] for r in rows)])


def _panel(rows: Sequence[Row], quantity: str, lang: str) -> Spec:
    shown = [row for row in rows if row["quantity"] == quantity]
    x = _epoch_axis(shown, lang)
    scale, axis = _scale(shown, quantity)
    y = {"field": "value", "type": "quantitative", "scale": scale, "axis": y_axis(axis)}
    title = _title(shown, quantity, lang)
    spec = lines(rows, x, y, {"quantity": quantity}, lang, title=title, height=_HEIGHT)
    share = _baseline(shown)
    below = [] if share is None else [level(share, y)]
    return {**spec, "layer": [*below, _band(rows, x, y), *spec["layer"]]}


def _epoch_axis(shown: Sequence[Row], lang: str) -> Spec:
    last = max((row["epoch"] for row in shown), default=1)
    stride = -(-last // _MOST_TICKS)
    axis = {
        "values": list(range(1, last + 1, stride)),
        "format": "d",
        "grid": False,
        "title": sentence("report.axis.epoch", lang),
    }
    scale = {"domain": [1, max(last, 2)], "nice": False, "zero": False, "padding": 8}
    return {"field": "epoch", "type": "quantitative", "axis": axis, "scale": scale}


def _scale(shown: Sequence[Row], quantity: str) -> tuple[Spec, Spec]:
    """Accuracy from 0 to 1; a loss from 0 to its largest value. Bands may reach beyond both."""
    if quantity == "accuracy":
        return {"domain": [0, 1], "nice": False, "clamp": True}, {"format": "%", "tickCount": 6}
    return linear_scale(row["value"] for row in shown)


def _band(rows: Sequence[Row], x: Spec, y: Spec) -> Spec:
    return {
        "mark": {"type": "area", "opacity": 0.18},
        "transform": [{"filter": "isValid(datum.from) && isValid(datum.to)"}],
        "encoding": {
            "x": x,
            "y": {**y, "field": "from"},
            "y2": {"field": "to"},
            "color": networks(rows)["color"],
        },
    }


def _title(shown: Sequence[Row], quantity: str, lang: str) -> str:
    text = shown[0].get("panel") or sentence(f"report.panel.{quantity}", lang)
    share = _baseline(shown)
    if share is None:
        return text
    return f"{text} ({sentence('report.baseline', lang, share=percent(share))})"


def _baseline(shown: Sequence[Row]) -> float | None:
    return next((row["baseline"] for row in shown if row["baseline"] is not None), None)


def describe_learning(comparison: Comparison, lang: str) -> str:
    """First and last epoch of every network."""
    told = [sentence("report.chart.learning.alt", lang)]
    for name, run in trained(comparison):
        for quantity in comparison.epoch_figures:
            course = epoch_summaries(run, quantity)
            if not run.notation and not any(math.isfinite(epoch.mean) for epoch in course):
                continue
            told.append(
                sentence(
                    "report.chart.learning.alt_network",
                    lang,
                    name=name,
                    quantity=sentence(f"report.quantity.{quantity}", lang),
                    first=fixed(course[0].mean),
                    last=fixed(course[-1].mean),
                    epochs=len(course),
                )
            )
    return " ".join(told)


LEARNING = Chart(
    "learning",
    learning_data,
    learning_chart,
    "epoch",
    ("quantity", "network"),
    describe_learning,
    log=False,
)
