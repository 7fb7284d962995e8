"""Layer by layer, probe by probe: how both signals change while the networks train."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import (
    MUTED,
    PANEL_WIDTH,
    chart,
    equal,
    log_scale,
    stacked,
    y_axis,
)
from gradgauge.report.charts.rows import (
    Row,
    figure,
    meaning,
    names_of,
    of,
    picked,
    smallest_told,
    trained,
)
from gradgauge.report.words.numbers import number, resolved
from gradgauge.run import Run
from gradgauge.study.by_layer import probe_course, way
from gradgauge.study.compare.result import Comparison

_QUANTITIES = ("delta_norm", "signal_spread")
_MOST_LAYERS, _MOST_PROBES = 32, 32
_MOST_LABELS = 12
_HEIGHT = 170


def evolution_data(comparison: Comparison) -> list[Row]:
    """delta_norm and signal_spread by layer and probe step; picked evenly where there are many.

    Probes that were never taken, because the training broke off, have no row.
    """
    rows: list[Row] = []
    for name, run in trained(comparison):
        rows += probe_rows(name, run, meaning(run))
    return rows


def probe_rows(name: str, run: Run, meaning: Callable[[str, int], bool]) -> list[Row]:
    """The rows of one Run.

    Args:
        name: what it is called.
        run: the Run.
        meaning: whether a quantity is defined at a layer, counted from 1.
    """
    group = run.groups["probes"]
    steps, layers = group.coords["probe_step"], len(group.coords["layer"])
    taken = _taken(run)
    rows: list[Row] = []
    for quantity in _QUANTITIES:
        course, smallest = probe_course(run, quantity), smallest_told(run, quantity)
        rows += [
            {
                "network": name,
                "quantity": quantity,
                "layer": layer + 1,
                "probe_step": int(steps[at]),
                **figure(course[at, layer], smallest),
            }
            for at in picked(len(steps), _MOST_PROBES)
            if taken[at]
            for layer in picked(layers, _MOST_LAYERS)
            if meaning(quantity, layer + 1)
        ]
    return rows


def _taken(run: Run) -> list[bool]:
    """Which probes at least one member reached."""
    return np.asarray((run.values("probes", "weight_norm") > 0).any(axis=(0, 2))).tolist()


def evolution_chart(rows: Sequence[Row], lang: str) -> Spec:
    """A column per network: error signal above, forward signal below, colors that all share."""
    scales = {
        quantity: log_scale(row["plotted"] for row in of(rows, quantity=quantity))
        for quantity in _QUANTITIES
    }

    names = list(names_of(rows))

    def panel(name: str, quantity: str) -> Spec:
        shown = of(rows, network=name, quantity=quantity)
        bar = _color_bar(scales[quantity][1], seen=name == names[0])
        return _heat_map(shown, name, quantity, scales[quantity][0], bar, lang)

    return chart(
        rows,
        [
            {
                **stacked([panel(name, q) for q in _QUANTITIES if of(rows, quantity=q)], name),
                "resolve": {"scale": {"color": "independent"}, "legend": {"color": "independent"}},
            }
            for name in names
        ],
    )


def _color_bar(axis: Spec, seen: bool) -> Spec:
    """The first column's bar is for all; the others keep its place, so that rows stay level."""
    hidden = {} if seen else {"gradientOpacity": 0, "labelOpacity": 0}
    return {
        "orient": "bottom",
        "direction": "horizontal",
        "title": None,
        "gradientLength": 220,
        "gradientThickness": 8,
        "offset": 6,
        **axis,
        **hidden,
    }


def _heat_map(
    shown: Sequence[Row], name: str, quantity: str, scale: Spec, bar: Spec, lang: str
) -> Spec:
    x, y = _axes(shown, quantity == _QUANTITIES[-1], lang)
    tooltip = [
        {"field": key, "title": sentence(f"report.column.{column}", lang)}
        for key, column in (("layer", "layer"), ("probe_step", "probe_step"), ("shown", "value"))
    ]
    color = {
        "field": "plotted",
        "type": "quantitative",
        "scale": {"type": "log", "domain": scale["domain"], "scheme": "viridis"},
        "legend": bar,
    }
    return {
        "title": sentence(f"report.panel.{quantity}_by_layer", lang),
        "transform": [equal(network=name, quantity=quantity)],
        "width": PANEL_WIDTH,
        "height": _HEIGHT,
        "layer": [
            {
                "mark": "rect",
                "transform": [{"filter": "isValid(datum.plotted)"}],
                "encoding": {"x": x, "y": y, "color": color, "tooltip": tooltip},
            },
            {
                "mark": {"type": "text", "fontSize": 9, "color": MUTED},
                "transform": [{"filter": "!isValid(datum.plotted)"}],
                "encoding": {"x": x, "y": y, "text": {"field": "shown"}, "tooltip": tooltip},
            },
        ],
    }


def _axes(shown: Sequence[Row], bottom: bool, lang: str) -> tuple[Spec, Spec]:
    """Probes to the right, named under the lowest panel alone; layers upwards."""
    layers = sorted({row["layer"] for row in shown}, reverse=True)
    stride = -(-len(layers) // _MOST_LABELS)
    x = {
        "field": "probe_step",
        "type": "ordinal",
        "axis": {
            "title": sentence("report.axis.probe_step", lang) if bottom else None,
            "labelAngle": 0,
            "labelOverlap": True,
            "domain": False,
            "ticks": False,
            "labels": bottom,
        },
    }
    y = {
        "field": "layer",
        "type": "ordinal",
        "sort": "descending",
        "axis": y_axis(
            {
                "values": layers[::-1][::stride],
                "labelOverlap": True,
                "title": sentence("report.column.layer", lang),
                "titlePadding": 2,
            }
        ),
    }
    return x, y


def describe_evolution(comparison: Comparison, lang: str) -> str:
    """Layer 1 before training and at the last probe."""
    told = [sentence("report.chart.evolution.alt", lang)]
    for name, run in trained(comparison):
        taken = way(run)
        course = probe_course(run, "delta_norm")[:, taken.first]
        spread = probe_course(run, "signal_spread")[:, taken.last_hidden]
        smallest = smallest_told(run, "signal_spread")
        last = max(i for i, taken in enumerate(_taken(run)) if taken or i == 0)
        told.append(
            sentence(
                "report.chart.evolution.alt_network",
                lang,
                name=name,
                first=number(course[0]),
                last=number(course[last]),
                spread_first=resolved(spread[0], smallest),
                spread_last=resolved(spread[last], smallest),
            )
        )
    return " ".join(told)


EVOLUTION = Chart(
    "evolution",
    evolution_data,
    evolution_chart,
    "layer",
    ("quantity", "network", "probe_step"),
    describe_evolution,
    legend=False,
    stepped=True,
)
