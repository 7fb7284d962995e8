"""The counterfactuals of `gradgauge why`: test accuracy of every arm, one panel an optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.arms import arms_panel, by_kind
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import LINE, MUTED, SCHEMA
from gradgauge.report.charts.rows import Row
from gradgauge.report.page.palette import COLORS
from gradgauge.report.words.numbers import interval, percent
from gradgauge.study.why.counterfactuals import CONTROL
from gradgauge.study.why.result import Why
from gradgauge.study.why.sentences import arm_name
from gradgauge.study.why.verdict import TrainedArm

_KINDS = {
    "control": (COLORS[0], "diamond"),
    "better": (COLORS[1], "circle"),
    "same": (MUTED, "square"),
}
_NAMES = 150
"""Room for the arms' names, in every panel: on a page panels may stand one above the other."""


@dataclass(frozen=True)
class WhyShown:
    """An experiment, and the language that its arms are named in."""

    why: Why
    lang: str = "en"


def why_data(shown: WhyShown) -> list[Row]:
    """One row an arm and optimizer: mean, lowest and highest seed, and how it stands to the
    control; `baseline` the share right of always naming the most frequent class."""
    baseline = shown.why.majority
    rows: list[Row] = []
    for arm in shown.why.arms:
        summary = arm.test_accuracy
        rows.append(
            {
                "arm": arm_name(arm.arm, shown.lang),
                "optimizer": arm.optimizer,
                "network": arm.optimizer,
                "value": summary.mean,
                "low": min(summary.values),
                "high": max(summary.values),
                "kind": _kind(arm),
                "shown": f"{summary.mean:.3f}",
                "state": "number",
                "baseline": baseline,
            }
        )
    return rows


def _kind(arm: TrainedArm) -> str:
    if arm.arm.name == CONTROL:
        return "control"
    better = bool(arm.decided) and arm.difference is not None and arm.difference.mean > 0
    return "better" if better else "same"


def why_chart(rows: Sequence[Row], lang: str) -> Spec:
    """Panels side by side, arms from top to bottom in the order they were trained; dotted the
    share right of always naming the most frequent class."""
    optimizers = list(dict.fromkeys(row["optimizer"] for row in rows))
    return {
        "$schema": SCHEMA,
        "data": {"values": list(rows)},
        "hconcat": [_panel(rows, name, lang) for name in optimizers],
        "spacing": 24,
        "usermeta": {"axis": _NAMES},
    }


def _panel(rows: Sequence[Row], optimizer: str, lang: str) -> Spec:
    x = {
        "type": "quantitative",
        "scale": {"domain": [0, 1.08], "nice": False},
        "axis": {
            "title": sentence("why.table.accuracy", lang),
            "values": [0, 0.25, 0.5, 0.75, 1],
            "format": "%",
        },
    }
    panel = arms_panel(
        rows, x, by_kind(_KINDS), {("low", "high"): 3}, row=24, width=300, names=_NAMES
    )
    if rows[0]["baseline"] is not None:
        chance = {"mark": {"type": "rule", "color": LINE, "strokeDash": [2, 3]}}
        panel["layer"].insert(0, {**chance, "encoding": {"x": {**x, "field": "baseline"}}})
    return {
        "title": {"text": optimizer, "color": MUTED, "fontSize": 13},
        "transform": [{"filter": {"field": "optimizer", "equal": optimizer}}],
        **panel,
    }


def describe_why(shown: WhyShown, lang: str) -> str:
    """Every arm's accuracy under every optimizer."""
    told = [sentence("report.chart.why.alt", lang)]
    told += [
        sentence(
            "report.chart.why.alt_arm",
            lang,
            optimizer=arm.optimizer,
            arm=arm_name(arm.arm, lang),
            accuracy=percent(arm.test_accuracy.mean),
            interval=interval(arm.test_accuracy.interval),
        )
        for arm in shown.why.arms
    ]
    return " ".join(told)


WHY = Chart(
    "why",
    why_data,
    why_chart,
    "arm",
    ("optimizer",),
    describe_why,
    legend=False,
    log=False,
    bars=False,  # The caption says what its lines are.
)
