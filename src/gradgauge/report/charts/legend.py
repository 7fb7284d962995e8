"""The legend of a picture: for every network a piece of its line with its mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import FIXED, INK
from gradgauge.report.page.palette import styles

_LINE, _GAP, _ROW = 30, 22, 20
_LETTER = 7.0


def legend(names: Sequence[str], width: float) -> Spec:
    """A panel of its own above the others: Vega's legends cannot show line and mark together
    where a chart has other marks, too.

    Args:
        names: the networks'.
        width: of the picture; there are as many entries in a row as it has room for.
    """
    cell = _LINE + _GAP + _LETTER * max(map(len, names), default=1)
    columns = max(1, int(width / cell))
    layers: list[Spec] = []
    for at, name in enumerate(names):
        x, y = at % columns * cell, at // columns * _ROW + _ROW / 2
        layers += _entry(name, styles(names)[name], x, y)
    height = _ROW * -(-len(names) // columns)
    return {
        "name": f"{FIXED}_legend",
        "width": min(width, columns * cell),
        "height": height,
        "data": {"values": [{}]},
        "layer": layers,
    }


def _entry(name: str, look: Any, x: float, y: float) -> list[Spec]:
    middle = {"x": {"value": x + _LINE / 2}, "y": {"value": y}}
    return [
        {
            "mark": {
                "type": "rule",
                "color": look.color,
                "strokeWidth": 2,
                "strokeDash": list(look.dash),
            },
            "encoding": {"x": {"value": x}, "x2": {"value": x + _LINE}, "y": {"value": y}},
        },
        {
            "mark": {
                "type": "point",
                "filled": True,
                "opacity": 1,
                "size": 42,
                "color": look.color,
                "shape": look.shape,
            },
            "encoding": middle,
        },
        {
            "mark": {
                "type": "text",
                "align": "left",
                "baseline": "middle",
                "fontSize": 12,
                "color": INK,
                "text": name,
            },
            "encoding": {"x": {"value": x + _LINE + 7}, "y": {"value": y}},
        },
    ]
