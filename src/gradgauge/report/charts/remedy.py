"""The confirmed arms of a trial of remedies: scores with intervals, and every seed's."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.result import RemedyResult
from gradgauge.remedies.sentences import arm_name
from gradgauge.report.charts._chart import Spec
from gradgauge.report.charts._draw import CONFIG, INK, LINE, MUTED, SCHEMA
from gradgauge.report.charts._rows import Row
from gradgauge.report.page.palette import COLOURS

_KINDS = {
    "control": (COLOURS[0], "diamond"),
    "random-search": (MUTED, "triangle-up"),
    "winner": (COLOURS[1], "circle"),
    "other": (LINE, "square"),
}
_ROW, _WIDTH = 28, 420


def remedy_data(result: RemedyResult, lang: str) -> list[Row]:
    """One row a confirmed arm: mean, interval, lowest and highest seed, and what it is."""
    rows: list[Row] = []
    for arm in result.arms:
        if not arm.is_confirmed:
            continue
        summary = arm.summary
        low, high = summary.interval or (summary.mean, summary.mean)
        kind = "winner" if arm is result.winning else arm.kind
        rows.append(
            {
                "arm": arm_name(arm, lang),
                "mean": summary.mean,
                "low": low,
                "high": high,
                "least": min(arm.values),
                "most": max(arm.values),
                "kind": kind if kind in _KINDS else "other",
                "label": f"{summary.mean:.3f}",
            }
        )
    return rows


def remedy_chart(rows: Sequence[Row], lang: str, title: str) -> Spec:
    """Arms from top to bottom: a thin line from the worst to the best seed, a thick one for the
    interval of the mean, and the mean."""
    arms = [row["arm"] for row in rows]
    axis = {"title": None, "labelLimit": 260, "domain": False, "ticks": False, "labelColor": INK}
    y = {"field": "arm", "type": "nominal", "sort": arms, "axis": axis}
    x = {
        "type": "quantitative",
        "scale": {"zero": False, "nice": True},
        "axis": {"title": sentence("remedy.table.score", lang), "format": ".2f"},
    }
    names = {kind: sentence(f"remedy.kind.{kind.replace('-', '_')}", lang) for kind in _KINDS}
    label = " : ".join(f"datum.label == '{k}' ? '{v}'" for k, v in names.items()) + " : ''"
    legend = {"title": None, "orient": "bottom", "labelExpr": label, "labelLimit": 300}

    def by_kind(which: int) -> Spec:
        scale = {"domain": list(_KINDS), "range": [kind[which] for kind in _KINDS.values()]}
        return {"field": "kind", "type": "nominal", "scale": scale, "legend": legend}

    def line(first: str, last: str, width: int) -> Spec:
        mark = {"type": "rule", "strokeWidth": width, "opacity": 0.6}
        ends = {"x": {**x, "field": first}, "x2": {"field": last}}
        return {"mark": mark, "encoding": {"y": y, **ends, "color": by_kind(0)}}

    point = {"type": "point", "filled": True, "size": 100, "opacity": 1}
    text = {"type": "text", "align": "left", "dx": 9, "fontSize": 11, "color": INK}
    return {
        "$schema": SCHEMA,
        "data": {"values": list(rows)},
        "title": {"text": title, "anchor": "start", "fontSize": 15, "color": INK, "offset": 14},
        "width": _WIDTH,
        "height": _ROW * len(arms),
        "layer": [
            line("least", "most", 1),
            line("low", "high", 4),
            {
                "mark": point,
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "mean"},
                    "color": by_kind(0),
                    "shape": by_kind(1),
                },
            },
            {
                "mark": text,
                "encoding": {"y": y, "x": {**x, "field": "most"}, "text": {"field": "label"}},
            },
        ],
        "background": "white",
        "padding": 18,
        "config": CONFIG,
    }
