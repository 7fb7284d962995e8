"""The picture of the whole: the error signal by depth, and the forward signal under it."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._layer_axis import layer_axis
from gradgauge.report.charts.chart import Chart, Spec
from gradgauge.report.charts.draw import (
    by_moment,
    equal,
    foot_rows,
    level,
    lines,
    log_scale,
    networks,
    y_axis,
)
from gradgauge.report.charts.rows import (
    MOST_LAYERS,
    Row,
    figure,
    layer_rows,
    of,
    picked,
    smallest_told,
    trained,
)
from gradgauge.report.words.numbers import number, resolved
from gradgauge.study.by_layer import MOMENTS, by_layer, way
from gradgauge.study.compare.result import Comparison
from gradgauge.study.compare.theory import predicted_delta

_HEIGHTS = {"delta_norm": 230, "signal_spread": 130}
PREDICTED = "delta_predicted"
"""The quantity of rows that hold what theory predicts for delta_norm."""


def signal_data(comparison: Comparison) -> list[Row]:
    """delta_norm and signal_spread by layer, first and last; what theory predicts for the first."""
    return layer_rows(comparison, _HEIGHTS) + predicted_rows(comparison)


def predicted_rows(comparison: Comparison) -> list[Row]:
    """delta_norm before training as mean-field theory predicts it, of the layers that are drawn."""
    rows: list[Row] = []
    for name, _ in trained(comparison):
        predicted = predicted_delta(comparison, name)
        if predicted is None:
            continue
        rows += [
            {"network": name, "moment": "first", "quantity": PREDICTED, "layer": at + 1}
            | figure(predicted[at])
            for at in picked(len(predicted), MOST_LAYERS)
        ]
    return rows


def signal_chart(rows: Sequence[Row], lang: str) -> Spec:
    """A column a moment, before and after training; error signal above, forward signal below, on axes
    that all columns share."""
    scales = {
        quantity: log_scale(
            (
                row.get(key)
                for row in _on_axis(rows, quantity)
                for key in ("plotted", "low", "high")
            ),
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
        spec = {**spec, "layer": [*(level(value, y) for value in set(floor)), *spec["layer"]]}
        foretold = of(rows, quantity=PREDICTED, moment=moment)
        return _with_theory(spec, foretold, rows, y, lang) if quantity == "delta_norm" else spec

    return by_moment(rows, _HEIGHTS, panel, lang)


def _on_axis(rows: Sequence[Row], quantity: str) -> list[Row]:
    """The rows that a quantity's axis has to hold."""
    foretold = of(rows, quantity=PREDICTED) if quantity == "delta_norm" else []
    return of(rows, quantity=quantity) + foretold


def _with_theory(
    spec: Spec, foretold: Sequence[Row], rows: Sequence[Row], y: Spec, lang: str
) -> Spec:
    """The panel with wide pale lines of what theory predicts under what was measured."""
    if not foretold:
        return spec
    x = layer_axis(rows, lang, title=False)
    line = {
        "transform": [equal(quantity=PREDICTED, moment=foretold[0]["moment"])],
        "mark": {"type": "line", "strokeWidth": 9, "opacity": 0.22},
        "encoding": {"x": x, "y": y, "color": networks(rows)["color"]},
    }
    measured = {"transform": spec.pop("transform"), "layer": spec.pop("layer")}
    title = sentence("report.panel.delta_norm_theory", lang)
    return {**spec, "title": title, "layer": [line, measured]}


def describe_signal(comparison: Comparison, lang: str) -> str:
    """The error signal at both ends and the forward signal at its end, first and last."""
    told = [sentence("report.chart.signal.alt", lang)]
    for name, run in trained(comparison):
        taken = way(run)
        for moment in MOMENTS:
            delta = by_layer(run, "delta_norm", moment)
            spread = by_layer(run, "signal_spread", moment)
            told.append(
                sentence(
                    "report.chart.signal.alt_network",
                    lang,
                    name=name,
                    moment=sentence(f"report.moment.{moment}", lang),
                    output=number(delta[taken.outputs[-1]] if taken.outputs else delta[-1]),
                    first=number(delta[taken.first]),
                    spread=resolved(spread[taken.last_hidden], smallest_told(run, "signal_spread")),
                )
            )
        predicted = predicted_delta(comparison, name)
        if predicted is not None:
            at_first = number(predicted[0])
            told.append(sentence("report.chart.signal.alt_theory", lang, name=name, first=at_first))
    return " ".join(told)


SIGNAL = Chart(
    "signal", signal_data, signal_chart, "layer", ("quantity", "network", "moment"), describe_signal
)
