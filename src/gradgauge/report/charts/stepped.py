"""Both signals by layer at one step: what the slider under the heat maps moves."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._layer_axis import layer_axis
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import MUTED, foot_rows, lines, log_scale, y_axis
from gradgauge.report.charts.rows import Row, of

PARAMETER = "at"
"""The Vega parameter that holds the step; whoever draws a stepped chart declares it."""

_HERE = f"datum.probe_step === {PARAMETER}"
_HEIGHT = 170


def steps_of(rows: Sequence[Row]) -> list[int]:
    """The steps at which something was probed, in order."""
    return sorted({row["probe_step"] for row in rows})


def profile_panels(rows: Sequence[Row], lang: str) -> list[Spec]:
    """A panel a signal, of the one step that the parameter names, on axes that hold all steps."""
    return [
        _panel(rows, quantity, lang) for quantity in dict.fromkeys(row["quantity"] for row in rows)
    ]


def _panel(rows: Sequence[Row], quantity: str, lang: str) -> Spec:
    shown = of(rows, quantity=quantity)
    scale, axis = log_scale((row["plotted"] for row in shown), foot=foot_rows(shown))
    y = {"field": "plotted", "type": "quantitative", "scale": scale, "axis": y_axis(axis)}
    title = sentence(f"report.panel.{quantity}_by_layer", lang)
    x = layer_axis(rows, lang, title=True)
    panel = lines(rows, x, y, {"quantity": quantity}, lang, title=title, height=_HEIGHT)
    return {**panel, "transform": [*panel["transform"], {"filter": _HERE}]}


def marker(x: Spec) -> Spec:
    """A line through a heat map's column of that step."""
    return {
        "mark": {"type": "rule", "color": MUTED, "strokeWidth": 1.5, "strokeDash": [3, 2]},
        "transform": [{"filter": _HERE}],
        "encoding": {"x": x},
    }


def marked(drawn: Spec) -> Spec:
    """The heat maps with the marker in each."""

    def with_marker(part: Spec) -> Spec:
        if "vconcat" in part:
            return {**part, "vconcat": [with_marker(inner) for inner in part["vconcat"]]}
        x = part["layer"][0]["encoding"]["x"]
        return {**part, "layer": [*part["layer"], marker(x)]}

    return {**drawn, "hconcat": [with_marker(part) for part in drawn["hconcat"]]}
