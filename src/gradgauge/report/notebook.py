"""What a notebook's cell shows: of a Comparison its table and its charts, of a Run the error
signal and the forward signal, of a Diagnosis what was found, of a trial of remedies the verdict.

The pictures are SVG inside the cell, so they show without a network, in Jupyter, in VS Code and
on GitHub, and stay in the saved notebook.
"""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from gradgauge.messages.catalog import DEFAULT_LANGUAGE, LANGUAGES

if TYPE_CHECKING:
    from gradgauge.diagnosis.finding import Diagnosis
    from gradgauge.remedies.result import RemedyResult
    from gradgauge.run import Run

_VARIABLE = "GRADGAUGE_LANG"


def register(shell: Any = None) -> bool:
    """Teach IPython to show what users hold; nothing is imported until one is shown.

    Args:
        shell: the IPython shell; None: the running one.

    Returns:
        Whether there was a shell to teach.
    """
    if shell is None:
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return False
    formatter = shell.display_formatter.formatters["text/html"]
    for module, name, html in _SHOWN:
        formatter.for_type_by_name(module, name, html)
    return True


def comparison_html(comparison: Any, lang: str | None = None) -> str:
    """The cell's HTML.

    Args:
        comparison: the Comparison.
        lang: `en` or `ko`; None: $GRADGAUGE_LANG, else English.
    """
    from gradgauge.report.charts.evolution import EVOLUTION
    from gradgauge.report.charts.learning import LEARNING
    from gradgauge.report.charts.signal import SIGNAL
    from gradgauge.report.images import picture
    from gradgauge.report.page.page import prose
    from gradgauge.report.pages.comparison import results_table
    from gradgauge.report.words.answer import answer
    from gradgauge.report.words.explain import explain
    from gradgauge.report.words.headline import against_best, headline, verdict
    from gradgauge.report.words.labels import labeled

    lang = lang or _language()
    comparison = labeled(comparison, lang)
    parts = [f"<h3>{prose(headline(comparison, lang))}</h3>"]
    told = (
        answer(comparison, lang),
        verdict(comparison, lang, "python"),
        *against_best(comparison, lang),
    )
    parts += [f"<p>{prose(text)}</p>" for text in told if text]
    parts.append(results_table(comparison, lang))
    parts.append(f"<p>{prose(' '.join(explain(comparison, lang)))}</p>")
    for chart in (SIGNAL, LEARNING, EVOLUTION):
        spec = picture(chart, comparison, lang)
        if spec is not None:
            parts.append(_picture(spec, chart.describe(comparison, lang)))
    return _cell(parts, lang)


def signal_html(run: Run, lang: str | None = None) -> str:
    """The picture of a Run as a cell's HTML; empty if it has nothing to show."""
    from gradgauge.report.charts.watched import SIGNAL
    from gradgauge.report.charts.watched_run import WatchedRun
    from gradgauge.report.images import picture

    lang = lang or _language()
    watched = WatchedRun(run, lang)
    spec = picture(SIGNAL, watched, lang)
    if spec is None:
        return ""
    return _cell([_picture(spec, SIGNAL.describe(watched, lang))], lang)


def run_html(run: Run) -> str | None:
    """The cell's HTML; None, so that its one line is shown, if there is nothing to draw."""
    return signal_html(run) or None


def diagnosis_html(result: Diagnosis, lang: str | None = None) -> str:
    """The cell's HTML: the verdict, then every finding with its figures and advice."""
    from gradgauge.report.pages.diagnosis import article, headline

    lang = lang or _language()
    parts = [f"<h3>{escape(headline(result, lang))}</h3>"]
    parts += [article(finding, lang) for finding in result.findings]
    return _cell(parts, lang)


def remedy_html(result: RemedyResult, lang: str | None = None) -> str:
    """The cell's HTML: the verdict, the picture, the table of the arms and the patch."""
    from gradgauge.report.page.page import prose
    from gradgauge.report.pages.remedy import figures, patch
    from gradgauge.report.remedy_files import remedy_picture, title

    lang = lang or _language()
    parts = [f"<h3>{escape(title(result, lang))}</h3>", f"<p>{prose(result.sentence(lang))}</p>"]
    spec = remedy_picture(result, lang)
    if spec is not None:
        parts.append(_picture(spec, result.sentence(lang)))
    parts += [figures(result, lang), patch(result, lang)]
    return _cell(parts, lang)


_SHOWN: tuple[tuple[str, str, Callable[..., str | None]], ...] = (
    ("gradgauge.study.compare.result", "Comparison", comparison_html),
    ("gradgauge.run", "Run", run_html),
    ("gradgauge.diagnosis.finding", "Diagnosis", diagnosis_html),
    ("gradgauge.remedies.result", "RemedyResult", remedy_html),
)
"""(module, class, what its cell shows)."""


def show_signal(run: Run, lang: str) -> None:
    """Show the picture of a watched Run in the cell that is running."""
    from IPython.display import HTML, display

    if shown := signal_html(run, lang):
        display(HTML(shown))


def _picture(spec: dict[str, Any], words: str) -> str:
    from gradgauge.report.page.fonts import in_our_font
    from gradgauge.report.rendering import to_svg

    label, svg = escape(words, quote=True), _inline(to_svg(in_our_font(spec)))
    return f'<div role="img" aria-label="{label}" style="max-width:54rem">{svg}</div>'


def _cell(parts: Sequence[str], lang: str) -> str:
    """The parts, with the font where they are Korean: the reader's machine may have none."""
    from gradgauge.report.page.fonts import STACK, font_face, has_hangul

    shown = "".join(parts)
    if not has_hangul(shown):
        return f'<div lang="{lang}">{shown}</div>'
    return (
        f'<div lang="{lang}" style="font-family:{STACK}"><style>{font_face()}</style>{shown}</div>'
    )


def _inline(svg: str) -> str:
    """The picture as wide as its cell allows; its ids its own, as other cells have pictures, too."""
    own = f"g{uuid.uuid4().hex[:8]}-"
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}", svg)
    return svg.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)


def _language() -> str:
    wanted = os.environ.get(_VARIABLE, DEFAULT_LANGUAGE)
    return wanted if wanted in LANGUAGES else DEFAULT_LANGUAGE
