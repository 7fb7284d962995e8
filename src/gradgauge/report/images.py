"""Pictures as PNG, SVG and HTML files, with the font that they need."""

from __future__ import annotations

import functools
import html
import json
import textwrap
from pathlib import Path
from typing import Any

from gradgauge.errors import GradgaugeError, UnknownName
from gradgauge.messages.catalog import Message, sentence
from gradgauge.messages.clean import clean_tree
from gradgauge.report.charts import CHARTS, watched
from gradgauge.report.charts._chart import Chart, Spec, Subject
from gradgauge.report.charts._draw import CONFIG, INK, MUTED
from gradgauge.report.charts._legend import legend
from gradgauge.report.charts._rows import names_of
from gradgauge.report.charts._watched import Watched
from gradgauge.report.charts.signal import SIGNAL
from gradgauge.report.page.fonts import FOLDER, STACK, font_face
from gradgauge.report.page.vega_bundle import vega_bundle
from gradgauge.report.subject import check_subject
from gradgauge.report.words.answer import answer
from gradgauge.report.words.labels import labelled
from gradgauge.run import Run, write_text_whole, write_whole
from gradgauge.study.compare.result import Comparison

ENDINGS = (".png", ".svg", ".html")

_PNG_SCALE = 2
_SUBTITLE_LETTERS = 110
_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>
<style>{font}body{{font-family:{stack};margin:1.5rem}}</style>
<script>{bundle}</script></head>
<body><div id="chart"></div>
<script>vegaEmbed("#chart", {spec}, {{"actions": true}});</script></body></html>
"""


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
    folder, comparison = Path(folder), labelled(comparison, lang)
    written: list[Path] = []
    for chart in CHARTS:
        subtitle = answer(comparison, lang) if chart is SIGNAL else None
        spec = picture(chart, comparison, lang, subtitle)
        if spec is None:
            continue
        written += write_png_and_svg(spec, folder, chart.name)
    return written


def write_picture(subject: Comparison | Run, path: Path | str, lang: str = "en") -> Path:
    """The error signal by depth, and the forward signal under it, before and after training.

    Args:
        subject: what was trained; of a watched training `watcher.run`.
        path: the file, of one of ENDINGS; written whole or not at all.
        lang: `en` or `ko`.

    Returns:
        The file's path.

    Raises:
        InvalidValue: it is neither, such as a saved Run's path.
        UnknownName: another ending.
        NothingToDraw: no layer has shown either signal.
        OutputProblem: it cannot be written.
    """
    check_subject(subject)
    check_ending(path)
    spec = signal_picture(subject, lang)
    if spec is None:
        raise NothingToDraw
    return write_spec(spec, path, lang)


def signal_picture(subject: Comparison | Run, lang: str) -> Spec | None:
    """The same as a Vega-Lite picture; None if it has nothing to show."""
    if isinstance(subject, Run):
        return picture(watched.SIGNAL, Watched(subject, lang), lang)
    return picture(SIGNAL, labelled(subject, lang), lang, answer(subject, lang))


class NothingToDraw(GradgaugeError):
    """A Run or a comparison in which neither signal was seen."""

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("errors.nothing_to_draw", {})


def write_png_and_svg(spec: Spec, folder: Path | str, name: str) -> list[Path]:
    """A finished Vega-Lite picture as `name.png` and `name.svg`, in our font.

    Raises:
        OutputProblem: the folder cannot be made or written.
    """
    svg = to_svg(_in_our_font(spec))
    return [_write(svg, Path(folder) / f"{name}{ending}") for ending in (".png", ".svg")]


def write_spec(spec: Spec, path: Path | str, lang: str = "en") -> Path:
    """A finished Vega-Lite picture as a file of one of ENDINGS, in our font.

    Raises:
        UnknownName: another ending.
        OutputProblem: it cannot be written.
    """
    path = Path(path)
    check_ending(path)
    spec = _in_our_font(spec)
    if path.suffix != ".html":
        return _write(to_svg(spec), path)
    page = _PAGE.format(
        lang=lang,
        title=html.escape(spec["title"]["text"]),
        font=font_face(),
        stack=STACK,
        bundle=vega_bundle(),
        # "</" would end the script.
        spec=json.dumps(spec, ensure_ascii=False, allow_nan=False).replace("</", "<\\/"),
    )
    return write_text_whole(path, page)


def check_ending(path: Path | str) -> None:
    """Raise unless a picture can be written to a file of this name.

    Raises:
        UnknownName: its ending is none of ENDINGS.
    """
    suffix = Path(path).suffix
    if suffix not in ENDINGS:
        raise UnknownName("image", suffix, ENDINGS)


def picture(
    chart: Chart[Subject], subject: Subject, lang: str, subtitle: str | None = None
) -> Spec | None:
    """A chart with title and legend on a white ground; None if it has nothing to show.

    Args:
        chart: what to draw.
        subject: what it shows.
        lang: `en` or `ko`.
        subtitle: a sentence under the title.
    """
    rows = chart.data(subject)
    if not rows:
        return None
    drawn = chart.draw(rows, lang)
    panels = {"concat": drawn.pop("hconcat"), "columns": 2, "spacing": drawn.pop("spacing")}
    body = [legend(names_of(rows)), panels] if chart.legend else [panels]
    title = {
        "text": sentence(f"report.chart.{chart.name}.title", lang),
        "anchor": "start",
        "fontSize": 16,
        "fontWeight": "bold",
        "color": INK,
        "offset": 14,
        **(_subtitle(subtitle) if subtitle else {}),
    }
    return {
        **drawn,
        "vconcat": body,
        "spacing": 10,
        "title": title,
        "background": "white",
        "padding": 18,
        "config": CONFIG,
    }


def _subtitle(text: str) -> Spec:
    """Lines of a sentence, no wider than the chart."""
    return {
        "subtitle": textwrap.wrap(text, _SUBTITLE_LETTERS),
        "subtitleFontSize": 12,
        "subtitleColor": MUTED,
        "subtitlePadding": 6,
    }


def to_svg(spec: Spec) -> str:
    """The picture as SVG."""
    return _converter().vegalite_to_svg(spec)


def with_font(svg: str) -> str:
    """The SVG with the font inside, so that it shows Korean on a machine that has none."""
    head, mark, rest = svg.partition(">")
    return f"{head}{mark}<style>{font_face()}</style>{rest}"


def _in_our_font(spec: Spec) -> Spec:
    return clean_tree({**spec, "config": {**spec.get("config", {}), "font": STACK}})


def _write(svg: str, path: Path) -> Path:
    """The picture as PNG or SVG, by the path's ending."""
    if path.suffix == ".svg":
        return write_text_whole(path, with_font(svg))
    png = _converter().svg_to_png(svg, scale=_PNG_SCALE)
    return write_whole(path, lambda temporary: temporary.write_bytes(png))


@functools.cache
def _converter() -> Any:
    """vl-convert, knowing our font. Imported on first use: it takes a tenth of a second."""
    import vl_convert

    vl_convert.register_font_directory(str(FOLDER))
    return vl_convert
