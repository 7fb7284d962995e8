"""A panel of arms from top to bottom: their intervals, their means, and the figures in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import INK
from gradgauge.report.charts.rows import Row


def arms_panel(
    rows: Sequence[Row],
    x: Spec,
    looks: Spec,
    rules: Mapping[tuple[str, str], int],
    *,
    row: int,
    width: int,
    names: int,
) -> Spec:
    """Rules along `x`, the mean as a point, and at the right of the last rule what is `shown`.

    Args:
        rows: of the panel, with `arm`, `value`, `high`, `shown`; arms in their order.
        x: encoding, without a field.
        looks: `color` and `shape` of the marks, see `by_kind`.
        rules: columns that a rule goes from and to -> its width in pixels.
        row: height of an arm, in pixels.
        width: of the panel.
        names: room for the arms' names: the same in panels that stand one above the other.
    """
    arms = list(dict.fromkeys(each["arm"] for each in rows))
    axis = {
        "title": None,
        "labelLimit": names,
        "minExtent": names,
        "maxExtent": names,
        "domain": False,
        "ticks": False,
        "labelFontSize": 11,
        "labelColor": INK,
    }
    y = {"field": "arm", "type": "nominal", "sort": arms, "axis": axis}
    point = {"type": "point", "filled": True, "size": 100, "opacity": 1}
    text = {"type": "text", "align": "left", "dx": 9, "fontSize": 11, "color": INK}
    layers = [
        {
            "mark": {"type": "rule", "strokeWidth": thick, "opacity": 0.6},
            "encoding": {
                "y": y,
                "x": {**x, "field": first},
                "x2": {"field": last},
                "color": looks["color"],
            },
        }
        for (first, last), thick in rules.items()
    ]
    layers += [
        {"mark": point, "encoding": {"y": y, "x": {**x, "field": "value"}, **looks}},
        {
            "mark": text,
            "encoding": {"y": y, "x": {**x, "field": "high"}, "text": {"field": "shown"}},
        },
    ]
    return {"width": width, "height": row * len(arms), "layer": layers}


def by_kind(kinds: Mapping[str, tuple[str, str]]) -> Spec:
    """Color and shape of the marks by the rows' `kind`; the caption names them."""

    def channel(values: Sequence[Any]) -> Spec:
        scale = {"domain": list(kinds), "range": list(values)}
        return {"field": "kind", "type": "nominal", "scale": scale, "legend": None}

    colors, shapes = zip(*kinds.values(), strict=True)
    return {"color": channel(colors), "shape": channel(shapes)}
