"""Pictures of a comparison or of one Run: what stands on them, and the files that are written."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradgauge.errors import GradgaugeError, UnknownName
from gradgauge.messages.catalog import Message, sentence
from gradgauge.report.charts import CHARTS, watched
from gradgauge.report.charts.chart import Chart, Spec, Subject
from gradgauge.report.charts.draw import AXIS_WIDTH, CONFIG, INK, MUTED, PANEL_WIDTH
from gradgauge.report.charts.legend import legend
from gradgauge.report.charts.rows import Row, csv_columns, names_of
from gradgauge.report.charts.signal import SIGNAL
from gradgauge.report.charts.watched_run import WatchedRun
from gradgauge.report.rendering import (
    ENDINGS,
    PLAIN,
    Format,
    check_ending,
    flattened,
    write_png_and_svg,
    write_spec,
)
from gradgauge.report.subject import check_language, check_subject
from gradgauge.report.words.answer import answer
from gradgauge.report.words.labels import labeled
from gradgauge.report.words.wrapping import wrapped
from gradgauge.run import Run
from gradgauge.study.compare.result import Comparison
from gradgauge.writing import write_text_whole

CSV = ".csv"
FIGURES = (*ENDINGS, CSV)
"""The endings of a file that `write_picture` writes."""

_PADDING = 18
_WIDTH = 2 * (PANEL_WIDTH + AXIS_WIDTH) + 28
_TWO_COLUMNS = 520
_FLAT = 0.6
"""Height of panels that stand one above the other, so that all of them fit on a page."""

_TITLE, _SUBTITLE = 16, 12


def write_images(comparison: Comparison, folder: Path | str, lang: str = "en") -> list[Path]:
    """Every chart as PNG and SVG.

    Args:
        comparison: what was trained.
        folder: where the files go, each written whole or not at all.
        lang: `en` or `ko`.

    Returns:
        The files' paths.

    Raises:
        OutputProblem: the folder cannot be made or written.
    """
    folder, comparison = Path(folder), labeled(comparison, lang)
    written: list[Path] = []
    for chart in CHARTS:
        subtitle = answer(comparison, lang) if chart is SIGNAL else None
        spec = picture(chart, comparison, lang, subtitle)
        if spec is None:
            continue
        written += write_png_and_svg(spec, folder, chart.name)
    return written


def write_picture(
    subject: Comparison | Run,
    path: Path | str,
    lang: str = "en",
    *,
    chart: str = SIGNAL.name,
    width_mm: float | None = None,
    dpi: float | None = None,
    title: bool = True,
) -> Path:
    """Write one figure to a file; by default, the error signal and the forward signal by depth,
    before and after training.

    Args:
        subject: a Comparison or a Run, such as `watcher.run`.
        path: the file, with an extension in FIGURES, written completely or not at all. A `.csv`
            file contains the values of the figure.
        lang: `en` or `ko`.
        chart: `signal`, `learning`, `evolution`, `course`, `gains` or `units`.
        width_mm: width of the figure, such as 89 mm for one journal column; None: as wide as on
            the page.
        dpi: dots per inch of a PNG file; None: 192.
        title: whether to draw the title.

    Returns:
        The file's path.

    Raises:
        InvalidValue: the subject is neither, such as the path of a saved Run; or the width or
            resolution is impossible.
        UnknownName: another file extension, an unknown chart, or no such language.
        NothingToDraw: the subject lacks what the chart shows.
        OutputProblem: it cannot be written.
    """
    check_subject(subject)
    check_language(lang)
    check_ending(path, FIGURES)
    form = Format(width_mm, dpi, title)
    found = _chart(subject, chart)
    shown = WatchedRun(subject, lang) if isinstance(subject, Run) else labeled(subject, lang)
    if Path(path).suffix == CSV:
        return _write_csv(found.data(shown), path)
    told = answer(shown, lang) if isinstance(shown, Comparison) and found is SIGNAL else None
    spec = picture(found, shown, lang, told, form)
    if spec is None:
        raise NothingToDraw
    return write_spec(spec, path, lang, form)


def _chart(subject: Comparison | Run, name: str) -> Chart[Any]:
    charts = watched.WATCHED_CHARTS if isinstance(subject, Run) else CHARTS
    named = {chart.name.removeprefix("watched_"): chart for chart in charts}
    if name not in named:
        raise UnknownName("chart", name, named)
    return named[name]


class NothingToDraw(GradgaugeError):
    """A Run or a comparison in which a chart's figures were not seen."""

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("errors.nothing_to_draw", {})


def picture(
    chart: Chart[Subject],
    subject: Subject,
    lang: str,
    subtitle: str | None = None,
    form: Format = PLAIN,
) -> Spec | None:
    """A chart with title and legend on a white ground; None if it has nothing to show.

    Args:
        chart: what to draw.
        subject: what it shows.
        lang: `en` or `ko`.
        subtitle: a sentence under the title.
        form: its width, in which the parts find their places; whether it has a title.
    """
    rows = chart.data(subject)
    if not rows:
        return None
    drawn = chart.draw(rows, lang)
    width = form.width_px - 2 * _PADDING if form.width_px else _WIDTH
    columns = 2 if width >= _TWO_COLUMNS else 1
    if columns == 1 and len(drawn["hconcat"]) > 1:
        drawn = flattened(drawn, _FLAT)
    panels = {"concat": drawn.pop("hconcat"), "columns": columns, "spacing": drawn.pop("spacing")}
    body = [legend(names_of(rows), width), panels] if chart.legend else [panels]
    name = sentence(f"report.chart.{chart.name}.title", lang)
    return {
        **drawn,
        "vconcat": body,
        "spacing": 10,
        **({"title": _title(name, subtitle, width)} if form.title else {}),
        "background": "white",
        "padding": _PADDING if form.title else 4,
        "config": CONFIG,
    }


def _title(text: str, subtitle: str | None, width: float) -> Spec:
    """Title and subtitle in lines no wider than the chart."""
    title = {
        "text": wrapped(text, width, _TITLE) if width < _WIDTH else text,
        "anchor": "start",
        "fontSize": _TITLE,
        "fontWeight": "bold",
        "color": INK,
        "offset": 14,
    }
    if subtitle:
        title |= {
            "subtitle": wrapped(subtitle, width, _SUBTITLE),
            "subtitleFontSize": _SUBTITLE,
            "subtitleColor": MUTED,
            "subtitlePadding": 6,
        }
    return title


def _write_csv(rows: Sequence[Row], path: Path | str) -> Path:
    if not rows:
        raise NothingToDraw
    return write_text_whole(path, csv_text(rows))


def csv_text(rows: Sequence[Row]) -> str:
    """A chart's figures as comma-separated values: one row a point, as it was measured; empty
    where there is none, `shown` says as what it is written."""
    text = io.StringIO()
    writer = csv.DictWriter(text, csv_columns(rows), extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_told, rows))
    return text.getvalue()


def _told(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A value that is not finite stands there as what it is."""
    return {**row, "value": row["shown"]} if row.get("state") == "not-finite" else row
