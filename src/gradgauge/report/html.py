"""The HTML report: one file, without a network, for eyes, keyboards and screen readers."""

from __future__ import annotations

import functools
from html import escape
from pathlib import Path
from string import Template

import gradgauge
from gradgauge.messages.catalog import sentence
from gradgauge.report import sections
from gradgauge.report.charts._draw import AXIS_WIDTH, GRID, INK, LINE, MUTED
from gradgauge.report.fonts import HANGUL, font_face
from gradgauge.report.headline import headline
from gradgauge.report.palette import COLOURS, ON_DARK
from gradgauge.report.vega_bundle import vega_bundle
from gradgauge.run import write_text_whole
from gradgauge.study.compare import Comparison

_FOLDER = Path(__file__).parent


def write_report(comparison: Comparison, path: Path | str, lang: str = "en") -> Path:
    """Write the report of a comparison, whole or not at all.

    Args:
        comparison: what was trained.
        path: the HTML file.
        lang: `en` or `ko`.

    Returns:
        The file's path.

    Raises:
        OutputProblem: it cannot be written.
    """
    return write_text_whole(path, report_page(comparison, lang))


def report_page(comparison: Comparison, lang: str = "en") -> str:
    """The report as one page of HTML."""
    title = headline(comparison, lang)
    parts = sections.all_sections(comparison, lang)
    texts = {
        "chart_failed": sentence("report.chart_failed", lang),
        "axis_width": AXIS_WIDTH,
    }
    return _template().substitute(
        lang=lang,
        version=escape(gradgauge.__version__),
        title=escape(title),
        font=font_face("Gradgauge Hangul", HANGUL) if lang == "ko" else "",
        palette=_palette(),
        css=_text("page.css"),
        skip_link=escape(sentence("report.skip_link", lang)),
        kicker=escape(sentence("report.kicker", lang)),
        theme=escape(sentence("report.theme", lang)),
        contents=escape(sentence("report.contents", lang)),
        nav=_navigation(parts, lang),
        headline=escape(title),
        standfirst=sections.standfirst(comparison, lang),
        sections="\n".join(part.html for part in parts),
        footer=f"<p>{escape(sentence('report.repeat.licences', lang))}</p>",
        texts=sections.script_json(texts),
        vega=vega_bundle(),
        js=_text("page.js"),
    )


def _navigation(parts: list[sections.Section], lang: str) -> str:
    links = "".join(
        f'<li><a href="#{part.name}">{escape(sentence(f"report.section.{part.name}", lang))}</a></li>'
        for part in parts
    )
    return f"<ul>{links}</ul>"


@functools.cache
def _palette() -> str:
    """Colours of the charts as variables, so that the page's theme changes them, too."""

    def variables(colours: list[str]) -> str:
        return "".join(f"--c{at}:{colour};" for at, colour in enumerate(colours))

    dark = variables([ON_DARK[colour] for colour in COLOURS])
    rules = [
        f":root{{{variables(list(COLOURS))}}}",
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}",
        f"@media screen{{:root[data-theme=dark]{{{dark}}}}}",
    ]
    names = {colour: f"--c{at}" for at, colour in enumerate(COLOURS)}
    names |= {INK: "--ink", MUTED: "--muted", GRID: "--grid", LINE: "--axis"}
    rules += [
        f'.panel [{kind}="{colour}"]{{{kind}:var({name})}}'
        for colour, name in names.items()
        for kind in ("fill", "stroke")
    ]
    return "\n".join(rules)


@functools.cache
def _template() -> Template:
    return Template(_text("page.html"))


@functools.cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
