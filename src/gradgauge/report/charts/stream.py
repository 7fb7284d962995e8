"""The residual stream after every layer that adds to it."""

from __future__ import annotations

from collections.abc import Sequence

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._layer_axis import layer_axis
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import by_moment, foot_rows, lines, log_scale, y_axis
from gradgauge.report.charts.rows import Row

STREAM = "stream_norm"


def stream_chart(rows: Sequence[Row], lang: str) -> Spec:
    """One panel: how large the stream has become, block by block."""
    scale, axis = log_scale(
        (row[key] for row in rows for key in ("plotted", "low", "high")), foot=foot_rows(rows)
    )

    def panel(moment: str, quantity: str) -> Spec:
        return lines(
            rows,
            layer_axis(rows, lang, title=True, hidden=True),
            {"field": "plotted", "type": "quantitative", "scale": scale, "axis": y_axis(axis)},
            {"moment": moment, "quantity": quantity},
            lang,
            title=sentence(f"report.panel.{quantity}", lang),
            height=170,
        )

    return by_moment(rows, (STREAM,), panel, lang)
