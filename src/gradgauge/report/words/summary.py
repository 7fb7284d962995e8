"""One row a network: what came of it, and what its two signals were."""

from __future__ import annotations

import math

from gradgauge.messages.catalog import sentence
from gradgauge.report.words.explain import shown_spread
from gradgauge.report.words.facts import Facts, all_facts
from gradgauge.report.words.numbers import NO_VALUE, factor, fixed, percent
from gradgauge.study.compare.result import Comparison

COLUMNS = ("network", "result", "arrives", "slopes", "weights", "told_apart", "begins")


def summary_table(comparison: Comparison, lang: str) -> tuple[list[str], list[list[str]]]:
    """Headings and one row a network that was trained.

    Network; test accuracy (or loss); the share of the error signal that reaches layer 1 before
    training, of it the slopes and the weights; the share of the last hidden layer's signal that
    tells inputs apart; the step at which it begins to learn.
    """
    result = "test_accuracy" if comparison.has_accuracy else "test_loss"
    heads = [
        sentence(
            f"report.quantity.{result}" if column == "result" else f"report.summary.{column}", lang
        )
        for column in COLUMNS
    ]
    return heads, [_row(facts, lang) for facts in all_facts(comparison)]


def _row(facts: Facts, lang: str) -> list[str]:
    first = facts.moments["first"].attenuation
    return [
        facts.name,
        _result(facts),
        _factor(first.decades, lang) if facts.seen else NO_VALUE,
        *(_part(facts, x, lang) for x in (first.slope_decades, first.weight_decades)),
        shown_spread(facts, "first"),
        _begins(facts, lang),
    ]


def _result(facts: Facts) -> str:
    if facts.accuracy is not None:
        return percent(facts.accuracy.mean)
    return fixed(facts.loss.mean if facts.loss else None)


def _part(facts: Facts, part: float, lang: str) -> str:
    """What slopes or weights make; no value where the signal has more ways than one."""
    whole = facts.moments["first"].attenuation.decades
    split = facts.seen and (not math.isnan(part) or not math.isfinite(whole))
    return _factor(part, lang) if split else NO_VALUE


def _factor(decades: float, lang: str) -> str:
    if math.isfinite(decades):
        return factor(decades, lang)
    return "0" if decades == -math.inf else "NaN"


def _begins(facts: Facts, lang: str) -> str:
    if facts.non_finite:
        return NO_VALUE
    if facts.began is None:
        return sentence("report.summary.never", lang)
    if math.isnan(facts.began):
        return NO_VALUE
    return f"{facts.began:,.0f}"
