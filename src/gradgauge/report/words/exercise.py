"""Questions and answers for a class, with the figures of one comparison."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradgauge.errors import GradgaugeError
from gradgauge.messages.catalog import Message, listed, sentence
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.report.words.explain import MUCH, shown_spread
from gradgauge.report.words.facts import Facts, all_facts
from gradgauge.report.words.lesson import Lesson, lesson
from gradgauge.report.words.numbers import factor, number, percent
from gradgauge.spec.shell import quoted
from gradgauge.study.by_layer import slope_limit_decades
from gradgauge.study.compare.result import Comparison


class NoChain(GradgaugeError):
    """Networks without an error signal that goes from layer to layer: nothing to ask about."""

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("lesson.no_chain", {})


@dataclass(frozen=True)
class Question:
    """A question and its answer.

    Attributes:
        key: what it is about; `multiply` goes with the table of factors.
        ask, tell: the sentences.
    """

    key: str
    ask: str
    tell: str


@dataclass(frozen=True)
class Exercise:
    """All that sheet, key and slides are made of.

    Attributes:
        subject: the network whose error signal vanishes.
        others: the other networks.
        lesson: its factors, layer by layer.
        questions: in order.
    """

    subject: Facts
    others: list[Facts]
    lesson: Lesson
    questions: list[Question]


def exercise(comparison: Comparison, lang: str) -> Exercise:
    """The exercise about the comparison's network that loses most of its error signal.

    Args:
        comparison: networks that were trained.
        lang: `en` or `ko`.

    Raises:
        NoChain: no network has an error signal that can be followed and reaches layer 1.
    """
    told, text = all_facts(comparison), lesson(comparison, lang)
    followed = [
        facts
        for facts in told
        if facts.name in comparison.networks
        and math.isfinite(facts.moments["first"].attenuation.decades)
    ]
    if text is None or not followed:
        raise NoChain
    subject = min(followed, key=lambda facts: facts.moments["first"].attenuation.decades)
    others = [facts for facts in told if facts is not subject]
    facts = _facts(comparison, subject, lang)
    questions = [
        Question(
            key,
            sentence(f"lesson.ask.{key}", lang, **facts),
            sentence(f"lesson.tell.{key}", lang, **{**facts, "listed": listed}),
        )
        for key, listed in _listed(told, others, lang).items()
    ]
    return Exercise(subject, others, text, questions)


def _facts(comparison: Comparison, subject: Facts, lang: str) -> dict[str, object]:
    network, first = comparison.networks[subject.name], subject.moments["first"]
    names = dict.fromkeys(network.activations)
    slopes, weights = first.attenuation.slope_decades, first.attenuation.weight_decades
    verdict = "slopes" if slopes <= -MUCH else "weights" if weights <= -MUCH else "neither"
    return {
        "name": subject.name,
        "activation": ", ".join(names),
        "depth": network.depth,
        "largest": ", ".join(f"{name} {ACTIVATIONS[name].max_slope:.4g}" for name in names),
        "limit": factor(slope_limit_decades(network.activations), lang),
        "arrives": factor(first.attenuation.decades, lang),
        "output": number(first.deltas[-1]),
        "first": number(first.deltas[0]),
        "slopes": factor(slopes, lang),
        "weights": factor(weights, lang),
        "verdict": sentence(f"lesson.tell.whose_{verdict}", lang),
        "spread": shown_spread(subject, "first"),
        "majority": "–" if subject.majority is None else percent(subject.majority),
        "command": f"gradgauge why {quoted(comparison.run(subject.name).notation)}",
    }


def _listed(told: list[Facts], others: list[Facts], lang: str) -> dict[str, str]:
    """Question -> what its answer lists; in the questions' order."""
    return {
        "result": listed((_result(facts, lang) for facts in told), lang),
        "slope": "",
        "multiply": "",
        "whose": "",
        **({"compare": listed((_share(facts, lang) for facts in others), lang)} if others else {}),
        "forward": "",
        "delay": listed((_begins(facts, lang) for facts in told), lang),
        "cure": "",
    }


def _result(facts: Facts, lang: str) -> str:
    value = facts.accuracy and percent(facts.accuracy.mean)
    loss = number(facts.loss.mean) if facts.loss else "–"
    return sentence("lesson.told.accuracy", lang, name=facts.name, value=value or loss)


def _share(facts: Facts, lang: str) -> str:
    decades = facts.moments["first"].attenuation.decades
    value = factor(decades, lang) if math.isfinite(decades) else "0"
    return sentence("lesson.told.share", lang, name=facts.name, value=value)


def _begins(facts: Facts, lang: str) -> str:
    if facts.began is None or math.isnan(facts.began):
        return sentence("lesson.told.begins_never", lang, name=facts.name)
    return sentence("lesson.told.begins", lang, name=facts.name, value=f"{facts.began:,.0f}")
