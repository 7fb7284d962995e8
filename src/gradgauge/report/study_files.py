"""A study's chart as files: PNG, SVG and a page that needs no network."""

from __future__ import annotations

from pathlib import Path

from gradgauge.places import is_folder
from gradgauge.report.charts.study import study_chart
from gradgauge.report.rendering import check_ending, write_spec
from gradgauge.study.sweep.slices import Slice

_KINDS = (".png", ".svg", ".html")
"""Endings of the files in a folder."""


def write_study_chart(part: Slice, out: Path | str, name: str, lang: str = "en") -> list[Path]:
    """Write the chart of a slice.

    Args:
        part: what it shows.
        out: a file of one of `rendering.ENDINGS`, or a folder for `name` as PNG, SVG and page.
        name: the files' name in a folder.
        lang: `en` or `ko`.

    Returns:
        The files' paths.

    Raises:
        UnknownName: another ending.
        OutputProblem: it cannot be written.
    """
    out = Path(out)
    check_out(out)
    spec = study_chart(part, lang)
    if out.suffix and not is_folder(out):
        return [write_spec(spec, out, lang)]
    return [write_spec(spec, out / f"{name}{ending}", lang) for ending in _KINDS]


def check_out(out: Path | str) -> None:
    """Raise unless a chart can be written to a file of this name, or to files in it.

    Raises:
        UnknownName: its ending is none of `rendering.ENDINGS`.
    """
    if Path(out).suffix and not is_folder(out):
        check_ending(out)
