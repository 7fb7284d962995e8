"""The page of `gradgauge why`: the verdict, every arm's accuracy, and what was changed in it."""

from __future__ import annotations

from html import escape
from pathlib import Path

from gradgauge._version import __version__
from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.why import WHY, WhyShown
from gradgauge.report.page.chart_html import chart_figure
from gradgauge.report.page.page import as_sections, heading, how_to_repeat, page, prose
from gradgauge.report.page.tables import scrolling, table
from gradgauge.report.words.arms import heads, row, title_of
from gradgauge.spec.notation import write
from gradgauge.study.why.counterfactuals import CONTROL
from gradgauge.study.why.result import Why
from gradgauge.study.why.sentences import arm_name, change_sentence, verdict_sentences
from gradgauge.study.why.verdict import RESCUE
from gradgauge.writing import write_text_whole


def write_why_page(why: Why, path: Path | str, lang: str = "en", command: str = "") -> Path:
    """Write the page, whole or not at all.

    Args:
        why: the experiment.
        path: the HTML file.
        lang: `en` or `ko`.
        command: what was typed to make it, if it was.

    Raises:
        OutputProblem: it cannot be written.
    """
    return write_text_whole(path, why_page(why, lang, command))


def why_page(why: Why, lang: str = "en", command: str = "") -> str:
    """The experiment as one page of HTML."""
    sections = as_sections(
        [
            ("why_arms", _arms(why, lang)),
            ("why_changes", _changes(why, lang)),
            ("why_figures", _figures(why, lang)),
            ("why_judged", _judged(lang)),
            ("repeat", _repeat(why, lang, command)),
        ]
    )
    return page(_headline(why, lang), _standfirst(why, lang), sections, lang)


def _headline(why: Why, lang: str) -> str:
    """The causes under every optimizer, or that there is nothing to explain."""
    named = {cause: None for causes in why.causes.values() for cause in causes}
    if not named:
        return sentence("report.why.headline_none", lang, notation=write(why.network))
    causes = sentence("why.and", lang).join(
        sentence(f"why.cause.{cause.replace('-', '_')}", lang) for cause in named
    )
    return sentence("report.why.headline", lang, causes=causes)


def _standfirst(why: Why, lang: str) -> str:
    told = "".join(f'<p class="lead">{prose(line)}</p>' for line in verdict_sentences(why, lang))
    return f'{told}<p class="muted">{prose(title_of(why, lang))}.</p>'


def _arms(why: Why, lang: str) -> str:
    title = sentence("report.chart.why.title", lang)
    return heading("why_arms", title) + chart_figure(WHY, WhyShown(why, lang), lang, title=False)


def _changes(why: Why, lang: str) -> str:
    arms = [arm.arm for arm in why.of(why.optimizers[0]).values()]
    terms = "".join(
        f"<dt>{escape(arm_name(arm, lang))}</dt><dd>{prose(change_sentence(arm, lang))}</dd>"
        for arm in arms
    )
    return (
        heading("why_changes", sentence("report.section.why_changes", lang)) + f"<dl>{terms}</dl>"
    )


def _figures(why: Why, lang: str) -> str:
    parts = [heading("why_figures", sentence("report.section.why_figures", lang))]
    for optimizer in why.optimizers:
        caption = sentence("why.table.optimizer", lang, optimizer=optimizer)
        rows = [row(why, arm, lang) for arm in why.of(optimizer).values()]
        parts.append(scrolling(table(heads(lang), rows, caption), caption))
    comparisons = len(why.arms) - len(why.optimizers)
    note = sentence("why.table.decided", lang, comparisons=comparisons)
    return "".join([*parts, f'<p class="muted">{prose(note)}</p>'])


def _judged(lang: str) -> str:
    told = sentence("report.why.judged", lang, rescue=f"{RESCUE:.2f}".removeprefix("0"))
    alike = sentence("report.why.alike", lang, control=sentence(f"why.arm.{CONTROL}", lang))
    title = heading("why_judged", sentence("report.section.why_judged", lang))
    return f"{title}<p>{prose(alike)}</p><p>{prose(told)}</p>"


def _repeat(why: Why, lang: str, command: str) -> str:
    facts = [
        ("versions", f"gradgauge {__version__}"),
        ("data", f"{why.dataset.name} (SHA-256 {why.dataset.fingerprint[:16]}…)"),
    ]
    return how_to_repeat(facts, lang, command)
