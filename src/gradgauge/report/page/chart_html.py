"""A chart on a page: its picture with legend, caption, text alternative and data table."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts._chart import Chart, Subject
from gradgauge.report.charts._rows import names_of
from gradgauge.report.page.page import prose, script_json
from gradgauge.report.page.palette import COLOURS, styles
from gradgauge.report.page.tables import data_table, folded, scrolling


def chart_figure(chart: Chart[Subject], subject: Subject, lang: str, title: bool = True) -> str:
    """The figure's HTML; empty without data.

    Args:
        chart: which.
        subject: of what.
        lang: its language.
        title: whether a heading of its own stands above it.
    """
    rows = chart.data(subject)
    if not rows:
        return ""
    name = sentence(f"report.chart.{chart.name}.title", lang)
    head = f"<h3>{escape(name)}</h3>" if title else ""
    notes = [sentence(f"report.chart.{chart.name}.caption", lang)]
    seen = [row for row in rows if row["state"] != "absent"]
    if any(row["value"] is None or (chart.log and row["value"] == 0) for row in seen):
        notes.append(sentence("report.foot", lang))
    if any(row.get("low") != row.get("high") for row in rows):
        notes.append(sentence("report.bars", lang))
    if _is_picked(rows, chart.row_key):
        notes.append(sentence("report.picked", lang))
    label = escape(chart.describe(subject, lang), quote=True)
    inner = scrolling(data_table(chart, rows, lang), name)
    return (
        f"{head}<figure>"
        f"<figcaption>{prose(' '.join(notes))}</figcaption>"
        f"{_legend(names_of(rows), lang) if chart.legend else ''}"
        f'<div class="panels" role="img" aria-label="{label}"></div>'
        f'<script type="application/json">{script_json(chart.draw(rows, lang))}</script>'
        f"<noscript><p>{escape(sentence('report.no_script', lang))}</p></noscript>"
        f"{folded(sentence('report.table_of', lang, title=name), inner, 'chart-data')}"
        "</figure>"
    )


def _is_picked(rows: Sequence[dict[str, Any]], key: str) -> bool:
    """Whether layers or steps between the first and the last are left out."""
    places = {(row["network"], row[key]) for row in rows}
    for name in names_of(rows):
        of_network = [place for network, place in places if network == name]
        if len(of_network) < max(of_network) - min(of_network) + 1:
            return True
    return False


_SHAPE_PATHS = {
    "circle": "M18 2.6a3.4 3.4 0 1 0 .01 0z",
    "square": "M15 3h6v6h-6z",
    "triangle-up": "M18 2l4 7h-8z",
    "diamond": "M18 1.5l4 4.5-4 4.5-4-4.5z",
    "cross": "M16.7 2h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7v-2.6h2.7z",
    "triangle-down": "M18 10l4-7h-8z",
    "triangle-right": "M22 6l-7 4v-8z",
}


def _legend(names: Sequence[str], lang: str) -> str:
    items = []
    for name, look in styles(names).items():
        colour = f"var(--c{COLOURS.index(look.colour)})"
        dash = " ".join(map(str, look.dash)) if look.dash[1] else "none"
        items.append(
            f'<li><svg width="36" height="12" aria-hidden="true">'
            f'<path d="M0 6h36" style="stroke:{colour};stroke-width:2;stroke-dasharray:{dash}"/>'
            f'<path d="{_SHAPE_PATHS[look.shape]}" style="fill:{colour}"/></svg>'
            f"{escape(name)}</li>"
        )
    label = escape(sentence("report.legend", lang))
    return f'<ul class="legend" aria-label="{label}">{"".join(items)}</ul>'
