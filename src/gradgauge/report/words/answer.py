"""The answer to the exercise's question in one sentence: how much of the error signal arrives."""

from __future__ import annotations

import math

from gradgauge.messages.catalog import sentence
from gradgauge.report.words.explain import MUCH
from gradgauge.report.words.facts import Facts, all_facts, most_affected
from gradgauge.report.words.numbers import NO_VALUE, factor
from gradgauge.study.compare.result import Comparison


def answer(comparison: Comparison, lang: str = "en") -> str | None:
    """What reaches the first layer of the network whose error signal changes most, and of the others.

    Args:
        comparison: what was trained.
        lang: `en` or `ko`.

    Returns:
        One sentence; None where nothing was trained.
    """
    told = all_facts(comparison)
    if not told:
        return None
    subject = most_affected(told)
    others = [facts for facts in told if facts is not subject]
    first = subject.moments["first"].attenuation
    kind = _kind(first.decades) if subject.seen else "unseen"
    beside = ""
    if others:
        listed = ", ".join(
            sentence("report.answer.other", lang, name=f.name, factor=_arrives(f, lang))
            for f in others
        )
        beside = sentence("report.answer.beside", lang, others=listed)
    slopes = ""
    if kind == "loses" and first.slope_decades <= -MUCH:
        slopes = sentence("report.answer.slopes", lang, factor=factor(first.slope_decades, lang))
    return sentence(
        f"report.answer.{kind}",
        lang,
        name=subject.name,
        factor=factor(first.decades, lang) if math.isfinite(first.decades) else "",
        beside=beside,
        slopes=slopes,
    )


def _kind(decades: float) -> str:
    if math.isnan(decades) or decades == math.inf:
        return "unmeasured"
    if decades == -math.inf:
        return "nothing"
    return "loses" if decades <= -MUCH else "grows" if decades >= MUCH else "keeps"


def _arrives(facts: Facts, lang: str) -> str:
    if not facts.seen:
        return NO_VALUE
    decades = facts.moments["first"].attenuation.decades
    if math.isfinite(decades):
        return factor(decades, lang)
    return "0" if decades == -math.inf else "NaN"
