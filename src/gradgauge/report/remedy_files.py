"""A trial of remedies as files: its picture, and the Runs that are there."""

from __future__ import annotations

from pathlib import Path

from gradgauge.messages.catalog import sentence
from gradgauge.remedies.result import RemedyResult
from gradgauge.remedies.sentences import arm_name
from gradgauge.report.charts.chart import Spec
from gradgauge.report.charts.draw import CONFIG, INK, MUTED, WIDE
from gradgauge.report.charts.legend import legend
from gradgauge.report.charts.remedy import CHARTS, RemedyShown
from gradgauge.report.rendering import write_png_and_svg
from gradgauge.report.words.wrapping import wrapped

_PICTURE = "remedy"
_TITLE, _SUBTITLE, _PART = 16, 12, 13


def title(result: RemedyResult, lang: str) -> str:
    """What was to be repaired."""
    return sentence("remedy.table.title", lang, target=result.target)


def remedy_picture(result: RemedyResult, lang: str) -> Spec | None:
    """The arms, their curves and their signals, one above the other; None where nothing was
    confirmed."""
    shown = RemedyShown(result, lang)
    parts: list[Spec] = []
    for chart in CHARTS:
        rows = chart.data(shown)
        if not rows:
            continue
        drawn = chart.draw(rows, lang)
        name = sentence(f"report.chart.{chart.name}.title", lang)
        head = {"text": name, "fontSize": _PART, "fontWeight": "bold", "color": INK}
        panels = {"hconcat": drawn["hconcat"], "spacing": drawn["spacing"]}
        parts.append({"data": drawn["data"], "title": head, **panels})
    if not parts:
        return None
    names = [arm_name(arm, lang) for arm in shown.followed]
    return {
        # The marks of the first part and the lines of the others are of the same arms.
        "vconcat": [legend(names, WIDE), *parts],
        "spacing": 20,
        "title": {
            "text": title(result, lang),
            "subtitle": wrapped(result.sentence(lang), WIDE, _SUBTITLE),
            "anchor": "start",
            "fontSize": _TITLE,
            "fontWeight": "bold",
            "color": INK,
            "subtitleFontSize": _SUBTITLE,
            "subtitleColor": MUTED,
            "subtitlePadding": 6,
            "offset": 14,
        },
        "background": "white",
        "padding": 18,
        "config": CONFIG,
    }


def write_remedy_images(result: RemedyResult, folder: Path, lang: str) -> list[Path]:
    """The picture as PNG and SVG; none where nothing was confirmed.

    Raises:
        OutputProblem: the folder cannot be written.
    """
    spec = remedy_picture(result, lang)
    return [] if spec is None else write_png_and_svg(spec, folder, _PICTURE)
