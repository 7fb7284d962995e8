"""The result on a terminal, or in a file that its output goes to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradgauge.gauges.signal_spread import resolution
from gradgauge.messages.catalog import sentence
from gradgauge.parts.losses import LOSSES
from gradgauge.report.charts.rows import meaning, picked, trained
from gradgauge.report.words.answer import answer
from gradgauge.report.words.explain import explain
from gradgauge.report.words.headline import against_best, headline, verdict
from gradgauge.report.words.labels import labeled
from gradgauge.report.words.layer_groups import layer_groups, short_names
from gradgauge.report.words.numbers import NO_VALUE, fixed, interval, resolved
from gradgauge.report.words.summary import summary_table
from gradgauge.run import Run
from gradgauge.spec.shell import joined
from gradgauge.study.by_layer import MOMENTS, by_layer, epoch_summaries
from gradgauge.study.compare.artifacts import NOTHING_WRITTEN, Artifacts
from gradgauge.study.compare.result import Comparison

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

_MOST_LAYERS, _MOST_EPOCHS = 12, 40
_GAP = 3
_MOST_HEAD = 40
_MOST_NAME = 16


def print_comparison(
    comparison: Comparison,
    lang: str = "en",
    console: Console | None = None,
    artifacts: Artifacts = NOTHING_WRITTEN,
) -> None:
    """Print a comparison: the answer; structures, course, both signals, results, explanation;
    the verdict, and the paths.

    Args:
        comparison: what was trained.
        lang: `en` or `ko`.
        console: where to; a rich console, which leaves out colors where it is no terminal.
        artifacts: the files that were written of it.
    """
    from rich.console import Console

    shown = labeled(comparison, lang)
    printer = _Printer(shown, lang, console or Console(highlight=False))
    for part in (
        printer.answer,
        printer.structures,
        printer.epochs,
        printer.signals,
        printer.test,
        printer.summary,
        printer.explanation,
        printer.verdict,
    ):
        part()
    printer.paths(artifacts)


class _Printer:
    """One comparison on one console."""

    def __init__(self, comparison: Comparison, lang: str, console: Console):
        self.comparison, self.lang, self.console = comparison, lang, console

    def say(self, key: str, **facts: Any) -> str:
        return sentence(f"report.{key}", self.lang, **facts)

    def line(self, text: str = "", style: str = "") -> None:
        from rich.text import Text

        self.console.print(Text(text, style=style))

    def title(self, key: str) -> None:
        self.line()
        self.line(self.say(key), "bold")
        self.line()

    def answer(self) -> None:
        """What came of it, and how much of the error signal arrives."""
        self.line(f"{headline(self.comparison, self.lang)}.".replace("..", "."), "bold")
        told = answer(self.comparison, self.lang)
        if told:
            self.line(told)

    def structures(self) -> None:
        """The networks, side by side where they fit."""
        self.title("terminal.structures")
        self._side_by_side([self._structure(name) for name in self.comparison.names])

    def _structure(self, name: str) -> RenderableType:
        run = self.comparison.run(name)
        output = LOSSES[self.comparison.spec.training.loss].output_activation
        columns = [self.say(f"column.{c}") for c in ("layer", "shape", "parameters")]
        table = _table(name, columns, text_columns=2)
        network = self.comparison.networks.get(name)
        if network is not None and len(self.comparison.data.image_shape) > 1:
            table.add_row("Flatten", f"(None, {network.inputs})", "0")
        for group in layer_groups(run, output):
            table.add_row(
                f"{group.numbers} {group.activation}",
                f"(None, {group.units})",
                group.shown_parameters,
            )
        table.add_section()
        table.add_row(self.say("structure.total"), "", f"{run.attributes['parameters']:,}")
        return table

    def epochs(self) -> None:
        """Loss and accuracy of every epoch, in as many tables as the width asks for."""
        from rich.cells import cell_len

        figures = self.comparison.epoch_figures
        networks = trained(self.comparison)
        if not networks:
            return
        self.title("terminal.epochs" if len(figures) == 2 else "terminal.epochs_loss")
        courses = {n: [epoch_summaries(run, f) for f in figures] for n, run in networks}
        epochs = self.comparison.spec.training.epochs
        shown = picked(epochs, _MOST_EPOCHS)
        heads = {n: [f"{n}\n{self.say(f'quantity.{f}')}" for f in figures] for n in courses}
        groups = self._chunks(
            list(courses), lambda n: sum(max(map(cell_len, h.split("\n"))) + 2 for h in heads[n])
        )
        for names in groups:
            table = _table("", [self.say("column.epoch"), *(h for n in names for h in heads[n])])
            for at in shown:
                cells = [self._epoch_cell(n, c[at].mean) for n in names for c in courses[n]]
                table.add_row(str(at + 1), *cells)
            if names != groups[0]:
                self.line()
            self.console.print(table)
        if len(shown) < epochs:
            self.line(self.say("terminal.summarised_epochs", shown=len(shown), count=epochs))

    def _epoch_cell(self, name: str, value: float) -> str:
        """Somebody's own training need not say how many it gets right."""
        known = self.comparison.run(name).notation or math.isfinite(value)
        return fixed(value) if known else NO_VALUE

    def test(self) -> None:
        """Test figures with intervals."""
        self.title("terminal.test")
        kinds = ["test_accuracy"] * self.comparison.has_accuracy + ["test_loss"]
        several = len(self.comparison.spec.training.seeds) > 1
        heads = [self.say("column.network")]
        for kind in kinds:
            heads.append(self.say(f"quantity.{kind}"))
            heads += [self.say("column.interval")] * several
        table = _table("", heads, narrow=True)
        for name, run in self.comparison.runs.items():
            cells = []
            for kind in kinds:
                summary = getattr(self.comparison, kind)(name) if run.seeds else None
                cells.append(fixed(summary.mean if summary else None))
                cells += [interval(summary.interval if summary else None)] * several
            table.add_row(name, *cells)
        self.console.print(table)

    def summary(self) -> None:
        """One row a network: what arrives, and what weakened it."""
        heads, rows = summary_table(self.comparison, self.lang)
        if not rows:
            return
        self.title("summary.title")
        table = _table("", [head.replace(" ", "\n") for head in heads])
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    def verdict(self) -> None:
        """Which network is better, and how sure that is: the last word."""
        told = [
            verdict(self.comparison, self.lang, "command"),
            *against_best(self.comparison, self.lang),
        ]
        if self.comparison.interrupted:
            told.append(self.say("interrupted"))
        if any(told):
            self.line()
        for text in told:
            if text:
                self.line(text, "bold")

    def signals(self) -> None:
        """Error signal and forward signal by layer, first and last."""
        networks = trained(self.comparison)
        if not networks:
            return
        self.title("terminal.gradient")
        self._side_by_side([self._signal(name, run) for name, run in networks])
        depth = max(len(run.layers) for _, run in networks)
        if depth > _MOST_LAYERS:
            self.line(self.say("terminal.summarised", shown=_MOST_LAYERS, count=depth))

    def _signal(self, name: str, run: Any) -> RenderableType:
        labels = _labels(run)
        quantities = ("delta_norm", "signal_spread")
        short = {"delta_norm": "|δ|", "signal_spread": self.say("terminal.spread")}
        heads = [f"{short[q]} {self.say(f'column.{m}')}" for q in quantities for m in MOMENTS]
        table = _table(name, [self.say("column.layer"), *heads], narrow=True, tight=True)
        values = [(q, by_layer(run, q, m)) for q in quantities for m in MOMENTS]
        smallest = {"signal_spread": resolution(self.comparison.spec.training.dtype)}
        has_figure = meaning(run)
        for at in picked(len(labels), _MOST_LAYERS):
            cells = [
                resolved(v[at], smallest.get(q, 0.0)) if has_figure(q, at + 1) else NO_VALUE
                for q, v in values
            ]
            table.add_row(labels[at], *cells)
        return table

    def explanation(self) -> None:
        """Two or three sentences."""
        self.title("terminal.explanation")
        self.line(" ".join(explain(self.comparison, self.lang)))

    def paths(self, artifacts: Artifacts) -> None:
        """Where the report and the Runs lie."""
        if artifacts.report or artifacts.runs:
            self.line()
        if artifacts.report:
            self._path(self.say("terminal.report", path=artifacts.report))
        if artifacts.runs:
            self._path(self.say("terminal.runs", paths=joined(artifacts.runs)))

    def _path(self, text: str) -> None:
        """A path is not broken into lines: it is there to be copied."""
        from rich.text import Text

        self.console.print(Text(text), soft_wrap=True)

    def _side_by_side(self, blocks: Sequence[RenderableType]) -> None:
        from rich.table import Table

        widths = {at: self._width(block) for at, block in enumerate(blocks)}
        for at_group, group in enumerate(
            self._chunks(list(widths), lambda at: widths[at] + _GAP, first=0)
        ):
            grid = Table.grid(padding=(0, _GAP, 0, 0))
            for _ in group:
                grid.add_column(no_wrap=True)
            grid.add_row(*(blocks[at] for at in group))
            if at_group:
                self.line()
            self.console.print(grid)

    def _width(self, block: RenderableType) -> int:
        from rich.measure import Measurement

        return Measurement.get(self.console, self.console.options, block).maximum

    def _chunks(
        self, items: list[Any], width: Callable[[Any], int], first: int = 8
    ) -> list[list[Any]]:
        """Items in groups that fit beside each other; one alone where it does not fit at all."""
        groups: list[list[Any]] = [[]]
        used = first
        for item in items:
            if groups[-1] and used + width(item) > self.console.width + _GAP:
                groups.append([])
                used = first
            groups[-1].append(item)
            used += width(item)
        return groups


def _labels(run: Run) -> list[str]:
    """What the layers are called: their numbers, of somebody's own network with their names."""
    names = short_names([layer.name for layer in run.layers], _MOST_NAME)
    return [str(at) if run.notation else f"{at} {name}" for at, name in enumerate(names, 1)]


def _table(
    title: str,
    heads: Sequence[str],
    text_columns: int = 1,
    narrow: bool = False,
    tight: bool = False,
) -> Table:
    """A plain table: the first columns to the left, numbers to the right.

    Args:
        title: what stands above it.
        heads: columns' headings.
        text_columns: so many of them hold words.
        narrow: whether headings are broken before their last word.
        tight: whether one space between columns is enough.
    """
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        title=Text(title, style="bold") if title else None,
        title_justify="left",
        padding=(0, 0 if tight else 1, 0, 0),
        pad_edge=False,
    )
    for at, head in enumerate(heads):
        label = "\n".join(head.rsplit(" ", 1)) if narrow else head
        number_column = at >= text_columns
        table.add_column(
            Text(label),
            justify="right" if number_column else "left",
            no_wrap=number_column and cell_len(label) < _MOST_HEAD,
            overflow="fold",
        )
    return table
