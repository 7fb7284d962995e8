"""What all charts share: axes, marks, how zero and NaN are shown."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.rows import Row, names_of, picked
from gradgauge.report.page.palette import styles

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
PANEL_WIDTH = 340
AXIS_WIDTH = 46
WIDE = 2 * PANEL_WIDTH + AXIS_WIDTH
INK, MUTED, GRID, LINE = "#1b1f24", "#4d5761", "#e4e7eb", "#9aa4ae"

_MOST_TICKS = 6
_MOST_POINTS = 40
_FOOT = 11
_MOST_FEET = 16
_FOOT_SHARE = 0.08
_FINE_DECADES = 2.5
_LEAST_WRITTEN_OUT, _MOST_WRITTEN_OUT = 1e-4, 1e7
_LEAST = 1e-307
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e4
"""Ticks are written out where all of an axis lie in between; else all as powers of ten."""

FIXED = "fixed"
"""Begins the names of parts that are laid out for the whole picture's width, not the panels'."""


def chart(rows: Sequence[Row], panels: list[Spec]) -> Spec:
    """Panels side by side over the same rows."""
    return {
        "$schema": SCHEMA,
        "data": {"values": list(rows)},
        "hconcat": panels,
        "spacing": 28,
        "config": CONFIG,
    }


CONFIG: Spec = {
    "view": {"stroke": None},
    "aria": False,
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "gridColor": GRID,
        "domainColor": LINE,
        "tickColor": LINE,
        "labelFontSize": 11,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "titlePadding": 6,
        "tickSize": 4,
    },
    "title": {
        "color": MUTED,
        "fontSize": 12,
        "fontWeight": "normal",
        "anchor": "start",
        "frame": "group",
        "offset": 8,
        "subtitleColor": MUTED,
        "subtitleFontSize": 11,
    },
    "legend": {"labelColor": MUTED, "labelFontSize": 11},
    "concat": {"spacing": 14},
}


def networks(rows: Sequence[Row]) -> Spec:
    """Color, dash and shape of the networks: encodings of a line with points. The page has a
    legend of its own; pictures get `legend`."""
    names = names_of(rows)
    looks = styles(names)

    def channel(values: list[Any]) -> Spec:
        scale = {"domain": names, "range": values}
        return {"field": "network", "type": "nominal", "scale": scale, "legend": None}

    return {
        "color": channel([looks[n].color for n in names]),
        "strokeDash": channel([list(looks[n].dash) for n in names]),
        "shape": channel([looks[n].shape for n in names]),
    }


def log_scale(
    values: Iterable[float | None], limits: tuple[float, ...] = (), foot: int = 0
) -> tuple[Spec, Spec]:
    """Scale and axis of a log axis.

    Args:
        values: the positive ones all find a place.
        limits: as values, where the axis has to reach.
        foot: rows at the foot that are kept free for what has no place on the axis.
    """
    given = (v for v in (*values, *limits) if v is not None and v > 0 and math.isfinite(v))
    found = [max(v, _LEAST) for v in given]
    low, high = (min(found), max(found)) if found else (0.1, 1.0)
    span = math.log10(high / low)
    if span > _FINE_DECADES:
        first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
        stride = -(-(last - first) // _MOST_TICKS)
        low, high = max(10.0**first, _LEAST), 10.0**last
        ticks = [t for t in (10.0**k for k in range(last, first - 1, -stride)) if t >= low]
    else:
        slack = 1e-9 if high > low * 1.01 else -0.05
        ticks = _round_numbers(low * (1 + slack), high * (1 - slack))
        low, high = ticks[0], ticks[-1]
        ticks = ticks if len(ticks) <= _MOST_TICKS else [t for t in ticks if _is_power(t)]
    low = max(low * (low / high) ** (_FOOT_SHARE * foot), _LEAST)
    scale = {"type": "log", "domain": [low, high], "nice": False}
    return scale, {"values": ticks, "labelExpr": _labels(ticks)}


def _labels(ticks: Sequence[float]) -> str:
    """An expression for the ticks' labels, all in one form: `0.01`, or `1e-12`."""
    plain = all(_PLAIN_FROM <= tick < _PLAIN_BELOW for tick in ticks)
    return "format(datum.value, '~g')" if plain else "replace(format(datum.value, '.0e'), '+', '')"


def _round_numbers(low: float, high: float) -> list[float]:
    """1, 2 or 5 times powers of ten: from the last one below `low` to the first above `high`."""
    exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    numbers = [float(f"{m}e{e}") for e in exponents for m in (1, 2, 5)]
    return numbers[
        max(i for i, n in enumerate(numbers) if n <= low) : min(
            i for i, n in enumerate(numbers) if n >= high
        )
        + 1
    ]


def _is_power(value: float) -> bool:
    return f"{value:e}".startswith("1.000000e")


def foot_rows(rows: Sequence[Row], field: str = "plotted") -> int:
    """How many networks have a figure that the axis has no place for."""
    return len({row["network"] for row in rows if row[field] is None})


def linear_scale(values: Iterable[float | None]) -> tuple[Spec, Spec]:
    """Scale and axis of a linear axis from 0, or from the lowest value below it, that ends at a
    labeled number."""
    found = [v for v in values if v is not None]
    low, high = min([0.0, *found]), max(found, default=1.0)
    if high <= low:
        high = low + 1
    exponent = math.floor(math.log10(high - low))
    steps = [float(f"{m}e{e}") for e in (exponent - 1, exponent) for m in (1, 2, 5)]
    step = next(s for s in steps if (high - low) / s <= _MOST_TICKS)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    ticks = [k * step for k in range(first, last + 1)]
    scale = {"domain": [ticks[0], ticks[-1]], "nice": False, "clamp": True}
    return scale, {"values": ticks, "format": _number_format(step, max(map(abs, ticks)))}


def _number_format(step: float, largest: float) -> str:
    """How d3 writes the ticks of a linear axis: with all their digits where there are few."""
    if largest >= _MOST_WRITTEN_OUT or step < _LEAST_WRITTEN_OUT:
        return "~e"
    return f",.{max(0, -math.floor(math.log10(step)))}~f"


def y_axis(axis: Spec | None = None) -> Spec:
    """An axis on the left whose room is the same in all panels, so that they line up. Its title
    is the panel's."""
    return {
        "title": None,
        "minExtent": AXIS_WIDTH,
        "maxExtent": AXIS_WIDTH,
        "domain": False,
        "ticks": False,
        **(axis or {}),
    }


def lines(rows: Sequence[Row], x: Spec, y: Spec, where: Spec, lang: str, **panel: Any) -> Spec:
    """A panel of one line a network, broken where there is nothing to plot; thin rules from the
    lowest to the highest seed; zeros and non-finite figures in their network's row at the foot.

    Args:
        rows: all rows of the chart.
        x, y: encodings; y's field is `plotted` or `value`.
        where: the filter that picks the panel's rows.
        lang: of the tooltips.
        panel: title, width, height.
    """
    style = networks(rows)
    color = {"color": style["color"]}
    by_stack = any("stack" in row for row in rows)
    apart = {"detail": {"field": "stack", "type": "nominal"}} if by_stack else {}
    tooltip = [
        {"field": "network", "title": sentence("report.column.network", lang)},
        {"field": x["field"], "title": sentence(f"report.column.{x['field']}", lang)},
        {"field": "shown", "title": sentence("report.column.value", lang)},
    ]
    shown = [row for row in rows if all(row.get(k) == v for k, v in where.items())]
    layers: list[Spec] = []
    if any(row.get("low") != row.get("high") for row in shown):
        layers.append(
            {
                "mark": {"type": "rule", "strokeWidth": 5, "opacity": 0.25},
                "transform": [{"filter": "datum.low > 0 && datum.high > 0"}],
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, **color},
            }
        )
    layers.append(
        {
            "mark": {"type": "line", "strokeWidth": 2, "strokeCap": "butt"},
            "encoding": {"x": x, "y": y, **color, "strokeDash": style["strokeDash"], **apart},
        }
    )
    counts = Counter(name for name, _ in {(row["network"], row[x["field"]]) for row in shown})
    marked = max(counts.values(), default=0) <= _MOST_POINTS
    layers.append(
        {
            "mark": {
                "type": "point",
                "filled": True,
                "size": 42 if marked else 60,
                "opacity": 1 if marked else 0,
            },
            "transform": [{"filter": f"isValid(datum.{y['field']})"}],
            "encoding": {"x": x, "y": y, **color, "shape": style["shape"], "tooltip": tooltip},
        }
    )
    layers += _foot(rows, shown, x, y["field"], tooltip)
    return {"transform": [equal(**where)], "layer": layers, "width": PANEL_WIDTH, **panel}


def _foot(
    rows: Sequence[Row], shown: Sequence[Row], x: Spec, field: str, tooltip: list[Spec]
) -> list[Spec]:
    """One row of marks a network: figures that the axis has no place for."""
    without_place = [row for row in shown if row[field] is None]
    looks = styles(names_of(rows))
    return [
        {
            "mark": {
                "type": "text",
                "dy": -4 - _FOOT * at,
                "fontSize": 10,
                "fontWeight": "bold",
                "color": looks[name].color,
            },
            "transform": [
                equal(network=name),
                {"filter": f"!isValid(datum.{field})"},
                {"filter": {"field": x["field"], "oneOf": _thinned(without_place, x["field"])}},
            ],
            "encoding": {
                "x": x,
                "y": {"value": "height"},
                "text": {"field": "shown"},
                "tooltip": tooltip,
            },
        }
        for at, name in enumerate(names_of(without_place))
    ]


def _thinned(rows: Sequence[Row], field: str) -> list[Any]:
    """Places of marks at the foot: all of them, or evenly spaced ones where they would overlap."""
    places = sorted({row[field] for row in rows})
    return [places[i] for i in picked(len(places), _MOST_FEET)]


def equal(**columns: Any) -> Spec:
    """A filter: these columns have these values."""
    tests = [{"field": key, "equal": value} for key, value in columns.items()]
    return {"filter": {"and": tests}}


def level(value: float, y: Spec) -> Spec:
    """A thin horizontal line at `value`, in a panel whose y encoding is `y`."""
    return {
        "data": {"values": [{"level": value}]},
        "mark": {"type": "rule", "color": LINE, "strokeDash": [2, 3]},
        "encoding": {"y": {**y, "field": "level"}},
    }


def by_moment(
    rows: Sequence[Row],
    quantities: Iterable[str],
    panel: Callable[[str, str], Spec],
    lang: str,
) -> Spec:
    """A column a moment of `rows`: `panel(moment, quantity)` one above the other, of those
    quantities that occur. A single column is as wide as two, and needs no title."""
    moments = list(dict.fromkeys(row["moment"] for row in rows))
    found = {row["quantity"] for row in rows}
    wide = {"width": WIDE} if len(moments) == 1 else {}
    columns = [
        [{**panel(moment, quantity), **wide} for quantity in quantities if quantity in found]
        for moment in moments
    ]
    if wide:
        return {**chart(rows, [{"vconcat": columns[0], "spacing": 14}]), "usermeta": {"wide": True}}
    told = {row["moment"]: row["when"] for row in rows if "when" in row}
    titles = [told.get(moment) or sentence(f"report.moment.{moment}", lang) for moment in moments]
    return chart(rows, [stacked(*each) for each in zip(columns, titles, strict=True)])


def stacked(panels: list[Spec], title: str) -> Spec:
    """Panels one above the other under a common title."""
    return {
        "title": {"text": title, "fontSize": 13, "fontWeight": "bold", "color": INK, "offset": 12},
        "vconcat": panels,
        "spacing": 14,
    }
