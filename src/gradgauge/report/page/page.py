"""A page of one HTML file, without a network, for eyes, keyboards and screen readers."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from gradgauge._version import __version__
from gradgauge.messages.catalog import sentence
from gradgauge.messages.clean import clean, clean_tree
from gradgauge.report.charts.draw import AXIS_WIDTH, GRID, INK, LINE, MUTED
from gradgauge.report.page.fonts import hangul_face
from gradgauge.report.page.palette import COLORS, ON_DARK
from gradgauge.report.page.vega_bundle import vega_bundle
from gradgauge.report.words.numbers import as_powers

_FOLDER = Path(__file__).parent
_FIGURE = re.compile(r" (\d[\d.,]*%)")
"""A figure in a headline: it stays in one line with the name that it is of."""


@dataclass(frozen=True)
class Section:
    """A part of a page.

    Attributes:
        name: its anchor, and its key in the catalogue's `report.section`.
        html: the whole section element.
    """

    name: str
    html: str


def as_sections(parts: Iterable[tuple[str, str]]) -> list[Section]:
    """Sections of (name, inner HTML); those that have nothing to show are left out."""
    return [
        Section(name, f'<section id="{name}" aria-labelledby="{name}-title">{inner}</section>')
        for name, inner in parts
        if inner
    ]


def page(title: str, standfirst: str, sections: Sequence[Section], lang: str) -> str:
    """The page as text.

    Args:
        title: the result in one line.
        standfirst: HTML that stands right under it.
        sections: the page's parts in order.
        lang: `en` or `ko`.
    """
    texts = {
        "chart_failed": sentence("report.chart_failed", lang),
        "axis_width": AXIS_WIDTH,
    }
    inner = clean("\n".join(part.html for part in sections))
    return _template().substitute(
        lang=lang,
        version=escape(__version__),
        title=escape(clean(title)),
        font=hangul_face(title + standfirst + inner),
        palette=_palette(),
        css=_text("page.css"),
        skip_link=escape(sentence("report.skip_link", lang)),
        kicker=escape(sentence("report.kicker", lang)),
        theme=escape(sentence("report.theme", lang)),
        contents=escape(sentence("report.contents", lang)),
        nav=_navigation(sections, lang),
        headline=_FIGURE.sub(r"&nbsp;\1", escape(clean(title))),
        standfirst=clean(standfirst),
        sections=inner,
        footer=f"<p>{escape(sentence('report.repeat.licences', lang))}</p>",
        texts=script_json(texts),
        vega=vega_bundle(),
        js=_text("page.js"),
    )


_OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*(?: \d+)?")


def prose(text: str) -> str:
    """A sentence as HTML: powers of ten, `code` between backticks, options on one line."""
    pieces = as_powers(escape(text)).split("`")
    return "".join(f"<code>{p}</code>" if at % 2 else _unbroken(p) for at, p in enumerate(pieces))


def _unbroken(text: str) -> str:
    """`--seeds 5` is not broken after its hyphens."""
    return _OPTION.sub(r'<span class="option">\g<0></span>', text)


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(clean_tree(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("</", "<\\/").replace("<!--", "<\\!--")


def heading(name: str, text: str) -> str:
    """A section's heading."""
    return f'<h2 id="{name}-title">{escape(text)}</h2>'


def how_to_repeat(
    facts: Iterable[tuple[str, str]], lang: str, command: str = "", files: str = ""
) -> str:
    """The section that says how the page can be made again.

    Args:
        facts: (a key of the catalogue's `report.repeat` table, its value).
        lang: `en` or `ko`.
        command: what was typed to make it, if it was.
        files: HTML that names what was written beside it.
    """
    typed = ""
    if command:
        words = escape(sentence("report.repeat.command", lang))
        typed = f'<p>{words}</p><pre tabindex="0"><code>{escape(command)}</code></pre>'
    terms = "".join(
        f"<dt>{escape(sentence(f'report.repeat.{key}', lang))}</dt><dd>{escape(value)}</dd>"
        for key, value in facts
    )
    title = heading("repeat", sentence("report.heading.repeat", lang))
    return f"{title}{typed}{files}<dl>{terms}</dl>"


def _navigation(sections: Sequence[Section], lang: str) -> str:
    links = "".join(
        f'<li><a href="#{part.name}">{escape(sentence(f"report.section.{part.name}", lang))}</a></li>'
        for part in sections
    )
    return f"<ul>{links}</ul>"


@functools.cache
def _palette() -> str:
    """Colors of the charts as variables, so that the page's theme changes them, too."""

    def variables(colors: list[str]) -> str:
        return "".join(f"--c{at}:{color};" for at, color in enumerate(colors))

    dark = variables([ON_DARK[color] for color in COLORS])
    rules = [
        f":root{{{variables(list(COLORS))}}}",
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}",
        f"@media screen{{:root[data-theme=dark]{{{dark}}}}}",
    ]
    names = {color: f"--c{at}" for at, color in enumerate(COLORS)}
    names |= {INK: "--ink", MUTED: "--muted", GRID: "--grid", LINE: "--axis"}
    rules += [
        f'.panel [{kind}="{color}"]{{{kind}:var({name})}}'
        for color, name in names.items()
        for kind in ("fill", "stroke")
    ]
    return "\n".join(rules)


@functools.cache
def _template() -> Template:
    return Template(_text("page.html"))


@functools.cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
