"""Theory's pictures: delta_norm beside chi_grad^depth, and the phase diagram."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import CONFIG, GRID, INK, LINE, SCHEMA, log_scale
from gradgauge.report.charts.rows import Row, figure, picked, positive
from gradgauge.report.page.palette import COLORS
from gradgauge.study.theory.measurement import DeltaNorms
from gradgauge.study.theory.phase_diagram import PhaseDiagram

_WIDTH, _HEIGHT = 560, 320
_MOST_LAYERS = 200
_MEASURED, _PREDICTED = COLORS[1], COLORS[0]
_SHORTEST, _LONGEST = 0.5, 100.0
_OVERLAP = 0.1
"""Cells reach a little over their neighbors, so that no seam shows between them."""


def framed(body: Spec, title: str, subtitle: str | None = None) -> Spec:
    """A finished picture: title, white ground, room around it."""
    heading = {
        "text": title,
        "anchor": "start",
        "fontSize": 15,
        "fontWeight": "bold",
        "color": INK,
        "offset": 14,
    }
    if subtitle:
        heading["subtitle"] = subtitle
        heading["subtitlePadding"] = 6
    ground = {"background": "white", "padding": 18, "config": CONFIG}
    return {"$schema": SCHEMA, "title": heading, **body, **ground}


def delta_data(delta: DeltaNorms) -> list[Row]:
    """One row a layer and kind, `measured` (geometric mean, lowest and highest network) and
    `predicted`."""
    layers = delta.predicted.size
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.exp(np.mean(np.log(delta.measured), axis=0))
    rows: list[Row] = []
    for at in picked(layers, _MOST_LAYERS):
        column = delta.measured[:, at]
        ends = {"low": positive(column.min()), "high": positive(column.max())}
        rows.append({"layer": at + 1, "kind": "measured", **ends, **figure(means[at])})
        rows.append({"layer": at + 1, "kind": "predicted", **figure(delta.predicted[at])})
    return rows


def delta_chart(
    rows: Sequence[Row], lang: str, dropped: int = 0, predicted_by: str = "predicted"
) -> Spec:
    """The prediction as a dashed line, the measurement as points with the range of networks.

    Args:
        rows: of `delta_data`.
        lang: of the words.
        dropped: first layers that the figures leave out.
        predicted_by: what the line is, a key of the catalogue's `theory_command.chart` table.
    """
    last = max(row["layer"] for row in rows)
    found = [row[key] for row in rows for key in ("plotted", "low", "high") if row.get(key)]
    scale, axis = log_scale(found)
    x = {
        "field": "layer",
        "type": "quantitative",
        "axis": {
            "title": sentence("theory_command.chart.layer", lang),
            "format": "d",
            "grid": False,
            "values": _ticks(last),
        },
        "scale": {"domain": [1, max(last, 2)], "nice": False, "padding": 8},
    }
    y = {
        "field": "plotted",
        "type": "quantitative",
        "scale": scale,
        "axis": {
            "title": sentence("theory_command.chart.delta", lang),
            "domain": False,
            "ticks": False,
            **axis,
        },
    }
    names = [sentence(f"theory_command.chart.{kind}", lang) for kind in ("measured", predicted_by)]
    color = _key(names, [_MEASURED, _PREDICTED])
    measured, predicted = (
        {"filter": {"field": "kind", "equal": k}} for k in ("measured", "predicted")
    )
    layers: list[Spec] = [
        {
            "transform": [measured, {"filter": "isValid(datum.low)"}],
            "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.3, "color": _MEASURED},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "transform": [measured],
            "mark": {"type": "point", "filled": True, "size": 40, "opacity": 1},
            "encoding": {"x": x, "y": y, "color": {**color, "datum": names[0]}},
        },
        {
            "transform": [predicted],
            "mark": {"type": "line", "strokeWidth": 2, "strokeDash": [6, 3]},
            "encoding": {"x": x, "y": y, "color": {**color, "datum": names[1]}},
        },
    ]
    if dropped:
        layers.insert(0, _settling(x, dropped, lang))
    return {"data": {"values": list(rows)}, "width": _WIDTH, "height": _HEIGHT, "layer": layers}


def _ticks(last: int) -> list[int]:
    """Layer 1 and round numbers."""
    stride = next(s * 10**e for e in range(8) for s in (1, 2, 5) if last / (s * 10**e) <= 12)
    return [1, *range(stride if stride > 1 else 2, last + 1, stride)]


def _key(names: list[str], colors: list[str]) -> Spec:
    """A color channel with its legend, for data that is named by the mark."""
    return {
        "type": "nominal",
        "scale": {"domain": names, "range": colors},
        "legend": {
            "title": None,
            "orient": "top",
            "labelFontSize": 12,
            "labelLimit": 400,
            "symbolSize": 80,
        },
    }


def _settling(x: Spec, dropped: int, lang: str) -> Spec:
    """A grey field under the layers that the figures leave out."""
    return {
        "data": {"values": [{"from": 1, "to": dropped + 0.5}]},
        "layer": [
            {
                "mark": {"type": "rect", "color": GRID, "opacity": 0.6},
                "encoding": {"x": {**x, "field": "from"}, "x2": {"field": "to"}},
            },
            {
                "mark": {
                    "type": "text",
                    "align": "left",
                    "baseline": "bottom",
                    "dx": 6,
                    "dy": -4,
                    "fontSize": 11,
                    "color": LINE,
                    "text": sentence("theory_command.chart.settling", lang),
                },
                "encoding": {"x": {**x, "field": "from"}, "y": {"value": "height"}},
            },
        ],
    }


def diagram_data(diagram: PhaseDiagram) -> list[Row]:
    """One row a cell: its edges, xi_c (clipped to what the colors show; null where there is
    none) and its phase."""
    half_w = (diagram.sigma_ws[1] - diagram.sigma_ws[0]) / 2
    half_b = (diagram.sigma_bs[1] - diagram.sigma_bs[0]) / 2
    over = 1 + _OVERLAP
    rows: list[Row] = []
    for b, line in zip(diagram.sigma_bs, diagram.points, strict=True):
        for w, point in zip(diagram.sigma_ws, line, strict=True):
            xi = point.xi_c
            rows.append(
                {
                    "left": w - half_w,
                    "right": w + over * half_w,
                    "low": b - half_b,
                    "high": b + over * half_b,
                    "xi_c": None if xi is None else min(max(xi, _SHORTEST), _LONGEST),
                    "phase": point.phase,
                }
            )
    return rows


def diagram_chart(rows: Sequence[Row], line: Sequence[tuple[float, float]], lang: str) -> Spec:
    """xi_c as color, grey where it does not exist; the critical line; the phases' names."""
    x = _plain_axis("left", [r["left"] for r in rows] + [r["right"] for r in rows], "σ_w", lang)
    y = _plain_axis("low", [r["low"] for r in rows] + [r["high"] for r in rows], "σ_b", lang)
    box = {"x": x, "x2": {"field": "right"}, "y": y, "y2": {"field": "high"}}
    color = {
        "field": "xi_c",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [_SHORTEST, _LONGEST], "scheme": "viridis"},
        "legend": {
            "title": sentence("theory_command.chart.xi_c", lang),
            "gradientLength": 220,
            "values": [0.5, 1, 3, 10, 30, 100],
            "titleLimit": 200,
            "labelExpr": "datum.value >= 100 ? '≥ 100' : format(datum.value, '~g')",
        },
    }
    layers: list[Spec] = [
        {
            "mark": {"type": "rect", "clip": True},
            "transform": [{"filter": "isValid(datum.xi_c)"}],
            "encoding": {**box, "color": color},
        },
        {
            "mark": {"type": "rect", "clip": True, "color": LINE},
            "transform": [{"filter": "!isValid(datum.xi_c)"}],
            "encoding": box,
        },
    ]
    if line:
        layers.append(
            {
                "data": {"values": [{"w": w, "b": b, "order": b} for w, b in line]},
                "mark": {"type": "line", "stroke": "white", "strokeWidth": 3, "clip": True},
                "encoding": {
                    "x": {**x, "field": "w"},
                    "y": {**y, "field": "b"},
                    "order": {"field": "order"},
                },
            }
        )
    layers += [_name(rows, phase, x, y, lang) for phase in ("ordered", "chaotic")]
    return {"data": {"values": list(rows)}, "width": _WIDTH, "height": _HEIGHT, "layer": layers}


def _plain_axis(field: str, values: Sequence[float], title: str, lang: str) -> Spec:
    low, high = max(min(values), 0.0), max(values)
    key = {"σ_w": "sigma_w", "σ_b": "sigma_b"}[title]
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [low, high], "nice": False, "zero": False},
        "axis": {"title": sentence(f"theory_command.chart.{key}", lang), "grid": False},
    }


def _name(rows: Sequence[Row], phase: str, x: Spec, y: Spec, lang: str) -> Spec:
    """A phase's name in the middle of its cells; nothing where it has hardly any."""
    cells = [row for row in rows if row["phase"] == phase]
    values: list[dict[str, Any]] = []
    if len(cells) >= 0.06 * len(rows):
        middle_y = (max(r["high"] for r in rows) + min(r["low"] for r in rows)) / 2
        near = min(abs((r["low"] + r["high"]) / 2 - middle_y) for r in cells)
        level = [
            c
            for c in cells
            if math.isclose(abs((c["low"] + c["high"]) / 2 - middle_y), near, abs_tol=1e-9)
        ]
        at = sum((c["left"] + c["right"]) / 2 for c in level) / len(level)
        text = sentence(f"theory_command.chart.{phase}", lang)
        values = [{"x": at, "y": middle_y, "text": text}]
    halo = {"stroke": "white", "strokeWidth": 3, "opacity": 0.9}
    base = {"type": "text", "fontSize": 16, "fontWeight": "bold"}
    encoding = {"x": {**x, "field": "x"}, "y": {**y, "field": "y"}, "text": {"field": "text"}}
    return {
        "data": {"values": values},
        "layer": [
            {"mark": {**base, **halo}, "encoding": encoding},
            {"mark": {**base, "color": INK}, "encoding": encoding},
        ],
    }
