"""A finished Vega-Lite picture as SVG, PNG, PDF or a page, in our font and to a given width.

Text stays text: programs that draw can edit it, and a PDF can be searched.
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.messages.clean import clean_tree
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import FIXED
from gradgauge.report.page.fonts import FOLDER, font_face, has_hangul, in_our_font
from gradgauge.report.page.picture_page import picture_page
from gradgauge.report.words.wrapping import wrapped
from gradgauge.writing import write_text_whole, write_whole

ENDINGS = (".png", ".svg", ".pdf", ".html")
LEAST_MM, MOST_MM = 50, 1_000
LEAST_DPI, MOST_DPI = 36, 2_400
DPI = 192
"""Of a PNG where none is asked for: two of its pixels for one of a page."""

_PX_PER_MM = 96 / 25.4
_POINTS_PER_PX = 72 / 96
_LEAST_SCALE, _ROUNDS = 0.25, 4
_PANEL_TITLE = 12


@dataclass(frozen=True)
class Format:
    """How a picture is set.

    Attributes:
        width_mm: the whole picture's width; None: as it is drawn for a page. Letters keep their
            size (8 points), so that a narrow picture is as easy to read as a wide one.
        dpi: dots an inch of a PNG; None: DPI.
        title: whether the title stands on it; a paper's caption says it better.

    Raises:
        InvalidValue: a width or a resolution that cannot be.
    """

    width_mm: float | None = None
    dpi: float | None = None
    title: bool = True

    def __post_init__(self) -> None:
        for field, least, most in (
            ("width_mm", LEAST_MM, MOST_MM),
            ("dpi", LEAST_DPI, MOST_DPI),
        ):
            value = getattr(self, field)
            if value is not None and not least <= value <= most:
                raise InvalidValue(field, value, "between", low=least, high=most)

    @property
    def width_px(self) -> float | None:
        """The width in CSS pixels, in which pictures are drawn."""
        return None if self.width_mm is None else self.width_mm * _PX_PER_MM


PLAIN = Format()


def check_ending(path: Path | str, endings: tuple[str, ...] = ENDINGS) -> None:
    """Raise unless a picture can be written to a file of this name.

    Raises:
        UnknownName: its ending is none of `endings`.
    """
    suffix = Path(path).suffix
    if suffix not in endings:
        raise UnknownName("image", suffix, endings)


def write_spec(spec: Spec, path: Path | str, lang: str = "en", form: Format = PLAIN) -> Path:
    """A finished Vega-Lite picture as a file of one of ENDINGS, in our font.

    Raises:
        UnknownName: another ending.
        OutputProblem: it cannot be written.
    """
    path = Path(path)
    check_ending(path)
    spec = clean_tree(in_our_font(spec))
    if path.suffix == ".html":
        return write_text_whole(path, picture_page(spec, lang))
    return _write(to_svg(spec, form), path, form)


def write_png_and_svg(spec: Spec, folder: Path | str, name: str) -> list[Path]:
    """A finished Vega-Lite picture as `name.png` and `name.svg`, in our font.

    Raises:
        OutputProblem: the folder cannot be made or written.
    """
    svg = to_svg(clean_tree(in_our_font(spec)))
    return [_write(svg, Path(folder) / f"{name}{ending}", PLAIN) for ending in (".png", ".svg")]


def to_svg(spec: Spec, form: Format = PLAIN) -> str:
    """The picture as SVG, of the format's width to a hair."""
    if form.width_mm is None or form.width_px is None:
        return _converter().vegalite_to_svg(spec)
    svg = _converter().vegalite_to_svg(fitted(spec, form.width_px))
    width, height = svg_size(svg)
    return _sized(svg, f"{form.width_mm:g}mm", f"{form.width_mm * height / width:.4f}mm")


def _sized(svg: str, width: str, height: str) -> str:
    """The same drawing, as wide and tall as these attributes say."""
    size = rf'\1 width="{width}" height="{height}"'
    return re.sub(r'(<svg\b[^>]*?) width="[^"]+" height="[^"]+"', size, svg, count=1)


def svg_size(svg: str) -> tuple[float, float]:
    """Width and height of its drawing, in pixels."""
    found = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)
    if found is None:
        raise ValueError("an SVG of ours has a viewBox")
    return float(found[1]), float(found[2])


def flattened(part: Spec, share: float) -> Spec:
    """The picture with its panels of that share of their height."""
    part = copy.deepcopy(part)
    for panel in _panels(part):
        panel["height"] = panel["height"] * share
    return part


def fitted(spec: Spec, width: float) -> Spec:
    """The picture with its panels as wide as a whole of `width` pixels leaves them room.

    Axes and letters keep their size, so that the whole is a linear function of the panels' width
    until a title is wider than its panel: hence secants, and a few of them.
    """

    def whole(share: float) -> float:
        return svg_size(_converter().vegalite_to_svg(_scaled(spec, share)))[0]

    before, share = 1.0, min(1.0, max(_LEAST_SCALE, width / whole(1.0)))
    was = whole(before)
    for _ in range(_ROUNDS):
        now = whole(share)
        if abs(now - width) <= 1 or share == before or now == was:
            break
        slope = (now - was) / (share - before)
        before, was = share, now
        share = max(share + (width - now) / slope, _LEAST_SCALE)
    return _scaled(spec, share)


def _scaled(spec: Spec, share: float) -> Spec:
    """The picture with panels of that share of their width, and titles that fit over them."""
    spec = copy.deepcopy(spec)
    for panel in _panels(spec):
        panel["width"] = panel["width"] * share
        if isinstance(panel.get("title"), str):
            panel["title"] = {"text": wrapped(panel["title"], panel["width"], _PANEL_TITLE)}
    return spec


def _panels(part: Any) -> Iterator[Spec]:
    """The parts that have a width of their own, inside others."""
    if part.get("name", "").startswith(FIXED):
        return
    if isinstance(part.get("width"), (int, float)):
        yield part
    inner = [part["spec"]] if "spec" in part else []
    for key in ("vconcat", "hconcat", "concat"):
        inner += part.get(key, [])
    for one in inner:
        yield from _panels(one)


def with_font(svg: str) -> str:
    """The SVG with the font inside, so that it shows Korean on a machine that has none; as it is
    where nothing in it is Korean."""
    if not has_hangul(svg):
        return svg
    head, mark, rest = svg.partition(">")
    return f"{head}{mark}<style>{font_face()}</style>{rest}"


def _write(svg: str, path: Path, form: Format) -> Path:
    """The picture as PNG, SVG or PDF, by the path's ending."""
    if path.suffix == ".svg":
        return write_text_whole(path, with_font(svg))
    if path.suffix == ".pdf":
        # The converter takes a length without a unit for points.
        width, height = svg_size(svg)
        share = form.width_px / width if form.width_px else 1.0
        points = (f"{size * share * _POINTS_PER_PX:.4f}" for size in (width, height))
        content = _converter().svg_to_pdf(_sized(svg, *points))
    else:
        content = _converter().svg_to_png(svg, scale=_POINTS_PER_PX, ppi=form.dpi or DPI)
    return write_whole(path, lambda temporary: temporary.write_bytes(content))


@functools.cache
def _converter() -> Any:
    """vl-convert, knowing our font. Imported on first use: it takes a tenth of a second."""
    import vl_convert

    vl_convert.register_font_directory(str(FOLDER))
    return vl_convert
