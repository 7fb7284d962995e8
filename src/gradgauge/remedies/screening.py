"""Screening: successive halving on short trainings, beside random search by the same halving.

References:
    Jamieson & Talwalkar (2016), Non-stochastic Best Arm Identification; Kim et al. (2023), arXiv
    2301.11568, for random search as the control of repair tools.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradgauge.remedies.known import BY_KEY, REACHES
from gradgauge.remedies.plan import TrialPlan, kept
from gradgauge.remedies.remedy import RATE_LADDER
from gradgauge.remedies.trainer import CONTROL, RATES, REMEDY, Candidate, Metric, Outcome

Train = Callable[[Sequence[Candidate], float], list[Outcome]]
"""(candidates, share of a training) -> their outcomes on the screening's seeds and rows."""


@dataclass
class Screened:
    """What the screening has left.

    Attributes:
        designed: the last outcome of each candidate that was tried: the control, rates, remedies.
        drawn: of what random search drew, likewise.
        last: outcomes of the designed candidates that came to the last rung.
        last_drawn: of random search's, likewise.
    """

    designed: dict[Candidate, Outcome] = field(default_factory=dict)
    drawn: dict[Candidate, Outcome] = field(default_factory=dict)
    last: list[Outcome] = field(default_factory=list)
    last_drawn: list[Outcome] = field(default_factory=list)


def score(outcome: Outcome, metric: Metric) -> float:
    """Mean over the seeds, so that larger is better."""
    mean = float(np.mean(outcome.scores))
    return mean if metric.higher_is_better else -mean


def screen(
    designed: Sequence[Candidate],
    drawn: Sequence[Candidate],
    plan: TrialPlan,
    metric: Metric,
    train: Train,
) -> Screened:
    """Halve both pools, rung by rung. The control is in every rung, and so are the best of the
    rates and of random search.

    Args:
        designed: rates and remedies.
        drawn: what random search drew, as many.
        plan: the rungs.
        metric: what is ranked by.
        train: trains candidates.
    """
    result = Screened()
    ours, theirs = list(designed), list(drawn)
    for share in plan.shares:
        both = train([Candidate(CONTROL), *ours, *theirs], share)
        by_candidate = {outcome.candidate: outcome for outcome in both}
        if len(by_candidate) < 1 + len(ours) + len(theirs):
            break  # Broken off: what is complete stays.
        result.last = [by_candidate[c] for c in ours]
        result.last_drawn = [by_candidate[c] for c in theirs]
        result.designed.update((c, by_candidate[c]) for c in [Candidate(CONTROL), *ours])
        result.drawn.update((c, by_candidate[c]) for c in theirs)
        ours = _stay(result.last, kept(len(ours)), metric)
        theirs = [o.candidate for o in _ranked(result.last_drawn, metric)[: kept(len(theirs))]]
    return result


def _ranked(outcomes: Sequence[Outcome], metric: Metric) -> list[Outcome]:
    return sorted(outcomes, key=lambda o: -score(o, metric))


def _stay(outcomes: Sequence[Outcome], count: int, metric: Metric) -> list[Candidate]:
    """The best candidates: of the rates one always, then the best of each remedy before a second
    of any: where a remedy stands at its best is asked before which remedy is the best."""
    ranked = _ranked(outcomes, metric)
    first = {}
    for outcome in ranked:
        first.setdefault(outcome.candidate.arm, outcome)
    rates = [o for o in first.values() if o.candidate.kind == RATES]
    best = [o for o in first.values() if o.candidate.kind != RATES]
    rest = [o for o in ranked if o not in best and o not in rates]
    return [o.candidate for o in (*rates, *best, *rest)][:count]


def best_of(outcomes: Sequence[Outcome], metric: Metric, kind: str) -> Outcome | None:
    """The best outcome of a kind; None: there is none."""
    ranked = _ranked([o for o in outcomes if o.candidate.kind == kind], metric)
    return ranked[0] if ranked else None


def to_confirm(outcomes: Sequence[Outcome], count: int, metric: Metric) -> list[Outcome]:
    """The remedies to be confirmed: the best of each reach, for which change of a program is
    acceptable is its owner's decision; then the best of the others.

    Args:
        outcomes: of the last rung.
        count: how many at most.
        metric: what is ranked by.
    """
    first: dict[object, Outcome] = {}
    for outcome in _ranked([o for o in outcomes if o.candidate.kind == REMEDY], metric):
        first.setdefault(outcome.candidate.arm, outcome)
    ranked = list(first.values())
    by_reach: dict[str, Outcome] = {}
    for outcome in ranked:
        by_reach.setdefault(BY_KEY[outcome.candidate.remedies[0]].reach, outcome)
    chosen = sorted(by_reach.values(), key=lambda o: -score(o, metric))[:count]
    chosen += [o for o in ranked if o not in chosen][: count - len(chosen)]
    return sorted(chosen, key=lambda o: REACHES.index(BY_KEY[o.candidate.remedies[0]].reach))


def best_two(
    outcomes: Sequence[Outcome], metric: Metric, applies: Callable[[Candidate], bool]
) -> list[Candidate]:
    """The best two remedies that go together, as one, at several learning rates; empty: there are
    no two."""
    first: dict[object, Outcome] = {}
    for outcome in _ranked([o for o in outcomes if o.candidate.kind == REMEDY], metric):
        first.setdefault(outcome.candidate.arm, outcome)
    ranked = [o.candidate for o in first.values()]
    for at, one in enumerate(ranked):
        for other in ranked[at + 1 :]:
            if not BY_KEY[one.remedies[0]].goes_with(BY_KEY[other.remedies[0]]):
                continue
            pair = sorted((one, other), key=_in_order)
            doses = tuple(dose for candidate in pair for dose in candidate.doses)
            middle = (one.rate_factor * other.rate_factor) ** 0.5
            made = [Candidate(REMEDY, doses, middle * factor) for factor in RATE_LADDER]
            if applies(made[0]):
                return made
    return []


def _in_order(candidate: Candidate) -> int:
    """Modules and graph before weights: these are drawn for what is there then."""
    return -REACHES.index(BY_KEY[candidate.remedies[0]].reach)
