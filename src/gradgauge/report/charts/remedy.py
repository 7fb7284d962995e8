"""The pictures of a trial of remedies: the confirmed arms with their intervals, their learning
curves, and the signals with and without the change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.result import Arm, RemedyResult
from gradgauge.remedies.sentences import arm_name, figure, metric_name
from gradgauge.remedies.trainer import CONTROL, RANDOM_SEARCH, REMEDY, SIGNAL_GAUGES
from gradgauge.report.charts import rows as rows_of
from gradgauge.report.charts.arms import arms_panel, by_kind
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import LINE, chart
from gradgauge.report.charts.learning import learning_chart
from gradgauge.report.charts.rows import Row
from gradgauge.report.charts.signal import signal_chart
from gradgauge.report.page.palette import COLORS, SHAPES
from gradgauge.report.words.numbers import fixed, number
from gradgauge.statistics import summarize

_WINNER = "winner"
_KINDS = {
    CONTROL: (COLORS[0], SHAPES[0]),
    _WINNER: (COLORS[1], SHAPES[1]),
    RANDOM_SEARCH: (COLORS[2], SHAPES[2]),
    "other": (LINE, SHAPES[3]),
}
"""How arms are marked: as their lines are in the other pictures."""
_NAMES = 220
"""Room for the arms' names."""


@dataclass(frozen=True)
class RemedyShown:
    """A trial, and the language that its arms are named in."""

    result: RemedyResult
    lang: str = "en"

    @property
    def confirmed(self) -> list[Arm]:
        """The arms that were trained on new seeds."""
        return [arm for arm in self.result.arms if arm.is_confirmed]

    @property
    def followed(self) -> list[Arm]:
        """The arms whose curves are shown: the control, what is recommended, or the best remedy
        where nothing is, and random search."""
        sign = 1 if self.result.metric.higher_is_better else -1
        remedies = [arm for arm in self.confirmed if arm.kind == REMEDY]
        best = self.result.winning or max(remedies, key=lambda a: sign * a.mean, default=None)
        wanted = [arm for arm in self.confirmed if arm.kind in (CONTROL, RANDOM_SEARCH)]
        found = [arm for arm in self.confirmed if arm is best or arm in wanted]
        return sorted(found, key=lambda arm: (arm.kind != CONTROL, arm is not best))

    def kind(self, arm: Arm) -> str:
        """How an arm is marked."""
        kind = _WINNER if arm is self.result.winning else arm.kind
        return kind if kind in _KINDS else "other"


def arms_data(shown: RemedyShown) -> list[Row]:
    """One row a confirmed arm: mean, interval (`from`, `to`), lowest and highest seed."""
    rows: list[Row] = []
    for arm in shown.confirmed:
        start, end = arm.summary.interval or (arm.mean, arm.mean)
        rows.append(
            {
                "network": arm_name(arm, shown.lang),
                "arm": arm_name(arm, shown.lang),
                "metric": metric_name(shown.result.metric, shown.lang),
                "value": arm.mean,
                "low": min(arm.values),
                "high": max(arm.values),
                "from": start,
                "to": end,
                "kind": shown.kind(arm),
                "shown": figure(arm.mean),
                "state": "number",
            }
        )
    return rows


def arms_chart(rows: Sequence[Row], lang: str) -> Spec:
    """Arms from top to bottom: a thin line from the worst to the best seed, a thick one for the
    interval of the mean, and the mean. What is written on it comes with the rows."""
    del lang
    x = {
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {"title": rows[0]["metric"], "format": ".2~f"},
    }
    rules = {("low", "high"): 1, ("from", "to"): 4}
    panel = arms_panel(rows, x, by_kind(_KINDS), rules, row=28, width=420, names=_NAMES)
    return {**chart(rows, [panel]), "usermeta": {"axis": _NAMES, "wide": True}}


def describe_arms(shown: RemedyShown, lang: str) -> str:
    """Every arm's score and interval."""
    told = [sentence("report.chart.remedy_arms.alt", lang)]
    told += [
        sentence(
            "report.chart.remedy_arms.alt_arm",
            lang,
            arm=row["network"],
            score=row["shown"],
            least=figure(row["from"]),
            most=figure(row["to"]),
        )
        for row in arms_data(shown)
    ]
    return " ".join(told)


def curves_data(shown: RemedyShown) -> list[Row]:
    """The training's accuracy or loss by epoch, mean and interval over the seeds."""
    quantity = shown.result.curve_figure
    rows: list[Row] = []
    for arm in shown.followed:
        epochs = max(map(len, arm.outcome.curve), default=0)
        for epoch in range(epochs):
            values = [row[epoch] for row in arm.outcome.curve if len(row) > epoch]
            finite = [value for value in values if math.isfinite(value)]
            summary = summarize(finite) if len(finite) == len(values) else None
            mean = summary.mean if summary is not None else math.nan
            low, high = (summary.interval if summary is not None else None) or (None, None)
            row = {"network": arm_name(arm, shown.lang), "quantity": quantity, "epoch": epoch + 1}
            row |= {"baseline": None, **rows_of.figure(mean), "shown": fixed(mean)}
            rows.append({**row, "from": low, "to": high})
    return rows


def describe_curves(shown: RemedyShown, lang: str) -> str:
    """First and last epoch of every arm that is shown."""
    told = [sentence("report.chart.remedy_curves.alt", lang)]
    rows = curves_data(shown)
    for name in rows_of.names_of(rows):
        course = rows_of.of(rows, network=name)
        told.append(
            sentence(
                "report.chart.learning.alt_network",
                lang,
                name=name,
                quantity=sentence(f"report.quantity.{course[0]['quantity']}", lang),
                first=course[0]["shown"],
                last=course[-1]["shown"],
                epochs=len(course),
            )
        )
    return " ".join(told)


def signals_data(shown: RemedyShown) -> list[Row]:
    """delta_norm and signal_spread by layer at the initial weights: with the change, and without."""
    rows: list[Row] = []
    for arm in shown.followed:
        for quantity in SIGNAL_GAUGES:
            values = np.asarray(arm.outcome.signal.get(quantity, ()), np.float64)
            for at in rows_of.picked(len(values), rows_of.MOST_LAYERS):
                if quantity == "signal_spread" and at == len(values) - 1:
                    continue  # The output layer has none.
                row = {"network": arm_name(arm, shown.lang), "moment": "first"}
                row |= {"quantity": quantity, "layer": at + 1}
                rows.append(row | rows_of.figure(values[at]))
    return rows


def describe_signals(shown: RemedyShown, lang: str) -> str:
    """The error signal at both ends, of every arm that is shown."""
    told = [sentence("report.chart.remedy_signals.alt", lang)]
    rows = rows_of.of(signals_data(shown), quantity="delta_norm")
    for name in rows_of.names_of(rows):
        layers = [
            math.nan if r["value"] is None else r["value"] for r in rows_of.of(rows, network=name)
        ]
        told.append(
            sentence(
                "report.chart.remedy_signals.alt_arm",
                lang,
                arm=name,
                output=number(layers[-1]),
                first=number(layers[0]),
            )
        )
    return " ".join(told)


ARMS = Chart(
    "remedy_arms",
    arms_data,
    arms_chart,
    "arm",
    ("metric",),
    describe_arms,
    legend=False,
    log=False,
    bars=False,  # The caption says what its lines are.
)
CURVES = Chart(
    "remedy_curves",
    curves_data,
    learning_chart,
    "epoch",
    ("quantity", "network"),
    describe_curves,
    log=False,
)
SIGNALS = Chart(
    "remedy_signals",
    signals_data,
    signal_chart,
    "layer",
    ("quantity", "network"),
    describe_signals,
)
CHARTS = (ARMS, CURVES, SIGNALS)
