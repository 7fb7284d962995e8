"""Chart: one picture: its data, its drawing, its table and its text alternative."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from gradgauge.report.charts.rows import Row

Spec = dict[str, Any]
Subject = TypeVar("Subject")
"""What a picture shows: a Comparison, or one watched Run."""


@dataclass(frozen=True)
class Chart(Generic[Subject]):
    """A picture.

    Attributes:
        name: a key of the catalogue's `report.chart` table, and the picture's file name.
        data: subject -> rows; without a row there is nothing to draw.
        draw: (rows, lang) -> Vega-Lite: an `hconcat` of panels, which the page sets side by side
            or one above the other.
        row_key: the column that numbers the rows of its table.
        column_keys: the columns that make the columns of its table.
        describe: (subject, lang) -> what the picture shows, in words.
        legend: whether networks are told apart by color, so that it needs a legend.
        log: whether it has a logarithmic axis, which has no place for zero.
        bars: whether its ranges over seeds are bars, which the page explains.
        stepped: whether its rows have a `probe_step` that the page's reader can move along.
    """

    name: str
    data: Callable[[Subject], list[Row]]
    draw: Callable[[Sequence[Row], str], Spec]
    row_key: str
    column_keys: tuple[str, ...]
    describe: Callable[[Subject, str], str]
    legend: bool = True
    log: bool = True
    bars: bool = True
    stepped: bool = False
