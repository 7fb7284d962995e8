"""Headings, tables and sentences of `gradgauge theory`, in one language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradgauge.messages.catalog import Catalog
from gradgauge.report.words.numbers import NO_VALUE, number

if TYPE_CHECKING:
    from gradgauge.study.theory.agreement import Measured
    from gradgauge.study.theory.measurement import Measurement

DIGITS = 6
"""Of what is computed; what is measured has fewer."""

LEFT, RIGHT = "left", "right"


class Page:
    """What is printed, from the heading down.

    Attributes:
        say: the sentences of its language.
    """

    say: Catalog

    def __init__(self, lang: str):
        from rich.console import Console

        self.say, self._console = Catalog(lang), Console()

    def heading(self, title: str) -> None:
        """A title and a gap."""
        self._console.print(title, style="bold", highlight=False, markup=False)
        self.gap()

    def gap(self) -> None:
        """An empty line."""
        self._console.print()

    def lines(self, *lines: str) -> None:
        """Sentences, one a line; empty ones are left out."""
        for line in filter(None, lines):
            self._console.print(line, highlight=False, markup=False)

    def notes(self, reasons: Mapping[str, str]) -> None:
        """Why figures are missing, infinite or limits: one line a reason."""
        names: dict[str, list[str]] = {}
        for name, key in reasons.items():
            names.setdefault(key, []).append(name)
        self.lines(*(f"{', '.join(of)}: {self.reason(key)}." for key, of in names.items()))
        if names:
            self.gap()

    def reason(self, key: str | None) -> str:
        """A reason's words, from theory's table or this command's."""
        if key is None:
            return ""
        own = f"theory_command.unjudged.{key}"
        return self.say(own if own in self.say else f"theory.reason.{key}")

    def reason_line(self, key: str | None) -> str:
        """The same as a sentence of its own."""
        return as_sentence(self.reason(key))

    def files(self, paths: Sequence[Path]) -> None:
        """Where it was written, on one line however long: to be copied."""
        if paths:
            listed = ", ".join(map(str, paths))
            self._console.print(
                self.say("theory_command.files", paths=listed),
                highlight=False,
                markup=False,
                soft_wrap=True,
            )

    def table(
        self, head: Iterable[str], rows: Iterable[Sequence[str]], left: Sequence[str] = (LEFT,)
    ) -> None:
        """A table whose heads are keys of `theory_command.column`, or text after `=`.

        Args:
            head, rows: as they stand.
            left: how the first columns are aligned; the others to the right.
        """
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="dim")
        for at, key in enumerate(head):
            name = (
                key.removeprefix("=")
                if key.startswith("=")
                else self.say(f"theory_command.column.{key}")
            )
            justify: Any = left[at] if at < len(left) else RIGHT
            table.add_column(name, justify=justify, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print(table)
        self.gap()

    def values(self, rows: Iterable[Sequence[str]]) -> None:
        """Names and figures."""
        self.table(("quantity", "value"), rows)

    def measured(self, measurement: Measurement) -> None:
        """Every figure: predicted, measured, its interval, whether they agree."""
        rows = [self._measured(figure) for figure in measurement.figures]
        self.table(("quantity", "predicted", "measured", "interval", "agrees"), rows)
        reasons = {f.name: f.reason for f in measurement.figures if f.reason}
        self.notes({k: v for k, v in reasons.items() if v != "no_prediction"})

    def _measured(self, figure: Measured) -> list[str]:
        summary = figure.summary
        interval = summary.interval if summary else None
        return [
            self.quantity(figure.name),
            number(figure.predicted, 5),
            number(summary.mean, 4) if summary else NO_VALUE,
            f"{number(interval[0], 4)} – {number(interval[1], 4)}" if interval else NO_VALUE,
            self.verdict(figure.agrees),
        ]

    def quantity(self, name: str) -> str:
        """A quantity's name in words."""
        known = f"theory.quantity.{name}"
        return self.say(known if known in self.say else f"theory_command.quantity.{name}")

    def verdict(self, agrees: bool | None) -> str:
        """Yes, no, or nothing where it was not judged."""
        if agrees is None:
            return NO_VALUE
        return self.say("theory_command.yes" if agrees else "theory_command.no")

    def size(self, measurement: Measurement) -> None:
        """What was measured on, and the rule by which figures agree."""
        size = measurement.size
        self.lines(
            self.say(
                "theory_command.size" if size.settled else "theory_command.size_all",
                networks=len(measurement.seeds),
                width=size.width,
                layers=size.layers,
                settled=size.settled,
                dropped=size.dropped,
                samples=size.samples,
            ),
            self.say("theory_command.rule"),
            self.say("theory_command.estimated") if measurement.estimated else "",
        )


def as_sentence(words: str) -> str:
    """With a capital and a full stop; nothing of nothing."""
    return f"{words[:1].upper()}{words[1:]}." if words else ""
