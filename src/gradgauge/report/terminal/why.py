"""`gradgauge why` in the terminal, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.why import WHY, WhyShown
from gradgauge.report.images import picture
from gradgauge.report.rendering import write_png_and_svg
from gradgauge.report.words.arms import COLUMNS, heads, row, title_of
from gradgauge.study.why.counterfactuals import CONTROL
from gradgauge.study.why.result import Why
from gradgauge.study.why.sentences import arm_name, change_sentence, verdict_sentences

_WIDTHS = {"accuracy": 10, "lost": 16, "chi": 13, "spread": 9, "learned": 8}
"""Column -> the width that its figures need: together they fit into 80."""


def write_why_images(why: Why, folder: Path, lang: str) -> list[Path]:
    """The picture as PNG and SVG.

    Raises:
        OutputProblem: the folder cannot be written.
    """
    subtitle = f"{title_of(why, lang)}. {sentence('report.chart.why.caption', lang)}"
    spec = picture(WHY, WhyShown(why, lang), lang, subtitle)
    return write_png_and_svg(spec, folder, WHY.name) if spec else []


def print_why(why: Why, lang: str, paths: Sequence[Path], console: Any = None) -> None:
    """The arms of every optimizer as a table, the verdict, and where the files lie."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console(highlight=False)
    console.print(Text(title_of(why, lang), style="bold"))
    for optimizer in why.optimizers:
        console.print()
        console.print(_table(why, optimizer, lang))
    arms = len(why.arms) - len(why.optimizers)
    console.print(Text(sentence("why.table.decided", lang, comparisons=arms)))
    console.print()
    for arm in why.of(why.optimizers[0]).values():
        if arm.arm.name != CONTROL:
            name = Text(arm_name(arm.arm, lang), style="dim")
            console.print(name + Text(f": {change_sentence(arm.arm, lang)}"))
    console.print()
    console.print(Text(sentence("why.table.verdict", lang), style="bold"))
    for line in verdict_sentences(why, lang):
        console.print(Text(line))
    files = ", ".join(map(str, paths))
    console.print(Text(sentence("why.table.files", lang, paths=files)), soft_wrap=True)


def _table(why: Why, optimizer: str, lang: str) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(sentence("why.table.optimizer", lang, optimizer=optimizer)),
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 1, 0, 0),
    )
    for column, head in zip(COLUMNS, heads(lang), strict=True):
        width = _WIDTHS.get(column)
        justify = "right" if width else "left"
        table.add_column(Text(head), justify=justify, width=width, no_wrap=width is None)
    for arm in why.of(optimizer).values():
        table.add_row(*map(Text, row(why, arm, lang)))
    return table
