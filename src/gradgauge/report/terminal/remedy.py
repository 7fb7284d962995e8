"""`gradgauge remedy` in the terminal, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.result import Arm, Over, RemedyResult
from gradgauge.remedies.sentences import arm_name
from gradgauge.report.charts.remedy import remedy_chart, remedy_data
from gradgauge.report.images import write_png_and_svg

_PICTURE = "remedy"


def write_remedy_images(result: RemedyResult, folder: Path, lang: str) -> list[Path]:
    """The picture as PNG and SVG; none where nothing was confirmed.

    Raises:
        OutputProblem: the folder cannot be written.
    """
    rows = remedy_data(result, lang)
    if not rows:
        return []
    return write_png_and_svg(remedy_chart(rows, lang, title(result, lang)), folder, _PICTURE)


def title(result: RemedyResult, lang: str) -> str:
    """What was to be repaired."""
    return sentence("remedy.table.title", lang, target=result.target)


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
    for name, why in result.cannot.items():
        told = sentence(
            "remedy.table.not_applied",
            lang,
            remedy=sentence(f"remedy.name.{name}", lang),
            reason=why.sentence(lang),
        )
        console.print(Text(told, "dim"))
    for advice in result.advice(lang):
        console.print(Text(sentence("remedy.table.advice", lang, advice=advice)))
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
    table.add_column(sentence("remedy.table.arm", lang))
    rows = [_row(result, arm, lang) for arm in result.arms]
    for at, key in enumerate(("rate", "score", "over_control", "over_search", "gone", "cost"), 1):
        head = sentence(f"remedy.table.{key}", lang)
        # Names and heads break between words; figures are never cut.
        least = max(cell_len(text) for text in (*head.split(), *(row[at] for row in rows)))
        table.add_column(head, justify="right", width=least)
    for arm, row in zip(result.arms, rows, strict=True):
        table.add_row(*row, style="" if arm.is_confirmed else "dim")
    return table


def _row(result: RemedyResult, arm: Arm, lang: str) -> list[str]:
    summary = arm.summary
    half = "" if summary.interval is None else f"±{summary.interval[1] - summary.mean:.2f}"
    mark = " ←" if arm is result.winning else ""
    gone = {None: "", True: "remedy.table.yes", False: "remedy.table.no"}[arm.finding_gone]
    times = arm.cost.get("seconds_per_step")
    return [
        f"{arm_name(arm, lang)}{mark}",
        f"{arm.rate:.2g}",
        f"{summary.mean:.3f}{half}",
        _over(arm.over_control),
        _over(arm.over_random_search),
        sentence(gone, lang) if gone else "",
        f"{times:.1f}" if times and times == times else "",
    ]


def _over(over: Over | None) -> str:
    if over is None:
        return ""
    return f"{over.mean:+.3f}{'*' if over.decided else ' '}"
