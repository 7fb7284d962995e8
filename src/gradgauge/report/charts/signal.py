"""The picture of the whole: the error signal by depth, and the forward signal under it."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._chart import Chart, Spec
from gradgauge.report.charts._draw import (
    by_moment,
    foot_rows,
    layer_axis,
    level,
    lines,
    log_scale,
    y_axis,
)
from gradgauge.report.charts._rows import Row, layer_rows, of, smallest_told, trained
from gradgauge.report.words.numbers import number, resolved
from gradgauge.study.by_layer import MOMENTS, by_layer
from gradgauge.study.compare.result import Comparison

_HEIGHTS = {"delta_norm": 230, "signal_spread": 130}


def signal_data(comparison: Comparison) -> list[Row]:
    """delta_norm and signal_spread by layer, first and last."""
    return layer_rows(comparison, _HEIGHTS)


def signal_chart(rows: Sequence[Row], lang: str) -> Spec:
    """A column a moment, before and after training; error signal above, forward signal below, on axes
    that all columns share."""
    scales = {
        quantity: log_scale(
            (row[key] for row in of(rows, quantity=quantity) for key in ("plotted", "low", "high")),
            limits=(1.0,) if quantity == "signal_spread" else (),
            foot=foot_rows(of(rows, quantity=quantity)),
        )
        for quantity in _HEIGHTS
    }

    lowest = [q for q in _HEIGHTS if of(rows, quantity=q)][-1]

    def panel(moment: str, quantity: str) -> Spec:
        scale, axis = scales[quantity]
        floor = [row["plotted"] for row in of(rows, quantity=quantity, state="unresolved")]
        y = {"field": "plotted", "type": "quantitative", "scale": scale, "axis": y_axis(axis)}
        spec = lines(
            rows,
            layer_axis(rows, lang, title=quantity == lowest),
            y,
            {"moment": moment, "quantity": quantity},
            lang,
            title=sentence(f"report.panel.{quantity}", lang),
            height=_HEIGHTS[quantity],
        )
        return {**spec, "layer": [*(level(value, y) for value in set(floor)), *spec["layer"]]}

    return by_moment(rows, _HEIGHTS, panel, lang)


def describe_signal(comparison: Comparison, lang: str) -> str:
    """The error signal at both ends and the forward signal at its end, first and last."""
    told = [sentence("report.chart.signal.alt", lang)]
    for name, run in trained(comparison):
        for moment in MOMENTS:
            delta = by_layer(run, "delta_norm", moment)
            spread = by_layer(run, "signal_spread", moment)
            told.append(
                sentence(
                    "report.chart.signal.alt_network",
                    lang,
                    name=name,
                    moment=sentence(f"report.moment.{moment}", lang),
                    output=number(delta[-1]),
                    first=number(delta[0]),
                    spread=resolved(spread[-2], smallest_told(run, "signal_spread")),
                )
            )
    return " ".join(told)


SIGNAL = Chart(
    "signal", signal_data, signal_chart, "layer", ("quantity", "network", "moment"), describe_signal
)
