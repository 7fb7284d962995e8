"""Units that have stopped passing the error signal on."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._layer_axis import layer_axis
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import by_moment, lines, y_axis
from gradgauge.report.charts.rows import Row, layer_rows, meaning, trained
from gradgauge.report.words.numbers import percent
from gradgauge.study.by_layer import MOMENTS, by_layer
from gradgauge.study.compare.result import Comparison

_STATES = ("saturated", "inactive", "dead")


def units_data(comparison: Comparison) -> list[Row]:
    """saturated, inactive and dead by layer, first and last."""
    return layer_rows(comparison, _STATES)


def units_chart(rows: Sequence[Row], lang: str) -> Spec:
    """A column a moment, before and after training; a row for every state that has a meaning in at
    least one of the networks."""
    states = [s for s in _STATES if any(row["quantity"] == s for row in rows)]

    def panel(moment: str, state: str) -> Spec:
        scale = {"domain": [0, 1], "nice": False}
        axis = {"format": "%", "values": [0, 0.5, 1]}
        return lines(
            rows,
            layer_axis(rows, lang, title=state == states[-1], hidden=True),
            {"field": "value", "type": "quantitative", "scale": scale, "axis": y_axis(axis)},
            {"moment": moment, "quantity": state},
            lang,
            title=sentence(f"report.panel.{state}", lang),
            height=90,
        )

    return by_moment(rows, states, panel, lang)


def describe_units(comparison: Comparison, lang: str) -> str:
    """The largest share of each state over the layers."""
    told = [sentence("report.chart.units.alt", lang)]
    for name, run in trained(comparison):
        has_figure = meaning(run)
        for moment in MOMENTS:
            shares = []
            for state in _STATES:
                values = by_layer(run, state, moment)
                largest = [v for i, v in enumerate(values) if has_figure(state, i + 1)]
                if largest:
                    label = sentence(f"report.quantity.{state}", lang)
                    shares.append(f"{label} {percent(max(largest))}")
            told.append(
                sentence(
                    "report.chart.units.alt_network",
                    lang,
                    name=name,
                    moment=sentence(f"report.moment.{moment}", lang),
                    shares=", ".join(shares),
                )
            )
    return " ".join(told)


UNITS = Chart(
    "units",
    units_data,
    units_chart,
    "layer",
    ("quantity", "network", "moment"),
    describe_units,
    log=False,
)
