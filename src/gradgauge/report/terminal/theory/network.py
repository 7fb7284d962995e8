"""A network of the user's, layer by layer, as theory sees it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gradgauge.messages.figure import signed
from gradgauge.report.terminal.theory.page import LEFT, RIGHT, Page
from gradgauge.report.terminal.theory.prediction import print_prediction
from gradgauge.report.words.numbers import number
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.theory import NetworkPrediction, Prediction

if TYPE_CHECKING:
    from gradgauge.study.theory.measurement import Measurement

_MOST_ROWS = 24
_COLUMNS = ("layer", "activation", "sigma_w", "sigma_b", "q", "chi_grad", "decades")


def print_network(
    network: NetworkSpec,
    prediction: NetworkPrediction,
    inner: Prediction | None,
    measurement: Measurement | None,
    paths: Sequence[Path],
    lang: str,
) -> None:
    """A network layer by layer, and an endless one of its inner layers' kind."""
    page = Page(lang)
    page.heading(write(network))
    if prediction.reason:
        page.lines(page.reason_line(prediction.reason))
    else:
        _layers(page, prediction)
    if measurement:
        page.measured(measurement)
        page.size(measurement)
    page.files(paths)
    if inner:
        page.gap()
        print_prediction(inner, lang)


def _layers(page: Page, prediction: NetworkPrediction) -> None:
    """All layers, or the first and last of many."""
    layers, half = list(prediction.layers), _MOST_ROWS // 2
    shown = layers if len(layers) <= _MOST_ROWS else [*layers[:half], *layers[-half:]]
    rows = [
        [
            str(row.layer),
            row.activation,
            *(number(x, 4) for x in (row.sigma_w, row.sigma_b, row.q, row.chi_grad)),
            signed(row.decades, 2),
        ]
        for row in shown
    ]
    page.table(_COLUMNS, rows, (RIGHT, LEFT))
    if len(shown) < len(layers):
        page.lines(page.say("theory_command.picked", shown=len(shown), count=len(layers)))
    page.lines(page.say("theory_command.decades", decades=signed(prediction.decades or 0.0, 2)))
