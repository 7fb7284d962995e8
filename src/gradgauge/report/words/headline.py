"""The result in one sentence."""

from __future__ import annotations

import math

from gradgauge.messages.catalog import sentence
from gradgauge.report.words.numbers import fixed, percent, share_points
from gradgauge.statistics import difference
from gradgauge.study.compare.result import Comparison


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
    if not _is_ranked(comparison):
        listed = ", ".join(f"{name} {_value(comparison, name)}" for name in names)
        return sentence(f"report.headline.{table}.unjudged", lang, listed=listed)
    best, second = comparison.ranking[:2]
    if not _ended(comparison, second):
        return sentence(
            f"report.headline.{table}.only",
            lang,
            best=best,
            best_value=_value(comparison, best),
            others=", ".join(name for name in names if name != best),
        )
    decided = comparison.difference.decided if comparison.difference else None
    tied = _value(comparison, best) == _value(comparison, second)
    kind = "undecided" if decided is False or tied else "two" if len(names) == 2 else "many"
    return sentence(
        f"report.headline.{table}.{kind}",
        lang,
        best=best,
        second=second,
        best_value=_value(comparison, best),
        count=len(names),
        second_value=_value(comparison, second),
    )


def verdict(comparison: Comparison, lang: str = "en", reader: str = "both") -> str | None:
    """The difference between the best two with its interval, and whether it is decided.

    Args:
        comparison: what was trained.
        lang: `en` or `ko`.
        reader: how whoever reads it asks for more seeds: by `command`, in `python`, or by `both`.
    """
    found = comparison.difference
    if found is None or not _is_ranked(comparison):
        return None
    best, second = comparison.ranking[:2]
    if not math.isfinite(found.mean):
        return sentence("report.verdict.unmeasured", lang, best=best, second=second)
    shown = share_points if comparison.has_accuracy else fixed
    size = shown(abs(found.mean))
    if comparison.has_accuracy:
        size = sentence("report.points", lang, value=size)
    words = {"best": best, "second": second, "difference": size}
    figure = "accuracy" if comparison.has_accuracy else "loss"
    if found.interval in (None, (0.0, 0.0)):
        tied = shown(found.mean) == shown(0.0)
        key = "report.verdict.tie" if tied else f"report.verdict.{figure}.one_seed"
        more = sentence(f"report.more_seeds.{reader}", lang)
        return sentence(key, lang, more=more, **words)
    low, high = sorted(map(abs, found.interval)) if found.decided else found.interval
    kind = "decided" if found.decided else "undecided"
    return sentence(
        f"report.verdict.{figure}.{kind}", lang, low=shown(low), high=shown(high), **words
    )


def against_best(comparison: Comparison, lang: str = "en") -> list[str]:
    """Of three networks or more: which of the others the best one is decidedly better than, and
    which are too close to call. Empty for fewer, for one seed, and where nothing is best."""
    if len(comparison.names) < 3 or not _is_ranked(comparison):
        return []
    best, *others = comparison.ranking
    found = {
        name: difference(
            comparison.judged(best), comparison.judged(name), comparisons=len(others)
        ).decided
        for name in others
    }
    told = []
    for decided, kind in ((True, "better_than"), (False, "close_to")):
        names = ", ".join(name for name, verdict in found.items() if verdict is decided)
        if names:
            told.append(sentence(f"report.verdict.{kind}", lang, best=best, names=names))
    return told


def _is_ranked(comparison: Comparison) -> bool:
    """Whether every network was trained, and one of them to the end with finite numbers."""
    trained = all(run.seeds for run in comparison.runs.values())
    return trained and _ended(comparison, comparison.ranking[0])


def _ended(comparison: Comparison, name: str) -> bool:
    """Whether all seeds of a network ended with finite numbers."""
    return all(map(math.isfinite, comparison.judged(name)))


def _mean(comparison: Comparison, name: str) -> float:
    accuracy = comparison.test_accuracy(name)
    return accuracy.mean if accuracy else comparison.test_loss(name).mean


def _value(comparison: Comparison, name: str) -> str:
    value = _mean(comparison, name)
    return percent(value) if comparison.has_accuracy else fixed(value)
