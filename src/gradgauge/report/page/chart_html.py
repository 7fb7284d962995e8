"""A chart on a page: its picture with legend, caption, text alternative and data table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Chart, Spec, Subject
from gradgauge.report.charts.draw import INK, WIDE
from gradgauge.report.charts.legend import legend
from gradgauge.report.charts.rows import Row, csv_columns, names_of
from gradgauge.report.charts.signal import PREDICTED
from gradgauge.report.charts.stepped import PARAMETER, marked, profile_panels, steps_of
from gradgauge.report.page.page import prose, script_json
from gradgauge.report.page.palette import COLORS, styles
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
    if chart.bars and any(row.get("low") != row.get("high") for row in rows):
        notes.append(sentence("report.bars", lang))
    if any(row.get("quantity") == PREDICTED for row in rows):
        notes.append(sentence("report.predicted", lang))
    if _is_picked(rows, chart.row_key):
        notes.append(sentence("report.picked", lang))
    label = escape(chart.describe(subject, lang), quote=True)
    inner = scrolling(data_table(chart, rows, lang), name)
    steps = steps_of(rows) if chart.stepped else []
    stepper = _stepper(chart, rows, steps, lang) if len(steps) > 1 else ""
    return (
        f"{head}<figure>"
        f"<figcaption>{prose(' '.join(notes))}</figcaption>"
        f"{_legend(names_of(rows), lang) if chart.legend else ''}"
        f'<div class="panels" role="img" aria-label="{label}"></div>'
        f'<script type="application/json">{script_json(_for_page(chart, rows, lang))}</script>'
        f"{stepper}"
        f"<noscript><p>{escape(sentence('report.no_script', lang))}</p></noscript>"
        f"{_downloads(name, lang)}"
        f"{folded(sentence('report.table_of', lang, title=name), inner, 'chart-data')}"
        "</figure>"
    )


def _for_page(chart: Chart[Any], rows: Sequence[Row], lang: str) -> Spec:
    """The chart, and in its `usermeta` what the page makes of it: the picture to save, the panels
    that the slider moves."""
    drawn = chart.draw(rows, lang)
    meta = {
        **drawn.get("usermeta", {}),
        "name": chart.name,
        "columns": csv_columns(rows),
        "picture": {
            "title": sentence(f"report.chart.{chart.name}.title", lang),
            "legend": legend(names_of(rows), WIDE) if chart.legend else None,
            "ink": INK,
        },
    }
    if chart.stepped and len(steps := steps_of(rows)) > 1:
        drawn = marked(drawn)
        meta |= {"steps": steps, "parameter": PARAMETER, "profile": profile_panels(rows, lang)}
    return {**drawn, "usermeta": meta}


def _downloads(title: str, lang: str) -> str:
    """Buttons that save the picture, or its figures; shown where the page's script runs."""
    buttons = "".join(
        f'<button type="button" data-kind="{kind.lower()}" aria-label="'
        f'{escape(sentence("report.download.as", lang, kind=kind, title=title), quote=True)}">'
        f"{kind}</button>"
        for kind in ("PNG", "SVG", "CSV")
    )
    words = escape(sentence("report.download.label", lang))
    return f'<p class="downloads" hidden>{words} {buttons}</p>'


def _stepper(chart: Chart[Any], rows: Sequence[Row], steps: Sequence[int], lang: str) -> str:
    """A slider over the probes, and the panels of the one it stands at."""
    key = f"at-{chart.name}"
    told = [sentence("report.stepper.at", lang, step=f"{step:,}") for step in steps]
    told[0] = sentence("report.stepper.start", lang) if steps[0] == 0 else told[0]
    label = escape(sentence("report.stepper.label", lang))
    panels = escape(sentence("report.stepper.alt", lang), quote=True)
    return (
        f'<div class="stepper" hidden><p><label for="{key}">{label}</label> '
        f'<output for="{key}">{escape(told[0])}</output></p>'
        f'<input type="range" id="{key}" min="0" max="{len(steps) - 1}" value="0" step="1" '
        f'data-told="{escape(json.dumps(told, ensure_ascii=False), quote=True)}" aria-valuetext="{escape(told[0], quote=True)}">'
        f"{_legend(names_of(rows), lang)}"
        f'<div class="panels profile" role="img" aria-label="{panels}"></div></div>'
    )


def _is_picked(rows: Sequence[dict[str, Any]], key: str) -> bool:
    """Whether layers or steps between the first and the last are left out."""
    if not isinstance(rows[0][key], int):
        return False
    # Curves by role share one axis: together they have all layers.
    places = {("" if "stack" in row else row["network"], row[key]) for row in rows}
    for name in {name for name, _ in places}:
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
        color = f"var(--c{COLORS.index(look.color)})"
        dash = " ".join(map(str, look.dash)) if look.dash[1] else "none"
        items.append(
            f'<li><svg width="36" height="12" aria-hidden="true">'
            f'<path d="M0 6h36" style="stroke:{color};stroke-width:2;stroke-dasharray:{dash}"/>'
            f'<path d="{_SHAPE_PATHS[look.shape]}" style="fill:{color}"/></svg>'
            f"{escape(name)}</li>"
        )
    label = escape(sentence("report.legend", lang))
    return f'<ul class="legend" aria-label="{label}">{"".join(items)}</ul>'
