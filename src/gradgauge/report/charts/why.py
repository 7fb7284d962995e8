"""The counterfactuals of `gradgauge why`: test accuracy of every arm, one panel an optimiser."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._chart import Spec
from gradgauge.report.charts._draw import CONFIG, INK, LINE, MUTED, SCHEMA
from gradgauge.report.charts._rows import Row
from gradgauge.report.page.palette import COLOURS
from gradgauge.study.why.counterfactuals import CONTROL
from gradgauge.study.why.result import Why
from gradgauge.study.why.sentences import arm_name

_BETTER, _SAME = COLOURS[1], LINE
_CONTROL_COLOUR = COLOURS[0]
_ROW, _WIDTH = 24, 300


def why_data(why: Why, lang: str) -> list[Row]:
    """One row an arm and optimiser: mean, lowest and highest seed, and how it stands to the
    control."""
    rows: list[Row] = []
    for arm in why.arms:
        summary = arm.test_accuracy
        rows.append(
            {
                "arm": arm_name(arm.arm, lang),
                "optimizer": arm.optimizer,
                "mean": summary.mean,
                "low": min(summary.values),
                "high": max(summary.values),
                "kind": _kind(arm.arm.name, arm.decided, arm.difference),
                "label": f"{summary.mean:.3f}",
            }
        )
    return rows


def _kind(name: str, decided: bool | None, gap: object) -> str:
    if name == CONTROL:
        return "control"
    better = bool(decided) and getattr(gap, "mean", 0) > 0
    return "better" if better else "same"


def why_chart(rows: Sequence[Row], lang: str, title: str) -> Spec:
    """Panels side by side, arms from top to bottom in the order they were trained."""
    optimizers = list(dict.fromkeys(row["optimizer"] for row in rows))
    return {
        "$schema": SCHEMA,
        "data": {"values": list(rows)},
        "title": {
            "text": title,
            "anchor": "start",
            "fontSize": 15,
            "fontWeight": "bold",
            "color": INK,
            "offset": 14,
        },
        "hconcat": [_panel(rows, name, lang, first=not at) for at, name in enumerate(optimizers)],
        "spacing": 24,
        "background": "white",
        "padding": 18,
        "config": CONFIG,
    }


def _panel(rows: Sequence[Row], optimizer: str, lang: str, first: bool) -> Spec:
    arms = list(dict.fromkeys(row["arm"] for row in rows))
    kinds = {"control": _CONTROL_COLOUR, "better": _BETTER, "same": _SAME}
    shapes = {"control": "diamond", "better": "circle", "same": "square"}
    axis = {
        "title": None,
        "labelLimit": 220,
        "domain": False,
        "ticks": False,
        "labelFontSize": 12,
        "labelColor": INK,
        "labels": first,
    }
    y = {"field": "arm", "type": "nominal", "sort": arms, "axis": axis}
    x = {
        "type": "quantitative",
        "scale": {"domain": [0, 1.08], "nice": False},
        "axis": {
            "title": sentence("why.table.accuracy", lang),
            "values": [0, 0.25, 0.5, 0.75, 1],
            "format": ".2f",
        },
    }
    labels = {name: sentence(f"why.kind.{name}", lang) for name in kinds}
    expression = " : ".join(f"datum.label == '{k}' ? '{v}'" for k, v in labels.items()) + " : ''"
    legend = (
        {
            "title": None,
            "orient": "bottom",
            "labelExpr": expression,
            "labelLimit": 400,
            "symbolSize": 90,
        }
        if first
        else None
    )

    def channel(values: dict[str, str]) -> Spec:
        scale = {"domain": list(values), "range": list(values.values())}
        return {"field": "kind", "type": "nominal", "scale": scale, "legend": legend}

    return {
        "title": {"text": optimizer, "color": MUTED, "fontSize": 13},
        "width": _WIDTH,
        "height": _ROW * len(arms),
        "transform": [{"filter": {"field": "optimizer", "equal": optimizer}}],
        "layer": [
            {
                "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.5},
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "low"},
                    "x2": {"field": "high"},
                    "color": channel(kinds),
                },
            },
            {
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "mean"},
                    "color": channel(kinds),
                    "shape": channel(shapes),
                },
            },
            {
                "mark": {"type": "text", "align": "left", "dx": 9, "fontSize": 11, "color": INK},
                "encoding": {"y": y, "x": {**x, "field": "high"}, "text": {"field": "label"}},
            },
        ],
    }
