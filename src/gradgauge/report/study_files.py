"""A study's chart as files: PNG, SVG and a page that needs no network."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from gradgauge.errors import UnknownName
from gradgauge.report.charts.study import study_chart
from gradgauge.report.fonts import STACK, font_face
from gradgauge.report.images import to_svg, with_font
from gradgauge.report.vega_bundle import vega_bundle
from gradgauge.run import write_text_whole, write_whole
from gradgauge.study.slices import Slice

ENDINGS = (".png", ".svg", ".html")

_PNG_SCALE = 2
_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>
<style>{font}body{{font-family:{stack};margin:1.5rem}}</style>
<script>{bundle}</script></head>
<body><div id="chart"></div>
<script>vegaEmbed("#chart", {spec}, {{"actions": true}});</script></body></html>
"""


def write_study_chart(part: Slice, out: Path | str, name: str, lang: str = "en") -> list[Path]:
    """Write the chart of a slice.

    Args:
        part: what it shows.
        out: a file of one of ENDINGS, or a folder for `name` with each of them.
        name: the files' name in a folder.
        lang: `en` or `ko`.

    Returns:
        The files' paths.

    Raises:
        UnknownName: another ending.
        OutputProblem: it cannot be written.
    """
    out = Path(out)
    spec = study_chart(part, lang)
    if out.suffix and not out.is_dir():
        check_ending(out)
        return _one(spec, out, lang)
    return [path for ending in ENDINGS for path in _one(spec, out / f"{name}{ending}", lang)]


def check_ending(out: Path | str) -> None:
    """Raise unless a chart can be written to a file of this name.

    Raises:
        UnknownName: its ending is none of ENDINGS.
    """
    suffix = Path(out).suffix
    if suffix and suffix not in ENDINGS and not Path(out).is_dir():
        raise UnknownName("image", suffix, ENDINGS)


def svg_to_png(svg: str) -> bytes:
    """The picture as PNG. `to_svg` has told vl-convert of our font."""
    import vl_convert

    return vl_convert.svg_to_png(svg, scale=_PNG_SCALE)


def _one(spec: dict[str, Any], path: Path, lang: str) -> list[Path]:
    spec = {**spec, "config": {**spec["config"], "font": STACK}}
    if path.suffix == ".png":
        png = svg_to_png(to_svg(spec))
        return [write_whole(path, lambda temporary: temporary.write_bytes(png))]
    if path.suffix == ".svg":
        return [write_text_whole(path, with_font(to_svg(spec)))]
    page = _PAGE.format(
        lang=lang,
        title=html.escape(spec["title"]["text"]),
        font=font_face(),
        stack=STACK,
        bundle=vega_bundle(),
        # "</" would end the script.
        spec=json.dumps(spec, ensure_ascii=False, allow_nan=False).replace("</", "<\\/"),
    )
    return [write_text_whole(path, page)]
