"""What every layer does to the error signal: its slopes, its weights."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._layer_axis import layer_axis
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import (
    by_moment,
    foot_rows,
    level,
    lines,
    log_scale,
    y_axis,
)
from gradgauge.report.charts.rows import Row, layer_rows, of, trained
from gradgauge.report.words.numbers import signed_decades
from gradgauge.study.by_layer import MOMENTS
from gradgauge.study.compare.result import Comparison

_GAINS = ("slope_gain", "weight_gain")


def gains_data(comparison: Comparison) -> list[Row]:
    """slope_gain and weight_gain by layer, first and last."""
    return layer_rows(comparison, _GAINS)


def gains_chart(rows: Sequence[Row], lang: str) -> Spec:
    """A column a moment, before and after training; slopes above, weights below; a line at 1."""
    scales = {
        gain: log_scale(
            (row[key] for row in of(rows, quantity=gain) for key in ("plotted", "low", "high")),
            limits=(1.0,),
            foot=foot_rows(of(rows, quantity=gain)),
        )
        for gain in _GAINS
    }

    lowest = [gain for gain in _GAINS if of(rows, quantity=gain)][-1]

    def panel(moment: str, gain: str) -> Spec:
        scale, axis = scales[gain]
        y = {"field": "plotted", "type": "quantitative", "scale": scale, "axis": y_axis(axis)}
        x = layer_axis(rows, lang, title=gain == lowest, hidden=True)
        title = sentence(f"report.panel.{gain}", lang)
        spec = lines(
            rows, x, y, {"moment": moment, "quantity": gain}, lang, title=title, height=150
        )
        return {**spec, "layer": [level(1.0, y), *spec["layer"]]}

    return by_moment(rows, _GAINS, panel, lang)


def describe_gains(comparison: Comparison, lang: str) -> str:
    """The sums over all layers, in decades."""
    told = [sentence("report.chart.gains.alt", lang)]
    for name, _ in trained(comparison):
        for moment in MOMENTS:
            sums = comparison.attenuation(name, moment)
            if math.isnan(sums.slope_decades):
                continue
            told.append(
                sentence(
                    "report.chart.gains.alt_network",
                    lang,
                    name=name,
                    moment=sentence(f"report.moment.{moment}", lang),
                    slopes=signed_decades(sums.slope_decades),
                    weights=signed_decades(sums.weight_decades),
                )
            )
    return " ".join(told)


GAINS = Chart(
    "gains", gains_data, gains_chart, "layer", ("quantity", "network", "moment"), describe_gains
)
