"""Accuracy over depth and sigma_w, with 6 xi_c and the measured edge laid over it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import INK
from gradgauge.report.charts.rows import Row
from gradgauge.study.theory.trainability import BETWEEN, Trainability

_WIDTH, _HEIGHT = 560, 340


def trainability_data(result: Trainability) -> dict[str, list[Row]]:
    """`cells`: edges of each, training accuracy and how it is written; `curve`: 6 xi_c;
    `edges`: the measured ones that lie between two depths."""
    sides = _bounds(sorted(result.spec.sigma_ws), log=False)
    floors = _bounds([float(d) for d in sorted(result.spec.depths)], log=True)
    cells: list[Row] = []
    for cell in result.cells:
        (left, right), (low, high) = sides[cell.sigma_w], floors[float(cell.depth)]
        cells.append(
            {
                "left": left,
                "right": right,
                "low": low,
                "high": high,
                "accuracy": cell.train_accuracy,
                "label": f"{cell.train_accuracy:.2f}",
            }
        )
    top = max(row["high"] for row in cells)
    curve = [
        {"sigma_w": sigma_w, "depth": min(depth, 2 * top)}
        for sigma_w, depth in result.curve
        if depth is not None and depth > 0
    ]
    edges = [
        {"sigma_w": edge.sigma_w, "depth": edge.depth}
        for edge in result.edges
        if edge.place == BETWEEN
    ]
    return {"cells": cells, "curve": curve, "edges": edges}


def _bounds(centers: Sequence[float], log: bool) -> dict[float, tuple[float, float]]:
    """Center -> both ends of its cell: half-way to the neighbors, as far on the outside."""
    places = [math.log(c) if log else c for c in centers]
    if len(places) == 1:
        ends = [places[0] - 0.3, places[0] + 0.3]
    else:
        middles = [(a + b) / 2 for a, b in itertools.pairwise(places)]
        ends = [2 * places[0] - middles[0], *middles, 2 * places[-1] - middles[-1]]
    back = [math.exp(e) if log else e for e in ends]
    return {center: (back[at], back[at + 1]) for at, center in enumerate(centers)}


def trainability_chart(data: dict[str, list[Row]], depths: Sequence[int], lang: str) -> Spec:
    """A heat map, depth upwards on a logarithmic axis."""
    x, y = _axes(data["cells"], depths, lang)
    center = {"x": {**x, "field": "sigma_w"}, "y": {**y, "field": "depth"}}
    names = [sentence(f"theory_command.chart.{n}", lang) for n in ("six_xi", "edge")]
    key = {
        "type": "nominal",
        "scale": {"domain": names, "range": ["#D55E00", "#000000"]},
        "legend": {
            "title": None,
            "orient": "top",
            "labelFontSize": 12,
            "labelLimit": 400,
            "symbolSize": 90,
        },
    }
    layers = _cells(data["cells"], x, y, lang)
    if data["curve"]:
        layers += [
            _curve(data["curve"], center, {"value": "white"}, 5.0),
            _curve(data["curve"], center, {**key, "datum": names[0]}, 2.5),
        ]
    if data["edges"]:
        layers.append(_edges(data["edges"], center, {**key, "datum": names[1]}))
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "layer": layers,
        "resolve": {"scale": {"color": "independent"}},
    }


def _axes(cells: Sequence[Row], depths: Sequence[int], lang: str) -> tuple[Spec, Spec]:
    """x and y of a cell's lower left corner."""
    x = {
        "field": "left",
        "type": "quantitative",
        "scale": {
            "domain": [min(c["left"] for c in cells), max(c["right"] for c in cells)],
            "nice": False,
            "zero": False,
        },
        "axis": {"title": sentence("theory_command.chart.sigma_w", lang), "grid": False},
    }
    y = {
        "field": "low",
        "type": "quantitative",
        "scale": {
            "type": "log",
            "nice": False,
            "domain": [min(c["low"] for c in cells), max(c["high"] for c in cells)],
        },
        "axis": {
            "title": sentence("theory_command.chart.depth", lang),
            "grid": False,
            "values": sorted(depths),
            "format": "d",
        },
    }
    return x, y


def _cells(cells: list[Row], x: Spec, y: Spec, lang: str) -> list[Spec]:
    """Each cell in its color, its accuracy written into its corner."""
    color = {
        "field": "accuracy",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "scheme": "viridis"},
        "legend": {
            "title": sentence("theory_command.chart.accuracy", lang),
            "format": ".1f",
            "gradientLength": 200,
            "titleLimit": 200,
        },
    }
    corner = {"fontSize": 11, "align": "left", "baseline": "bottom", "dx": 6, "dy": -5}
    readable = {"test": "datum.accuracy > 0.55", "value": INK}
    return [
        {
            "mark": {"type": "rect"},
            "data": {"values": cells},
            "encoding": {
                "x": x,
                "x2": {"field": "right"},
                "y": y,
                "y2": {"field": "high"},
                "color": color,
            },
        },
        {
            "mark": {"type": "text", **corner},
            "data": {"values": cells},
            "encoding": {
                "x": x,
                "y": y,
                "text": {"field": "label"},
                "color": {"condition": readable, "value": "white"},
            },
        },
    ]


def _edges(rows: list[Row], center: Spec, fill: Spec) -> Spec:
    mark = {
        "type": "point",
        "shape": "diamond",
        "filled": True,
        "size": 130,
        "opacity": 1,
        "stroke": "white",
        "strokeWidth": 1.5,
    }
    return {
        "mark": mark,
        "data": {"values": rows},
        "encoding": {**center, "fill": fill},
    }


def _curve(rows: list[Row], center: Spec, color: Spec, width: float) -> Spec:
    return {
        "mark": {"type": "line", "clip": True, "strokeWidth": width},
        "data": {"values": rows},
        "encoding": {**center, "stroke": color},
    }
