"""The lesson: backpropagation's product, with this comparison's own figures in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gradgauge.messages.catalog import sentence
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.report.charts.rows import picked
from gradgauge.report.words.explain import shown_spread
from gradgauge.report.words.facts import Facts, all_facts, most_affected
from gradgauge.report.words.numbers import number, signed_decades
from gradgauge.study.by_layer import by_layer, slope_limit_decades, way
from gradgauge.study.compare.result import Comparison

_MOST_FACTORS = 16


@dataclass(frozen=True)
class Factor:
    """One hidden layer's part of the product, written out.

    Attributes:
        layer: its number.
        slopes, weights: the two gains.
        gain: their product as measured, backward_gain.
        signal: the error signal after this layer, delta_norm.
    """

    layer: int
    slopes: str
    weights: str
    gain: str
    signal: str


@dataclass(frozen=True)
class Lesson:
    """The lesson's text.

    Attributes:
        chain: how backpropagation multiplies.
        own: introduces `factors`.
        output, start: the output layer and its error signal, with which the product begins.
        factors: hidden layers, last to first.
        product: what they come to.
        limit: what the slopes allow at most.
        warnings: pairs of a heading and a paragraph.
    """

    chain: list[str]
    own: str
    output: str
    start: str
    factors: list[Factor]
    product: str
    limit: str
    warnings: list[tuple[str, str]]


def lesson(comparison: Comparison, lang: str = "en") -> Lesson | None:
    """The lesson on the network whose error signal changes most; None if nothing was trained, or
    if the signal goes more ways than one in all of them, so that there is no product to show."""
    told = all_facts(comparison)
    chains = [facts for facts in told if _is_chain(comparison, facts)]
    if not chains:
        return None
    subject = most_affected(chains)
    factors = _factors(comparison, subject.name)
    run = comparison.run(subject.name)
    depth = len(way(run).hidden)
    own = "own" if len(factors) == depth else "own_picked"
    return Lesson(
        [sentence("report.lesson.chain", lang), sentence("report.lesson.chain_names", lang)],
        sentence(f"report.lesson.{own}", lang, name=subject.name),
        sentence("report.figures.output_layer", lang, layer=len(run.layers)),
        number(subject.moments["first"].deltas[-1]),
        factors,
        _product(subject, depth, lang),
        _limit(comparison, subject, lang),
        [
            (
                sentence(f"report.lesson.{kind}_title", lang),
                sentence(f"report.lesson.{kind}", lang, **words),
            )
            for kind, words in (
                ("not_only", {"spreads": _spreads(told, lang)}),
                ("delay", {"courses": _courses(told, lang)}),
                ("flat", {}),
            )
        ],
    )


def _is_chain(comparison: Comparison, facts: Facts) -> bool:
    """Whether the error signal has one way from layer to layer."""
    first = facts.moments["first"].attenuation
    split = not math.isnan(first.slope_decades) or not math.isfinite(first.decades)
    return facts.name in comparison.networks or split


def _factors(comparison: Comparison, name: str) -> list[Factor]:
    run = comparison.run(name)
    slopes, weights, gains, deltas = (
        by_layer(run, quantity)
        for quantity in ("slope_gain", "weight_gain", "backward_gain", "delta_norm")
    )
    hidden = way(run).hidden
    places = [hidden[at] for at in picked(len(hidden), _MOST_FACTORS)]
    return [
        Factor(at + 1, *map(number, (slopes[at], weights[at], gains[at], deltas[at])))
        for at in reversed(places)
    ]


def _product(facts: Facts, depth: int, lang: str) -> str:
    total = facts.moments["first"].attenuation
    if not math.isfinite(total.decades):
        return sentence("report.lesson.product_unmeasured", lang, depth=depth)
    return sentence(
        "report.lesson.product",
        lang,
        depth=depth,
        total=signed_decades(total.decades),
        slopes=signed_decades(total.slope_decades),
        weights=signed_decades(total.weight_decades),
    )


def _limit(comparison: Comparison, facts: Facts, lang: str) -> str:
    """The bound that the slopes set: every slope gain is at most the largest slope."""
    layers = comparison.run(facts.name).layers
    activations = [layer.activation for layer in layers if not layer.output]
    limit = slope_limit_decades(activations)
    if math.isnan(limit):
        return ""
    largest = ", ".join(
        sentence(
            "report.lesson.largest",
            lang,
            activation=name,
            slope=f"{ACTIVATIONS[name].max_slope:.4g}",
        )
        for name in dict.fromkeys(activations)
    )
    key = "limit" if signed_decades(limit).startswith("−") else "limit_one"
    slopes = signed_decades(facts.moments["first"].attenuation.slope_decades)
    return sentence(
        f"report.lesson.{key}", lang, limit=signed_decades(limit), largest=largest, slopes=slopes
    )


def _spreads(told: list[Facts], lang: str) -> str:
    return ", ".join(
        sentence(
            "report.lesson.spread_of",
            lang,
            name=facts.name,
            value=shown_spread(facts, "first"),
        )
        for facts in told
    )


def _courses(told: list[Facts], lang: str) -> str:
    return ", ".join(
        sentence(
            "report.lesson.course_of",
            lang,
            name=facts.name,
            first=signed_decades(facts.moments["first"].attenuation.decades),
            last=signed_decades(facts.moments["last"].attenuation.decades),
        )
        for facts in told
    )
