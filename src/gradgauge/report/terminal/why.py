"""`gradgauge why` in the terminal, and its picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.why import why_chart, why_data
from gradgauge.report.rendering import write_png_and_svg
from gradgauge.report.words.numbers import number, signed_decades
from gradgauge.spec.notation import write
from gradgauge.study.why.prediction import predicted_chi_grad
from gradgauge.study.why.result import Why
from gradgauge.study.why.sentences import arm_name, change_sentence, verdict_sentences
from gradgauge.study.why.verdict import TrainedArm

_PICTURE = "why"


def write_why_images(why: Why, folder: Path, lang: str) -> list[Path]:
    """The picture as PNG and SVG.

    Raises:
        OutputProblem: the folder cannot be written.
    """
    spec = why_chart(why_data(why, lang), lang, _title(why, lang))
    return write_png_and_svg(spec, folder, _PICTURE)


def print_why(why: Why, lang: str, paths: Sequence[Path], console: Any = None) -> None:
    """The arms of every optimiser as a table, the verdict, and where the files lie."""
    from rich.console import Console

    console = console or Console()
    console.print(f"[bold]{_title(why, lang)}[/bold]", highlight=False)
    for optimizer in why.optimizers:
        console.print()
        console.print(_table(why, optimizer, lang))
    arms = len(why.arms) - len(why.optimizers)
    console.print(sentence("why.table.decided", lang, comparisons=arms), highlight=False)
    console.print()
    for arm in why.of(why.optimizers[0]).values():
        name, change = arm_name(arm.arm, lang), change_sentence(arm.arm, lang)
        console.print(f"[dim]{name}[/dim]: {change}", highlight=False)
    console.print()
    console.print(f"[bold]{sentence('why.table.verdict', lang)}[/bold]")
    for line in verdict_sentences(why, lang):
        console.print(line, highlight=False)
    files = ", ".join(map(str, paths))
    console.print(sentence("why.table.files", lang, paths=files), highlight=False, soft_wrap=True)


def _title(why: Why, lang: str) -> str:
    return sentence(
        "why.table.title",
        lang,
        notation=write(why.network),
        epochs=why.training.epochs,
        seeds=len(why.training.seeds),
    )


_COLUMNS = {"accuracy": 10, "lost": 16, "chi": 11, "spread": 9, "learned": 8}
"""Column -> the width that its figures need: together they fit into 80."""


def _table(why: Why, optimizer: str, lang: str) -> Any:
    from rich.table import Table

    table = Table(
        title=sentence("why.table.optimizer", lang, optimizer=optimizer),
        title_justify="left",
        title_style="bold",
        box=None,
        padding=(0, 1, 0, 0),
    )
    table.add_column(sentence("why.table.arm", lang), no_wrap=True)
    for key, width in _COLUMNS.items():
        table.add_column(sentence(f"why.table.{key}", lang), justify="right", width=width)
    for arm in why.of(optimizer).values():
        table.add_row(*_row(why, arm, lang))
    return table


def _row(why: Why, arm: TrainedArm, lang: str) -> list[str]:
    summary, lost = arm.test_accuracy, arm.attenuation("first")
    half = "" if summary.interval is None else f"±{_short(summary.interval[1] - summary.mean)}"
    parts = f"{signed_decades(lost.slope_decades)} {signed_decades(lost.weight_decades)}"
    predicted = predicted_chi_grad(arm.arm, why.input_square)
    learned = why.learned_at(arm)
    mark = {None: " ", True: "*", False: " "}[arm.decided]
    return [
        arm_name(arm.arm, lang),
        f"{summary.mean:.3f}{half}{mark}",
        f"{signed_decades(lost.decades)} ({parts})",
        f"{number(predicted, 2)}/{number(arm.chi_grad_measured, 2)}",
        number(arm.last_spread("first"), 2),
        sentence("why.table.never", lang) if learned is None else f"{learned:.0f}",
    ]


def _short(value: float) -> str:
    """Two decimals without the zero in front: `.30`."""
    return f"{value:.2f}".removeprefix("0")
