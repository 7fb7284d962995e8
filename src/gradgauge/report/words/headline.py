"""The result in one sentence."""

from __future__ import annotations

import math

from gradgauge.messages.catalog import sentence
from gradgauge.report.words.explain import comparison_best
from gradgauge.report.words.numbers import fixed, percent, signed_share
from gradgauge.study.compare.run import Comparison


def headline(comparison: Comparison, lang: str = "en") -> str:
    """Which network is better and by what figure: the page's title."""
    table = "accuracy" if comparison.has_accuracy else "loss"
    names = [name for name in comparison.names if comparison.run(name).seeds]
    if not names:
        return sentence("report.headline.nothing", lang)
    if len(names) == 1:
        return sentence(
            f"report.headline.{table}.one", lang, name=names[0], value=_value(comparison, names[0])
        )
    best = comparison_best(comparison)
    if best is None or not math.isfinite(_mean(comparison, best)):
        listed = ", ".join(f"{name} {_value(comparison, name)}" for name in names)
        return sentence(f"report.headline.{table}.unjudged", lang, listed=listed)
    best, second = comparison.ranking[:2]
    decided = comparison.difference.decided if comparison.difference else None
    kind = "undecided" if decided is False else "two" if len(names) == 2 else "many"
    return sentence(
        f"report.headline.{table}.{kind}",
        lang,
        best=best,
        second=second,
        best_value=_value(comparison, best),
        count=len(names),
        second_value=_value(comparison, second),
    )


def verdict(comparison: Comparison, lang: str = "en") -> str | None:
    """The difference between the best two with its interval, and whether it is decided."""
    if comparison_best(comparison) is None or comparison.difference is None:
        return None
    difference = comparison.difference
    best, second = comparison.ranking[:2]
    if not math.isfinite(difference.mean):
        return sentence("report.verdict.unmeasured", lang, best=best, second=second)
    shown = signed_share if comparison.has_accuracy else _signed
    size = shown(difference.mean)
    if comparison.has_accuracy:
        size = sentence("report.points", lang, value=size)
    words = {"best": best, "second": second, "difference": size}
    if difference.interval is None:
        return sentence("report.verdict.one_seed", lang, **words)
    low, high = difference.interval
    kind = "decided" if difference.decided else "undecided"
    return sentence(f"report.verdict.{kind}", lang, low=shown(low), high=shown(high), **words)


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{fixed(value)}"


def _mean(comparison: Comparison, name: str) -> float:
    accuracy = comparison.test_accuracy(name)
    return accuracy.mean if accuracy else comparison.test_loss(name).mean


def _value(comparison: Comparison, name: str) -> str:
    value = _mean(comparison, name)
    return percent(value) if comparison.has_accuracy else fixed(value)
