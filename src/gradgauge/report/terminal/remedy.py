"""`gradgauge remedy` in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.result import RemedyResult
from gradgauge.report.remedy_files import title
from gradgauge.report.words.remedy import advice_lines, heads, not_applied_lines, row


def print_remedy(
    result: RemedyResult, lang: str, paths: Sequence[Path], console: Any = None
) -> None:
    """The verdict, the arms as a table, what could not be tried, the patch, and the files."""
    from rich.console import Console
    from rich.text import Text

    console = console or Console()
    console.print(Text(title(result, lang), "bold"))
    console.print(Text(result.sentence(lang)))
    if result.arms:
        console.print()
        console.print(_table(result, lang))
        console.print(Text(sentence("remedy.table.legend", lang), "dim"))
    for line in not_applied_lines(result, lang):
        console.print(Text(line, "dim"))
    for line in advice_lines(result, lang):
        console.print(Text(line))
    patch = result.patch_in(lang)
    if patch:
        console.print()
        console.print(Text(sentence("remedy.table.patch", lang), "bold"))
        console.print(Text(patch), soft_wrap=True)
    files = ", ".join(map(str, paths))
    console.print(Text(sentence("remedy.table.files", lang, paths=files)), soft_wrap=True)


def _table(result: RemedyResult, lang: str) -> Any:
    from rich.cells import cell_len
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    first, *rest = heads(lang)
    table.add_column(first)
    rows = [row(result, arm, lang) for arm in result.arms]
    for at, head in enumerate(rest, 1):
        # Names and heads break between words; figures are never cut.
        least = max(cell_len(text) for text in (*head.split(), *(row[at] for row in rows)))
        table.add_column(head, justify="right", width=least)
    for arm, cells in zip(result.arms, rows, strict=True):
        table.add_row(*cells, style="" if arm.is_confirmed else "dim")
    return table
