"""Pictures as PNG and SVG files, with the font that they need."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.report.charts import CHARTS, Chart
from gradgauge.report.charts._chart import Spec
from gradgauge.report.charts._draw import CONFIG, INK
from gradgauge.report.charts._legend import legend
from gradgauge.report.charts._rows import names_of
from gradgauge.report.fonts import FOLDER, STACK, font_face
from gradgauge.run import write_text_whole, write_whole
from gradgauge.study.compare import Comparison

_PNG_SCALE = 2


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
    folder = Path(folder)
    written: list[Path] = []
    for chart in CHARTS:
        spec = picture(chart, comparison, lang)
        if spec is None:
            continue
        written += write_picture(spec, folder, chart.name)
    return written


def write_picture(spec: Spec, folder: Path | str, name: str) -> list[Path]:
    """A finished Vega-Lite picture as `name.png` and `name.svg`, in our font.

    Raises:
        OutputProblem: the folder cannot be made or written.
    """
    folder = Path(folder)
    svg = to_svg({**spec, "config": {**spec.get("config", {}), "font": STACK}})
    return [
        _write_png(folder / f"{name}.png", svg),
        write_text_whole(folder / f"{name}.svg", with_font(svg)),
    ]


def picture(chart: Chart, comparison: Comparison, lang: str) -> Spec | None:
    """A chart with title and legend on a white ground; None if it has nothing to show."""
    rows = chart.data(comparison)
    if not rows:
        return None
    drawn = chart.draw(rows, lang)
    panels = {"concat": drawn.pop("hconcat"), "columns": 2, "spacing": drawn.pop("spacing")}
    body = [legend(names_of(rows)), panels] if chart.legend else [panels]
    title = {
        "text": sentence(f"report.chart.{chart.name}.title", lang),
        "anchor": "start", "fontSize": 16, "fontWeight": "bold", "color": INK, "offset": 14,
    }  # fmt: skip
    return {**drawn, "vconcat": body, "spacing": 10, "title": title, "background": "white",
            "padding": 18, "config": CONFIG}  # fmt: skip


def to_svg(spec: Spec) -> str:
    """The picture as SVG."""
    return _converter().vegalite_to_svg(spec)


def with_font(svg: str) -> str:
    """The SVG with the font inside, so that it shows Korean on a machine that has none."""
    head, mark, rest = svg.partition(">")
    return f"{head}{mark}<style>{font_face()}</style>{rest}"


def _write_png(path: Path, svg: str) -> Path:
    png = _converter().svg_to_png(svg, scale=_PNG_SCALE)
    return write_whole(path, lambda temporary: temporary.write_bytes(png))


@functools.cache
def _converter() -> Any:
    """vl-convert, knowing our font. Imported on first use: it takes a tenth of a second."""
    import vl_convert

    vl_convert.register_font_directory(str(FOLDER))
    return vl_convert
