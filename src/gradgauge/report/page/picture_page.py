"""One picture as a page: of a study's chart, of a map of theory."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from gradgauge.messages.catalog import sentence
from gradgauge.messages.clean import clean
from gradgauge.report.charts.chart import Spec
from gradgauge.report.page.fonts import STACK, font_face, in_our_font
from gradgauge.report.page.page import script_json
from gradgauge.report.page.vega_bundle import vega_bundle

_TEMPLATE = Path(__file__).with_name("picture.html")


def picture_page(spec: Spec, lang: str) -> str:
    """The page of a finished Vega-Lite picture: one file, offline; it fits a telephone's screen,
    says in words what is drawn, and saves it as a file.

    Args:
        spec: with a title.
        lang: `en` or `ko`.
    """
    heading = _text(spec["title"].get("text"))
    label = ". ".join(dict.fromkeys(_titles(spec)))
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        lang=lang,
        title=escape(clean(heading)),
        label=escape(clean(label), quote=True),
        font=font_face(),
        stack=STACK,
        vega=vega_bundle(),
        download=escape(sentence("report.download.label", lang)),
        failed=script_json(sentence("report.chart_failed", lang)),
        spec=script_json(in_our_font(spec)),
    )


def _text(words: Any) -> str:
    return " ".join(words) if isinstance(words, list) else str(words or "")


def _titles(part: Any) -> Iterator[str]:
    """What is written over the picture, its panels and its axes."""
    title = part.get("title")
    if isinstance(title, dict):
        yield from filter(None, (_text(title.get("text")), _text(title.get("subtitle"))))
    elif isinstance(title, str):
        yield title
    for channel in part.get("encoding", {}).values():
        if isinstance(channel, dict) and isinstance(channel.get("title"), str):
            yield channel["title"]
    inner = [part["spec"]] if "spec" in part else []
    for key in ("vconcat", "hconcat", "concat", "layer"):
        inner += part.get(key, [])
    for one in inner:
        yield from _titles(one)
