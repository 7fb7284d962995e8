"""A compact table of the layers that updates in place, in a terminal or a notebook; at the end
the picture, or where a report is."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradgauge.errors import GradgaugeError
from gradgauge.layers import LayerInfo
from gradgauge.messages.catalog import sentence
from gradgauge.messages.figure import signed
from gradgauge.report.closing import write_closing
from gradgauge.report.finding import first_finding
from gradgauge.report.notebook import show_signal
from gradgauge.report.rendering import check_ending
from gradgauge.report.terminal.screen import Screen, screen_of
from gradgauge.report.words.numbers import NO_VALUE, number
from gradgauge.report.words.parameter_groups import TEXT_COLUMNS, group_rows, heads
from gradgauge.run import Run

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

COLUMNS = (
    "weight_grad_norm",
    "update_ratio",
    "delta_norm",
    "weight_gain",
    "slope_gain",
    "signal_spread",
    "saturated",
    "dead",
)
"""Left to right: backward, and forward at the end."""

DISPENSABLE = ("saturated", "dead", "update_ratio", "weight_gain", "signal_spread")
"""What goes first where the terminal is narrow."""

_NARROWEST, _DIGITS, _GAP = 10, 7, 2

MOST_ROWS = 24
"""Rows that are shown; of more layers the first and the last ones."""

SECONDS_BETWEEN = 0.25


class LiveTable:
    """Shows the latest values of every layer while a training run is watched.

    Pass it as `watch(..., to=[LiveTable()])`. If the output is neither a terminal nor a
    notebook, the table is printed once at the end. At the end, a notebook shows the figure of
    both signals by layer, and a terminal shows where the report is or how to write one.

    Args:
        lang: `en` or `ko`.
        console: a rich console; None: that of the terminal or notebook.
        report: a file to write at the end: `.html` for the report, `.png` or `.svg` for the
            figure.

    Raises:
        UnknownName: another file extension.
    """

    lang: str

    def __init__(
        self, lang: str = "en", console: Console | None = None, report: Path | str | None = None
    ):
        if report is not None:
            check_ending(report)
        self.lang, self._console, self._report = lang, console, report
        self._layers: Sequence[LayerInfo] = ()
        self._values: dict[str, np.ndarray] = {}
        self._name, self._step, self._loss = "", 0, math.nan
        self._screen: Screen | None = None
        self._shown = -math.inf

    def opened(self, layers: Sequence[LayerInfo], attributes: Mapping[str, Any]) -> None:
        from rich.console import Console

        self._layers, self._name = layers, str(attributes.get("name", ""))
        self._console = self._console or Console()
        self._screen = screen_of(self._console)

    def recorded(self, group: str, step: int, values: Mapping[str, Any]) -> None:
        if group == "epochs":
            return
        self._step = step
        for name, value in values.items():
            if name == "loss":
                self._loss = float(value)
            elif name in COLUMNS:
                self._take(name, np.asarray(value, np.float64))
        if self._screen is not None and time.monotonic() - self._shown >= SECONDS_BETWEEN:
            self._screen.update(self.table())
            self._shown = time.monotonic()

    def _take(self, name: str, values: np.ndarray) -> None:
        """A step that could not see a quantity does not wipe out the probe that could."""
        if name not in self._values or np.isfinite(values).any():
            self._values[name] = values

    def closed(self, run: Run) -> None:
        if self._screen is not None:
            self._screen.update(self.table())
            self._screen.stop()
            self._screen = None
        elif self._console is not None and self._values:
            self._console.print(self.table())
        if self._console is not None and self._values:
            self._close(run, self._console)

    def _close(self, run: Run, console: Console) -> None:
        if console.is_jupyter:
            show_signal(run, self.lang)
        if len(run.parameter_groups) > 1:
            console.print(self._groups(run))
        finding = first_finding(run, self.lang)
        console.print(finding, highlight=False, markup=False)
        if self._report is not None:
            line = self._written(run, self._report)
            console.print(line, style="dim", highlight=False, markup=False, soft_wrap=True)
        elif not console.is_jupyter:
            hint = sentence("watch.report.hint", self.lang)
            console.print(hint, style="dim", highlight=False, markup=False)

    def _written(self, run: Run, path: Path | str) -> str:
        """Where the report is, or why there is none: that ends no training."""
        try:
            path = write_closing(run, path, self.lang)
        except GradgaugeError as error:
            return error.sentence(self.lang)
        return sentence("watch.report.written", self.lang, path=path)

    def table(self) -> Table:
        """The table with the latest values, as a rich renderable."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title=self._title(), title_justify="left", box=None, pad_edge=False)
        table.add_column(self._say("layer"), no_wrap=True, min_width=_NARROWEST)
        table.add_column(self._say("activation"), no_wrap=True, min_width=_NARROWEST)
        columns = self._columns()
        for name in columns:
            table.add_column(self._say(name), justify="right", no_wrap=True)
        for row in shown_rows(len(self._layers)):
            if row is None:
                gap = self._say("hidden_rows", count=len(self._layers) - MOST_ROWS)
                table.add_row(Text(gap, style="dim"))
                continue
            layer = self._layers[row]
            cells = [_cell(self._values[name][row]) for name in columns]
            table.add_row(Text(layer.name), Text(layer.activation or "?"), *cells)
        table.caption = self._decades()
        table.caption_justify = "left"
        return table

    def _groups(self, run: Run) -> Table:
        """What the optimizers' parameter groups have done."""
        from rich.table import Table
        from rich.text import Text

        title = sentence("watch.groups.title", self.lang)
        table = Table(title=title, title_justify="left", box=None, pad_edge=False)
        for at, head in enumerate(heads(self.lang)):
            table.add_column(head, justify="left" if at in {0, *TEXT_COLUMNS} else "right")
        for row in group_rows(run):
            table.add_row(*map(Text, row))
        return table

    def _columns(self) -> list[str]:
        """The columns for which there is room; the most telling ones stay."""
        from rich.cells import cell_len

        columns = [name for name in COLUMNS if name in self._values]
        words = ([layer.name for layer in self._layers], [x.activation for x in self._layers])
        left = sum(max(_NARROWEST, *map(len, column)) + _GAP for column in words if column)
        room = (self._console.width if self._console else 80) - min(left, 4 * _NARROWEST)
        for name in DISPENSABLE:
            if sum(max(cell_len(self._say(c)), _DIGITS) + _GAP for c in columns) <= room:
                break
            if name in columns:
                columns.remove(name)
        return columns

    def _title(self) -> str:
        if math.isnan(self._loss):
            return self._say("title", name=self._name, step=self._step)
        return self._say("title_loss", name=self._name, step=self._step, loss=number(self._loss))

    def _decades(self) -> str | None:
        """What the error signal loses on its way, if every layer in between could be seen."""
        gains = [self._values.get(n) for n in ("slope_gain", "weight_gain")]
        hidden = [i for i, layer in enumerate(self._layers) if not layer.output]
        if any(g is None for g in gains) or not hidden:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes, weights = (float(np.log10(g[hidden]).sum()) for g in gains if g is not None)
        if not math.isfinite(slopes + weights):
            return None
        return self._say(
            "decades",
            decades=signed(slopes + weights, 1),
            slopes=signed(slopes, 1),
            weights=signed(weights, 1),
        )

    def _say(self, key: str, **facts: Any) -> str:
        return sentence(f"watch.live.{key}", self.lang, **facts)


def shown_rows(layers: int) -> list[int | None]:
    """Which layers are shown; None stands for those left out."""
    if layers <= MOST_ROWS:
        return list(range(layers))
    half = MOST_ROWS // 2
    return [*range(half), None, *range(layers - half, layers)]


def _cell(value: float) -> Any:
    from rich.text import Text

    if math.isnan(value):
        return Text(NO_VALUE, style="dim")
    return Text(number(value), style="red" if math.isinf(value) else "")
