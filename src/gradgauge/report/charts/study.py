"""Charts of a study: lines over a field, and maps over two with theory's lines."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from gradgauge.messages.catalog import listed, sentence
from gradgauge.report.page.palette import styles
from gradgauge.report.words.numbers import number
from gradgauge.study.sweep.grid import FIELDS
from gradgauge.study.sweep.slices import Row, Slice

Spec = dict[str, Any]

_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
_INK, _MUTED, _EMPTY = "#1b1f24", "#4d5761", "#d5d8dc"
_WIDTH, _HEIGHT, _PANEL, _PANEL_HEIGHT = 520, 360, 300, 220
_COLUMNS = 3
_SHARES = frozenset(
    ("test_accuracy", "train_accuracy", "signal_spread", "saturated", "inactive", "dead")
)
_THEORY = {"trainable": ("#D55E00", [6, 3]), "critical": ("#FFFFFF", [2, 2])}
_HALO = "#1b1f24"
_LOG_FROM = 30.0
_MOST_LINES = 7
_RIGHT_HALF = 0.6


def study_chart(part: Slice, lang: str = "en") -> Spec:
    """The Vega-Lite picture of a slice.

    Args:
        part: what to show.
        lang: `en` or `ko`.
    """
    panels = [_panel(part, value, lang) for value in part.theory]
    body = (
        panels[0]
        if len(panels) == 1
        else {
            "concat": panels,
            "columns": _COLUMNS,
            "spacing": 24,
            "resolve": {"scale": {"color": "shared", "x": "shared", "y": "shared"}},
        }
    )
    return {
        "$schema": _SCHEMA,
        **body,
        "title": {
            "text": _title(part, lang),
            "subtitle": _subtitle(part, lang),
            "anchor": "start",
            "fontSize": 15,
            "color": _INK,
            "subtitleColor": _MUTED,
            "subtitleFontSize": 11,
            "offset": 12,
        },
        "background": "white",
        "padding": 18,
        "config": {
            "view": {"stroke": None},
            "axis": {
                "labelColor": _MUTED,
                "titleColor": _MUTED,
                "titleFontWeight": "normal",
                "gridColor": "#e4e7eb",
                "domainColor": "#9aa4ae",
                "tickColor": "#9aa4ae",
            },
            "legend": {"labelColor": _MUTED, "titleColor": _MUTED, "titleFontWeight": "normal"},
        },
    }


def _title(part: Slice, lang: str) -> str:
    key = "title" if part.y else "title_lines"
    return sentence(f"sweep.chart.{key}", lang, shown=str(part.outcome), x=part.x, y=part.y or "")


def _subtitle(part: Slice, lang: str) -> str:
    """What is the same all over the picture, and how many networks a point is."""
    fixed = [f"{k} = {number(v) if isinstance(v, float) else v}" for k, v in part.fixed.items()]
    if part.seeds > 1:
        over = sentence("sweep.chart.mean", lang, seeds=part.seeds)
        if not part.y:
            over += f", {sentence('sweep.chart.interval', lang)}"
    else:
        over = sentence("sweep.chart.mean_one", lang)
    return listed([*fixed, over], lang)


def _panel(part: Slice, value: Any, lang: str) -> Spec:
    rows = [row for row in part.rows if not part.facet or row[part.facet] == value]
    # Theory's rows bring data of their own: a name of theirs keeps the two apart.
    layers = _map(part, rows, lang) if part.y else _lines(part, rows, lang)
    layers += _theory(part, value, lang)
    several = part.facet is not None
    spec: Spec = {
        "width": _PANEL if several else _WIDTH,
        "height": _PANEL_HEIGHT if several else _HEIGHT,
        "layer": layers,
    }
    if several:
        spec["title"] = f"{part.facet} = {value}"
    return spec


def _is_number(name: str) -> bool:
    return FIELDS[name] in (int, float)


def _values(part: Slice, name: str) -> list[Any]:
    return list(dict.fromkeys(row[name] for row in part.rows))


def _is_log(values: Sequence[float]) -> bool:
    """Whether steps are factors: a range over decades drawn evenly would hide its lower end."""
    ordered = sorted(values)
    return (
        len(ordered) > 2
        and ordered[0] > 0
        and ordered[-1] / ordered[0] >= _LOG_FROM
        and ordered[1] - ordered[0] < (ordered[-1] - ordered[0]) / (len(ordered) - 1) / 2
    )


def _edges(values: Sequence[float], log: bool) -> dict[float, tuple[float, float]]:
    """Each value's tile on its axis: half way to its neighbors, but not to 0."""
    place, back = (math.log, math.exp) if log else (float, float)
    at = [place(v) for v in sorted(values)]
    if len(at) == 1:
        half = abs(at[0]) / 2 or 0.5
        return {values[0]: (back(at[0] - half), back(at[0] + half))}
    middles = [(a + b) / 2 for a, b in itertools.pairwise(at)]
    bounds = [2 * at[0] - middles[0], *middles, 2 * at[-1] - middles[-1]]
    if not log and at[0] > 0:
        bounds[0] = max(bounds[0], at[0] / 2)
    return {
        v: (back(low), back(high))
        for v, low, high in zip(sorted(values), bounds, bounds[1:], strict=False)
    }


def _map(part: Slice, rows: Sequence[Row], lang: str) -> list[Spec]:
    """A tile a point; grey where nothing is known."""
    encoding: Spec = {}
    data: list[Row] = [dict(row) for row in rows]
    for channel, name in (("x", part.x), ("y", part.y or "")):
        if _is_number(name):
            values = _values(part, name)
            log = _is_log(values)
            edges = _edges(values, log)
            for row in data:
                row[f"{channel}_from"], row[f"{channel}_to"] = edges[row[name]]
            low, high = min(e[0] for e in edges.values()), max(e[1] for e in edges.values())
            scale = {"type": "log" if log else "linear", "domain": [low, high], "nice": False}
            encoding[channel] = {
                "field": f"{channel}_from",
                "type": "quantitative",
                "title": name,
                "scale": scale,
                "axis": {"grid": False},
            }
            encoding[f"{channel}2"] = {"field": f"{channel}_to"}
        else:
            encoding[channel] = {"field": name, "type": "ordinal", "title": name, "sort": None}
    known = [row for row in data if _color_value(part, row) is not None]
    empty = [row for row in data if _color_value(part, row) is None]
    tooltip = [
        {"field": part.x},
        {"field": part.y},
        {"field": "value", "format": ".4~g"},
        {"field": "networks"},
    ]
    layers: list[Spec] = [
        {
            "data": {"values": known},
            "mark": {"type": "rect", "stroke": None, "tooltip": True},
            "encoding": {**encoding, "color": _color(part, known), "tooltip": tooltip},
        }
    ]
    if empty:
        layers.append(
            {
                "data": {"values": empty},
                "mark": {
                    "type": "rect",
                    "color": _EMPTY,
                    "description": sentence("sweep.chart.no_value", lang),
                },
                "encoding": encoding,
            }
        )
    return layers


def _color_value(part: Slice, row: Row) -> float | None:
    """None where a log scale has no place for it, too."""
    if part.outcome.over_seeds == "geometric" and row["value"] == 0:
        return None
    return row["value"]


def _color(part: Slice, known: Sequence[Row]) -> Spec:
    scale: Spec = {"scheme": "viridis"}
    values = [row["value"] for row in known]
    if part.outcome.name in _SHARES:
        scale["domain"] = [0, 1]
    elif part.outcome.over_seeds == "geometric" and values and max(values) > 10 * min(values):
        scale["type"] = "log"
    return {
        "field": "value",
        "type": "quantitative",
        "scale": scale,
        "legend": {
            "title": str(part.outcome),
            "type": "gradient",
            "gradientLength": 180,
            "format": ".3~g",
        },
    }


def _lines(part: Slice, rows: Sequence[Row], lang: str) -> list[Spec]:  # noqa: ARG001
    """A line a value of `color`, with its band over seeds."""
    log = part.outcome.over_seeds == "geometric" and all(r["value"] != 0 for r in rows)
    data = [dict(row) for row in rows if row["value"] is not None]
    y_scale: Spec = {"type": "log" if log else "linear", "nice": True}
    if part.outcome.name in _SHARES:
        y_scale = {"domain": [0, 1]}
    x: Spec = {"field": part.x, "title": part.x}
    if _is_number(part.x):
        values = _values(part, part.x)
        kind = "log" if _is_log(values) else "linear"
        x |= {
            "type": "quantitative",
            "scale": {"type": kind, "domain": [min(values), max(values)], "nice": False},
        }
    else:
        x |= {"type": "ordinal", "sort": None}
    y = {"field": "value", "type": "quantitative", "title": str(part.outcome), "scale": y_scale}
    look = _series(part)
    band = {
        "data": {
            "values": [
                row for row in data if row["low"] is not None and (not log or row["low"] > 0)
            ]
        },
        "mark": {"type": "area", "opacity": 0.15, "clip": True},
        "encoding": {
            "x": x,
            "y": {**y, "field": "low"},
            "y2": {"field": "high"},
            **{k: v for k, v in look.items() if k == "color"},
        },
    }
    line = {
        "data": {"values": data},
        "mark": {"type": "line", "point": {"size": 30}, "tooltip": True, "clip": True},
        "encoding": {"x": x, "y": y, **look},
    }
    return [band, line]


def _series(part: Slice) -> Spec:
    """Colors and dashes of the lines; viridis where the field is a number of many values."""
    if part.color is None:
        return {"color": {"value": "#0072B2"}}
    values = _values(part, part.color)
    field: Spec = {"field": part.color, "title": part.color}
    if _is_number(part.color) and len(values) > _MOST_LINES:
        kind = "log" if _is_log(values) else "linear"
        return {
            "color": {
                **field,
                "type": "quantitative",
                "scale": {"scheme": "viridis", "type": kind},
            },
            "detail": {"field": part.color},
        }
    looks = styles([str(value) for value in values])
    colors = [look.color for look in looks.values()]
    dashes = [list(look.dash) for look in looks.values()]
    # The band is faint and the points have no dash: the legend shows the line itself.
    field |= {
        "type": "nominal",
        "sort": None,
        "legend": {
            "symbolType": "stroke",
            "symbolOpacity": 1,
            "symbolSize": 500,
            "symbolStrokeWidth": 2,
        },
    }
    return {
        "color": {**field, "scale": {"domain": values, "range": colors}},
        "strokeDash": {**field, "scale": {"domain": values, "range": dashes}},
    }


def _theory(part: Slice, value: Any, lang: str) -> list[Spec]:
    """Theory's lines, dashed on a dark halo so that they show on any color, each with its name."""
    layers: list[Spec] = []
    for line in part.theory[value]:
        color, dash = _THEORY[line.name]
        points = [{"tx": x, "ty": y} for x, y in line.points]
        straight = line.points[0][1] is None
        x: Spec = {"field": "tx", "type": "quantitative"}
        y: Spec = {} if straight else {"y": {"field": "ty", "type": "quantitative"}}
        mark = "rule" if straight else "line"
        order = {} if straight else {"order": {"field": "at"}}
        for at, point in enumerate(points):
            point["at"] = at
        for width, stroke, pattern in ((4.5, _HALO, [1, 0]), (2.5, color, dash)):
            layers.append(
                {
                    "data": {"values": points},
                    "mark": {
                        "type": mark,
                        "color": stroke,
                        "strokeWidth": width,
                        "strokeDash": pattern,
                        "clip": True,
                    },
                    "encoding": {"x": x, **y, **order},
                }
            )
        layers += _name_of(part, line.name, points, lang)
    return layers


def _name_of(part: Slice, name: str, points: Sequence[Row], lang: str) -> list[Spec]:
    """The line's name where the line is on the chart; on white, to be read on any color."""
    bounds = [_bounds(part, part.x), _bounds(part, part.y) if part.y else (-math.inf, math.inf)]
    shown = [
        point
        for point in points
        if all(
            value is None or low <= value <= high
            for value, (low, high) in zip((point["tx"], point["ty"]), bounds, strict=True)
        )
    ]
    if not shown:
        return []
    at = shown[len(shown) // 6]
    low, high = bounds[0]
    on_the_right = (at["tx"] - low) > _RIGHT_HALF * (high - low)
    encoding: Spec = {"x": {"field": "tx", "type": "quantitative"}}
    straight = at["ty"] is None
    encoding["y"] = {"value": 10} if straight else {"field": "ty", "type": "quantitative"}
    mark = {
        "type": "text",
        "text": sentence(f"sweep.chart.{name}", lang),
        "dy": -8,
        "fontSize": 12,
        "align": "right" if on_the_right else "left",
        "dx": -6 if on_the_right else 6,
    }
    halo = {**mark, "stroke": "white", "strokeWidth": 4, "opacity": 0.9}
    return [
        {
            "data": {"values": [at]},
            "encoding": encoding,
            "layer": [{"mark": halo}, {"mark": {**mark, "color": _INK}}],
        }
    ]


def _bounds(part: Slice, name: str) -> tuple[float, float]:
    """From where to where the chart reaches along a field that is a number."""
    values = _values(part, name)
    if not part.y:
        return min(values), max(values)
    edges = _edges(values, _is_log(values)).values()
    return min(e[0] for e in edges), max(e[1] for e in edges)
