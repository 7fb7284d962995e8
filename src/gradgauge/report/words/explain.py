"""The explanation: sentences of the catalogue, chosen by figures.

A sentence says what was measured. The split of the attenuation into slopes and weights is an
identity of backpropagation, so it may be said as it stands; what causes a bad accuracy is not
measured here, and no sentence claims it (`gradgauge why` finds out).
"""

from __future__ import annotations

import math
from collections.abc import Callable

from gradgauge.messages.catalog import sentence
from gradgauge.report.words.facts import Facts, all_facts, most_affected
from gradgauge.report.words.numbers import (
    decades,
    factor,
    fixed,
    percent,
    resolved,
    signed_decades,
)
from gradgauge.study.by_layer import Attenuation
from gradgauge.study.compare.result import Comparison

SPREAD_LOST = 1e-6
"""Below this signal_spread inputs differ by less than a thousandth of their size. Source: ten
hidden layers of 64 on MNIST (docs/why.md), where networks with 1e-5 and more in the last hidden
layer trained, 4e-9 with Adam only, and 1e-13 never."""

SPREAD_WEAK = 1e-3
"""Below this, inputs differ by less than three hundredths of their size; same experiment: 2e-4
trained."""

MUCH = 1.0
"""A loss of less than one decade is not called one that training could bring back."""

LITTLE = 0.5
"""A loss that has come back leaves less than half a decade: a factor of about three."""

_NOTHING = "0.0"


def explain(comparison: Comparison, lang: str = "en") -> list[str]:
    """The explanation in two or three sentences: of the network whose error signal changes most
    on its way, with the best network beside it.

    Args:
        comparison: what was trained.
        lang: `en` or `ko`.

    Returns:
        One sentence an entry: the way back, the way forward, after training; of every other
        network that turned non-finite, where it did.
    """
    told = all_facts(comparison)
    if not told:
        return [sentence("explain.nothing", lang)]
    subject = most_affected(told)
    best = next((f for f in told if f.name == comparison_best(comparison)), subject)
    beside = None if best is subject else best
    first = sentence(
        "explain.named", lang, name=subject.name, sentence=backward(subject, lang, beside)
    )
    broken_off = [
        sentence("explain.named", lang, name=facts.name, sentence=course(facts, lang))
        for facts in told
        if facts.non_finite and facts is not subject
    ]
    return [first, forward(subject, lang, beside), course(subject, lang), *broken_off]


def comparison_best(comparison: Comparison) -> str | None:
    """The best network's name; None where one of them has no member to judge by."""
    if any(not run.seeds for run in comparison.runs.values()):
        return None
    return comparison.better


def explain_network(facts: Facts, lang: str = "en") -> list[str]:
    """All there is to say of one network, one sentence an entry."""
    told = [backward(facts, lang), forward(facts, lang), course(facts, lang)]
    if facts.paths != "plain":
        told.insert(1, sentence(f"explain.paths.{facts.paths}", lang))
    told += learned(facts, lang)
    return told


def backward(facts: Facts, lang: str, beside: Facts | None = None) -> str:
    """What the error signal loses or gains before training, and by what."""
    moment = facts.moments["first"]
    total = moment.attenuation.decades
    if not facts.seen:
        return sentence("explain.backward.unseen", lang)
    if moment.deltas[-1] == 0:
        return sentence("explain.backward.nothing_sent", lang)
    if moment.zero_from is not None:
        blocked = facts.seeds == 1 and moment.dead[moment.zero_from - 1] == 1
        kind = "blocked" if blocked else "zero" if facts.seeds == 1 else "zero_some_seed"
        return sentence(f"explain.backward.{kind}", lang, dtype=facts.dtype, layer=moment.zero_from)
    if not math.isfinite(total):
        return sentence("explain.backward.unmeasured", lang)
    kind = "keeps" if decades(total) == _NOTHING else "loses" if total < 0 else "grows"
    contrast = _contrast(beside, lang, "backward", lambda f: _total_factor(f, lang))
    split = "split_keeps" if kind == "keeps" else "split"
    return sentence(
        f"explain.backward.{kind}",
        lang,
        contrast=contrast,
        factor=factor(total, lang),
        decades=decades(total),
        split=_split(f"backward.{split}", moment.attenuation, lang),
    )


def forward(facts: Facts, lang: str, beside: Facts | None = None) -> str:
    """Whether inputs are still distinguishable in the last hidden layer before training."""
    spread = facts.moments["first"].spread
    contrast = _contrast(beside, lang, "forward", lambda f: shown_spread(f, "first"))
    return sentence(
        f"explain.forward.{_spread_kind(spread, facts.spread_resolution)}",
        lang,
        name=facts.name,
        spread=shown_spread(facts, "first"),
        contrast=contrast,
        dtype=facts.dtype,
    )


def shown_spread(facts: Facts, moment: str) -> str:
    """signal_spread of the last hidden layer, as far as the training's arithmetic can tell it."""
    return resolved(facts.moments[moment].spread, facts.spread_resolution)


def _spread_kind(spread: float, resolution: float) -> str:
    if not math.isfinite(spread):
        return "unmeasured"
    if spread == 0:
        return "zero"
    if spread < resolution:
        return "unresolved"
    return "lost" if spread < SPREAD_LOST else "weak" if spread < SPREAD_WEAK else "clear"


def course(facts: Facts, lang: str) -> str:
    """What training changed of both signals; or where it broke down."""
    first, last = facts.moments["first"], facts.moments["last"]
    if facts.non_finite:
        seeds = ", ".join(map(str, facts.non_finite["seeds"]))
        return sentence(
            "explain.course.non_finite",
            lang,
            seeds=seeds,
            step=facts.non_finite["step"],
            layer=facts.non_finite["layer"],
        )
    if facts.interrupted:
        return sentence("explain.course.interrupted", lang)
    before, after = first.attenuation.decades, last.attenuation.decades
    words = {"epochs": facts.epochs, "result": _result(facts, lang)}
    if not facts.seen:
        return sentence("explain.course.unseen", lang, **words)
    if not math.isfinite(after):
        return sentence("explain.course.unmeasured", lang, **words)
    words |= {
        "spread": shown_spread(facts, "last"),
        "total": signed_decades(after),
        "split": _split("course.split", last.attenuation, lang),
    }
    return sentence(f"explain.course.{_course_kind(before, after, facts.late)}", lang, **words)


def _course_kind(before: float, after: float, late: bool) -> str:
    """`back`: much was lost before training, learning began late, and little is lost any more, or at
    least three quarters of the decades have come back. `still`: most of it still is. `other`: some
    has come back; or little was lost, it grew, it could not be measured, or the network learned
    from the start."""
    if not before <= -MUCH or not late:
        return "other"
    if after > -LITTLE or (math.isfinite(before) and after > before / 4):
        return "back"
    return "still" if after <= before / 2 else "other"


def learned(facts: Facts, lang: str) -> list[str]:
    """The test accuracy beside that of always naming the most frequent class."""
    if facts.accuracy is None or facts.majority is None or facts.non_finite or facts.interrupted:
        return []
    low = facts.accuracy.interval[0] if facts.accuracy.interval else facts.accuracy.mean
    kind = "above" if low > facts.majority else "not_above"
    return [sentence(f"explain.learned.{kind}", lang, majority=percent(facts.majority))]


def _contrast(beside: Facts | None, lang: str, key: str, figure: Callable[[Facts], str]) -> str:
    if beside is None:
        return ""
    return sentence(f"explain.{key}.contrast", lang, name=beside.name, figure=figure(beside))


def _total_factor(facts: Facts, lang: str) -> str:
    return factor(facts.moments["first"].attenuation.decades, lang)


def _split(key: str, attenuation: Attenuation, lang: str) -> str:
    """What slopes and weights make of it; nothing where the signal has more ways than one."""
    if math.isnan(attenuation.slope_decades):
        return ""
    return sentence(
        f"explain.{key}",
        lang,
        slopes=signed_decades(attenuation.slope_decades),
        weights=signed_decades(attenuation.weight_decades),
    )


def _result(facts: Facts, lang: str) -> str:
    if facts.accuracy is not None:
        return sentence("explain.result.accuracy", lang, value=percent(facts.accuracy.mean))
    value = fixed(facts.loss.mean) if facts.loss else "NaN"
    return sentence("explain.result.loss", lang, value=value)
