"""What a Comparison shows at the end of a notebook's cell: its table and its charts.

The pictures are SVG inside the cell, so they show without a network, in Jupyter, in VS Code and
on GitHub, and stay in the saved notebook.
"""

from __future__ import annotations

import os
import re
import sys
import uuid
from html import escape
from typing import Any

from gradgauge.messages.catalog import DEFAULT_LANGUAGE, LANGUAGES

_MODULE, _CLASS = "gradgauge.study.compare", "Comparison"
_VARIABLE = "GRADGAUGE_LANG"


def register(shell: Any = None) -> bool:
    """Teach IPython to show a Comparison; nothing is imported until one is shown.

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
    formatter.for_type_by_name(_MODULE, _CLASS, comparison_html)
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
    from gradgauge.report.explain import explain
    from gradgauge.report.fonts import font_face
    from gradgauge.report.headline import headline, verdict
    from gradgauge.report.images import picture, to_svg
    from gradgauge.report.sections import prose, results_table

    lang = lang or _language()
    parts = [f"<h3>{prose(headline(comparison, lang))}</h3>"]
    decision = verdict(comparison, lang)
    if decision:
        parts.append(f"<p>{prose(decision)}</p>")
    parts.append(results_table(comparison, lang))
    parts.append(f"<p>{prose(' '.join(explain(comparison, lang)))}</p>")
    for chart in (SIGNAL, LEARNING, EVOLUTION):
        spec = picture(chart, comparison, lang)
        if spec is not None:
            label = escape(chart.describe(comparison, lang), quote=True)
            svg = _inline(to_svg(spec))
            parts.append(
                f'<div role="img" aria-label="{label}" style="max-width:54rem">{svg}</div>'
            )
    font = f"<style>{font_face()}</style>" if lang == "ko" else ""
    return f'<div lang="{lang}">{font}{"".join(parts)}</div>'


def _inline(svg: str) -> str:
    """The picture as wide as its cell allows; its ids its own, as other cells have pictures, too."""
    own = f"g{uuid.uuid4().hex[:8]}-"
    svg = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}", svg)
    return svg.replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)


def _language() -> str:
    wanted = os.environ.get(_VARIABLE, DEFAULT_LANGUAGE)
    return wanted if wanted in LANGUAGES else DEFAULT_LANGUAGE
