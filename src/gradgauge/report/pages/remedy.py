"""The page of `gradgauge remedy`: the verdict, the arms, the curves and signals, and the patch."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from gradgauge._version import __version__
from gradgauge.messages.catalog import sentence
from gradgauge.remedies.result import RemedyResult
from gradgauge.report.charts.chart import Chart
from gradgauge.report.charts.remedy import ARMS, CURVES, SIGNALS, RemedyShown
from gradgauge.report.page.chart_html import chart_figure
from gradgauge.report.page.page import as_sections, heading, how_to_repeat, page, prose
from gradgauge.report.page.tables import scrolling, table
from gradgauge.report.remedy_files import title
from gradgauge.report.words.remedy import (
    advice_lines,
    heads,
    not_applied_lines,
    row,
    spending_line,
)
from gradgauge.writing import write_text_whole


def write_remedy_page(
    result: RemedyResult,
    path: Path | str,
    lang: str = "en",
    command: str = "",
    runs: Sequence[Path] = (),
) -> Path:
    """Write the page, whole or not at all.

    Args:
        result: the trial.
        path: the HTML file.
        lang: `en` or `ko`.
        command: what was typed to make it, if it was.
        runs: files of the confirmed arms' Runs, which the page names.

    Raises:
        OutputProblem: it cannot be written.
    """
    return write_text_whole(path, remedy_page(result, lang, command, runs))


def remedy_page(
    result: RemedyResult, lang: str = "en", command: str = "", runs: Sequence[Path] = ()
) -> str:
    """The trial as one page of HTML."""
    shown = RemedyShown(result, lang)
    sections = as_sections(
        [
            _chart(ARMS, shown),
            ("remedy_patch", patch(result, lang)),
            _chart(CURVES, shown),
            _chart(SIGNALS, shown),
            ("remedy_figures", figures(result, lang)),
            ("remedy_judged", _judged(result, lang)),
            ("repeat", _repeat(lang, command, runs)),
        ]
    )
    standfirst = f'<p class="lead">{prose(result.sentence(lang))}</p>'
    return page(title(result, lang), standfirst, sections, lang)


def _chart(chart: Chart[RemedyShown], shown: RemedyShown) -> tuple[str, str]:
    """A section of one picture: its name and inner HTML, empty where there is nothing to draw."""
    drawn = chart_figure(chart, shown, shown.lang, title=False)
    title = sentence(f"report.chart.{chart.name}.title", shown.lang)
    return chart.name, heading(chart.name, title) + drawn if drawn else ""


def patch(result: RemedyResult, lang: str) -> str:
    """The lines to write, and what only the owner can change, with a heading."""
    told = "".join(f"<p>{prose(line)}</p>" for line in advice_lines(result, lang))
    lines = result.patch_in(lang)
    if lines:
        told = f'<pre tabindex="0"><code>{escape(lines)}</code></pre>{told}'
    if not told:
        return ""
    return heading("remedy_patch", sentence("remedy.table.patch", lang)) + told


def figures(result: RemedyResult, lang: str) -> str:
    """The table of all arms, with a heading; empty where nothing was tried."""
    if not result.arms:
        return ""
    rows = [row(result, arm, lang) for arm in result.arms]
    body = scrolling(table(heads(lang), rows), title(result, lang))
    told = [sentence("report.remedy.legend", lang), *not_applied_lines(result, lang)]
    notes = "".join(f'<p class="muted">{prose(line)}</p>' for line in told)
    name = sentence("report.section.remedy_figures", lang)
    return heading("remedy_figures", name) + body + notes


def _judged(result: RemedyResult, lang: str) -> str:
    if not result.arms:
        return ""
    told = f"<p>{prose(sentence('report.remedy.judged', lang))}</p>"
    told += f"<p>{prose(spending_line(result, lang))}</p>"
    return heading("remedy_judged", sentence("report.section.remedy_judged", lang)) + told


def _repeat(lang: str, command: str, runs: Sequence[Path]) -> str:
    facts = [("versions", f"gradgauge {__version__}")]
    facts += [("runs", ", ".join(path.name for path in runs))] if runs else []
    return how_to_repeat(facts, lang, command)
