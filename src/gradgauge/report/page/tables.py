"""HTML tables, with headings that a screen reader can follow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.chart import Chart
from gradgauge.report.charts.rows import Row
from gradgauge.report.words.numbers import NO_VALUE


def table(
    head: Sequence[str],
    body: Iterable[Sequence[str]],
    caption: str = "",
    foot: Sequence[str] | None = None,
    text_columns: frozenset[int] = frozenset(),
) -> str:
    """A table whose first column heads its rows.

    Args:
        head: columns' headings.
        body: rows of plain text.
        caption: what the table shows.
        foot: a last row.
        text_columns: columns of words, set to the left.
    """

    def attribute(at: int) -> str:
        return ' class="text"' if at in text_columns or at == 0 else ""

    def row(cells: Sequence[str]) -> str:
        rest = "".join(f"<td{attribute(i)}>{escape(c)}</td>" for i, c in enumerate(cells[1:], 1))
        return f'<tr><th scope="row">{escape(cells[0])}</th>{rest}</tr>'

    heads = "".join(f'<th scope="col"{attribute(i)}>{escape(h)}</th>' for i, h in enumerate(head))
    top = f"<caption>{escape(caption)}</caption>" if caption else ""
    end = f"<tfoot>{row(foot)}</tfoot>" if foot else ""
    rows = "".join(row(cells) for cells in body)
    return f"<table>{top}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>{end}</table>"


def scrolling(inner: str, label: str) -> str:
    """A box that scrolls when its table is too large, by keyboard, too."""
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(label)}">{inner}</div>'
    )


def folded(summary: str, inner: str, kind: str = "") -> str:
    """Something that opens on demand."""
    name = f' class="{kind}"' if kind else ""
    return f"<details{name}><summary>{escape(summary)}</summary>{inner}</details>"


def data_table(chart: Chart[Any], rows: Sequence[Row], lang: str) -> str:
    """A chart's data: its rows' key down, networks and quantities across."""
    keys = list(dict.fromkeys(row[chart.row_key] for row in rows))
    places = [
        {value: at for at, value in enumerate(dict.fromkeys(row[key] for row in rows))}
        for key in chart.column_keys
    ]
    columns = sorted(
        {tuple(row[key] for key in chart.column_keys) for row in rows},
        key=lambda column: [place[value] for place, value in zip(places, column, strict=True)],
    )
    cells = {(r[chart.row_key], tuple(r[c] for c in chart.column_keys)): r["shown"] for r in rows}
    named = {r[chart.row_key]: f"{r[chart.row_key]} · {r['label']}" for r in rows if "label" in r}
    first = sentence(f"report.column.{chart.row_key}", lang)
    heads = "".join(_deep_head(chart, columns, at, first, lang) for at in range(len(columns[0])))
    body = "".join(
        f'<tr><th scope="row">{escape(named.get(key, str(key)))}</th>'
        + "".join(f"<td>{escape(cells.get((key, column), NO_VALUE))}</td>" for column in columns)
        + "</tr>"
        for key in sorted(keys)
    )
    return f'<table class="deep"><thead>{heads}</thead><tbody>{body}</tbody></table>'


def _deep_head(
    chart: Chart[Any], columns: Sequence[tuple[object, ...]], depth: int, first: str, lang: str
) -> str:
    """One row of a heading of several rows: equal neighbors share a cell."""
    spans: list[tuple[object, int]] = []
    prefix: tuple[object, ...] | None = None
    for column in columns:
        if column[: depth + 1] == prefix:
            spans[-1] = (spans[-1][0], spans[-1][1] + 1)
        else:
            spans.append((column[depth], 1))
            prefix = column[: depth + 1]
    kind = chart.column_keys[depth]
    scope = "col" if depth + 1 == len(columns[0]) else "colgroup"
    cells = "".join(
        f'<th scope="{scope}" colspan="{span}">{escape(_label(kind, value, lang))}</th>'
        for value, span in spans
    )
    corner = ""
    if depth == 0:
        corner = f'<th scope="col" class="text" rowspan="{len(columns[0])}">{escape(first)}</th>'
    return f"<tr>{corner}{cells}</tr>"


def _label(kind: str, value: object, lang: str) -> str:
    if kind in ("quantity", "moment"):
        return sentence(f"report.{kind}.{value}", lang)
    return str(value)
