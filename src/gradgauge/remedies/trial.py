"""A trial of remedies from beginning to end, whatever the framework.

Screening on short trainings, beside random search of the same cost; confirming on seeds and rows
that no choice has seen; the verdict. docs/remedy.md says why each step is there.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.diagnosis.budget import Budget
from gradgauge.diagnosis.finding import FAULT, Diagnosis
from gradgauge.listening import OnProgress
from gradgauge.remedies import plan as planning
from gradgauge.remedies.decision import compare_arms, verdict_of
from gradgauge.remedies.known import BY_KEY, REMEDIES, Remedy
from gradgauge.remedies.ladder import rate_factors
from gradgauge.remedies.plan import MOST_REMEDIES, Pace, TrialPlan
from gradgauge.remedies.result import CONFIRMED, SCREENED, Arm, RemedyResult, Spending
from gradgauge.remedies.screening import (
    Screened,
    best_of,
    best_two,
    score,
    screen,
    to_confirm,
)
from gradgauge.remedies.search import draw
from gradgauge.remedies.store import Store, Stored
from gradgauge.remedies.trainer import (
    CONTROL,
    RANDOM_SEARCH,
    RATES,
    REMEDY,
    Candidate,
    CannotApply,
    Dose,
    Outcome,
    Rows,
    Task,
    Trained,
    Trainer,
)
from gradgauge.remedies.verdicts import NOTHING_TO_REPAIR

SCREENING_SEEDS = 10_000
"""First seed of the screening; confirming takes the user's first seed and those after it."""

OnEstimate = Callable[[TrialPlan, float], None]
"""Told the plan and about how many seconds it will take, before anything is trained for it."""


@dataclass(frozen=True)
class Given:
    """What a trial starts from.

    Attributes:
        diagnosis: of the training as it is.
        activation: of its hidden layers.
        pace: of its trainings, in one lane.
        first_seed: of the confirmation.
        treat, fresh, scales_rate: see RemedyResult.
    """

    diagnosis: Diagnosis
    activation: str
    pace: Pace
    first_seed: int = 0
    treat: Callable[[Candidate, Any], Any] | None = None
    fresh: bool = True
    scales_rate: bool = False

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of the rules that found a fault, the likeliest cause first."""
        found = (f.rule for f in self.diagnosis.findings if f.severity == FAULT)
        return tuple(dict.fromkeys(found))


def try_remedies(
    trainer: Trainer,
    given: Given,
    budget: Budget | None = None,
    *,
    store: Store | None = None,
    on_progress: OnProgress | None = None,
    on_estimate: OnEstimate | None = None,
    remedies: Sequence[Remedy] | None = None,
) -> RemedyResult:
    """Try what answers the findings, prove it, and say what it costs.

    Args:
        trainer: repeats the training with changes.
        given: what is known of it.
        budget: None: TRAININGS an arm.
        store: where outcomes are kept; None: nowhere.
        on_progress: told (done, in all) in thousandths of a training.
        on_estimate: told the plan before it starts.
        remedies: what to try; None: what answers the findings.

    Raises:
        BudgetTooSmall: nothing could be decided with it.
    """
    began = time.perf_counter()
    if not given.faults:
        return _nothing_to_repair(trainer, given)
    listed = remedies_for(given.diagnosis) if remedies is None else list(remedies)
    tried, cannot = _applicable(trainer, listed, given.diagnosis)
    plan = planning.plan_for(
        budget,
        len(tried),
        len(rate_factors(given.diagnosis)),
        trainer.epochs,
        given.pace,
        trainer.lanes,
    )
    estimated = planning.seconds_for(plan, given.pace, trainer.lanes)
    if on_estimate is not None:
        on_estimate(plan, estimated)
    until = None if budget is None or budget.seconds is None else began + budget.seconds
    trial = _Trial(trainer, plan, given, store, on_progress, until)
    arms = trial.run(tried[: plan.remedies], remedies)
    compare_arms(arms)
    verdict, winning = verdict_of(arms, trainer.metric, given.faults)
    after = winning or next((arm for arm in arms if arm.kind == CONTROL), None)
    per_arm = round(plan.per_arm * trainer.samples_per_training)
    return RemedyResult(
        target=trainer.target,
        framework=trainer.framework,
        metric=trainer.metric,
        budget=Spending(
            per_arm,
            trial.samples,
            time.perf_counter() - began + trial.seconds_before,
            estimated,
        ),
        findings={
            "before": given.faults,
            "after": after.outcome.findings if after is not None else given.faults,
        },
        arms=arms,
        verdict=verdict,
        winning=winning,
        activation=given.activation,
        cannot=cannot,
        diagnosis=given.diagnosis,
        fresh=given.fresh,
        scales_rate=given.scales_rate,
        interrupted=trial.interrupted,
        seconds_ended=until is not None and time.perf_counter() > until,
        treat=given.treat,
    )


def remedies_for(diagnosis: Diagnosis) -> list[Remedy]:
    """What answers the faults: what undoes a mistake first, then the first cause's own advice in its
    order. Then, in turn, what else answers that cause, and what answers the others, their advice
    first: a symptom has many remedies, and a trial tries MOST_REMEDIES in all. A certainty is tried
    only where a finding advises it: of those that answer one rule all but one are wrong."""
    faults = [f for f in diagnosis.findings if f.severity == FAULT]
    causes = list(dict.fromkeys(fault.rule for fault in faults))
    advised = {
        rule: [key for fault in faults if fault.rule == rule for key in fault.remedies]
        for rule in causes
    }
    answers = {
        rule: [r.key for r in REMEDIES if rule in r.rules and not r.certain] for rule in causes
    }
    first, others = causes[:1], causes[1:]
    queues = (
        [key for rule in first for key in answers[rule]],
        [key for by_rule in (advised, answers) for rule in others for key in by_rule[rule]],
    )
    keys = [key for rule in first for key in advised[rule]]
    keys += [key for pair in itertools.zip_longest(*map(_tried, queues)) for key in pair if key]
    return sorted(_remedies(keys), key=lambda remedy: not remedy.certain)


def _tried(keys: Iterable[str]) -> list[str]:
    return [remedy.key for remedy in _remedies(keys)]


def _remedies(keys: Iterable[str]) -> list[Remedy]:
    """Those that a trial tries; what sets the rate alone is tried by the rates."""
    found = (BY_KEY[key] for key in dict.fromkeys(keys))
    return [remedy for remedy in found if remedy.tried and not remedy.rate]


def where(remedy: Remedy, diagnosis: Diagnosis) -> tuple[str, ...]:
    """The layers of the faults that advise a remedy, where its lines ask for them."""
    if not remedy.asks_where:
        return ()
    found = (f for f in diagnosis.findings if f.severity == FAULT and remedy.key in f.remedies)
    return tuple(dict.fromkeys(f.layer for f in found if f.layer))


def _applicable(
    trainer: Trainer, listed: Sequence[Remedy], diagnosis: Diagnosis
) -> tuple[list[Remedy], dict[str, CannotApply]]:
    """Those that can be applied, and why the others cannot."""
    tried, cannot = [], {}
    for remedy in listed:
        why = trainer.applies(Dose(remedy.key, remedy.knob.usual, where(remedy, diagnosis)))
        if why is None:
            tried.append(remedy)
        else:
            cannot[remedy.key] = why
    return tried[:MOST_REMEDIES], cannot


def _nothing_to_repair(trainer: Trainer, given: Given) -> RemedyResult:
    return RemedyResult(
        target=trainer.target,
        framework=trainer.framework,
        metric=trainer.metric,
        budget=Spending(0, 0, given.diagnosis.seconds),
        findings={"before": (), "after": ()},
        arms=[],
        verdict=NOTHING_TO_REPAIR,
        activation=given.activation,
        diagnosis=given.diagnosis,
    )


class _Trial:
    """A trial under way."""

    def __init__(
        self,
        trainer: Trainer,
        plan: TrialPlan,
        given: Given,
        store: Store | None,
        on_progress: OnProgress | None,
        until: float | None,
    ):
        self.trainer, self.plan, self.given = trainer, plan, given
        self._rates = rate_factors(given.diagnosis)
        self.samples, self.interrupted = 0, False
        self._stored = Stored(trainer, store) if store is not None else None
        self._tell, self._until, self._done = on_progress, until, 0.0

    @property
    def seconds_before(self) -> float:
        """What was taken from the store has cost, when it was trained."""
        return self._stored.seconds_before if self._stored is not None else 0.0

    def run(self, tried: Sequence[Remedy], space: Sequence[Remedy] | None) -> list[Arm]:
        """Screen, confirm; the arms."""
        metric = self.trainer.metric
        designed = [Candidate(RATES, (), factor) for factor in self._rates]
        designed += [
            Candidate(
                REMEDY, (Dose(remedy.key, knob, where(remedy, self.given.diagnosis)),), factor
            )
            for remedy in tried
            for knob, factor in remedy.ladder()
        ]
        rng = np.random.default_rng(self.given.first_seed)
        drawn = self._draw(len(designed), rng, space)
        screened = screen(designed, drawn, self.plan, metric, self._screening)
        if not self.interrupted:
            self._pair(screened, rng, space)
        arms = {arm.candidate: arm for arm in self._screened_arms(screened)}
        if not self.interrupted and screened.last:
            chosen = self._chosen(screened)
            made = self._train(chosen, self._seeds(self.plan.seeds), 1.0, "confirm")
            if not self.interrupted:
                self._confirmed(arms, made)
        return _in_order(list(arms.values()))

    def _draw(
        self, count: int, rng: np.random.Generator, space: Sequence[Remedy] | None
    ) -> list[Candidate]:
        if space is None:
            space = [r for r in REMEDIES if r.tried and not r.rate and self._fits((Dose(r.key),))]
        return draw(count, space, (self._rates[0], self._rates[-1]), rng, self._fits)

    def _fits(self, doses: tuple[Dose, ...]) -> bool:
        return self.trainer.applies(*doses) is None

    def _screening(self, candidates: Sequence[Candidate], share: float) -> list[Outcome]:
        seeds = range(SCREENING_SEEDS, SCREENING_SEEDS + self.plan.seeds_of_rung(share))
        return self._train(list(dict.fromkeys(candidates)), list(seeds), share, "screen")

    def _pair(
        self, screened: Screened, rng: np.random.Generator, space: Sequence[Remedy] | None
    ) -> None:
        """The best two remedies together, and as many draws more of random search."""
        metric = self.trainer.metric
        pair = best_two(screened.last, metric, lambda c: self._fits(c.doses))
        if not pair:
            return
        drawn = self._draw(len(pair), rng, space)
        outcomes = self._screening([*pair, *drawn], self.plan.shares[-1])
        made = {outcome.candidate: outcome for outcome in outcomes}
        if self.interrupted:
            return
        screened.designed.update((c, made[c]) for c in pair)
        screened.last += [made[c] for c in pair]
        screened.last_drawn += [made[c] for c in drawn]

    def _chosen(self, screened: Screened) -> list[Candidate]:
        """What is confirmed: the control, the best of the rates, of random search, of the
        remedies, and the best two together."""
        metric = self.trainer.metric
        singles = [o for o in screened.last if len(o.candidate.doses) == 1]
        pairs = [o for o in screened.last if len(o.candidate.doses) > 1]
        chosen: list[Outcome | None] = [best_of(screened.last, metric, RATES)]
        chosen.append(best_of(screened.last_drawn, metric, RANDOM_SEARCH))
        chosen += to_confirm(singles, self.plan.confirmed, metric)
        chosen.append(best_of(pairs, metric, REMEDY))
        return [Candidate(CONTROL), *(o.candidate for o in chosen if o is not None)]

    def _seeds(self, count: int) -> list[int]:
        return list(range(self.given.first_seed, self.given.first_seed + count))

    def _train(
        self, candidates: Sequence[Candidate], seeds: Sequence[int], share: float, rows: Rows
    ) -> list[Outcome]:
        weight = len(candidates) * len(seeds) * share
        task = Task(candidates, seeds, share, rows, self._until)
        who = self._stored or self.trainer
        made: Trained = who.train(task, self._progress(weight))
        self._done += weight
        self.samples += sum(outcome.samples for outcome in made.outcomes)
        self.interrupted = self.interrupted or made.interrupted
        return made.outcomes

    def _progress(self, weight: float) -> OnProgress | None:
        if self._tell is None:
            return None
        tell, before, planned = self._tell, self._done, max(self.plan.trainings, self._done)

        def progress(done: int, total: int) -> None:
            share = min((before + weight * done / max(total, 1)) / planned, 1.0)
            tell(round(1000 * share), 1000)

        return progress

    def _screened_arms(self, screened: Screened) -> list[Arm]:
        """The best candidate of every arm, by what its longest training gave."""
        metric, best = self.trainer.metric, {}
        longest = {o.candidate for o in (*screened.last, *screened.last_drawn)}
        for outcome in (*screened.designed.values(), *screened.drawn.values()):
            key = (outcome.candidate in longest, score(outcome, metric))
            arm = outcome.candidate.arm
            if arm not in best or key > best[arm][0]:
                best[arm] = (key, outcome)
        return [self._arm(outcome, SCREENED) for _, outcome in best.values()]

    def _confirmed(self, arms: dict[Candidate, Arm], made: Sequence[Outcome]) -> None:
        control, cause = made[0], self.given.faults[0]
        # What finds faults in figures alone may not see this one: where it does not see it in the
        # control, its silence elsewhere says nothing.
        shown = cause in control.findings
        for outcome in made:
            arm = self._arm(outcome, CONFIRMED)
            before = next((a for c, a in arms.items() if c.arm == outcome.candidate.arm), None)
            if before is not None:
                del arms[before.candidate]
                same = before.candidate == outcome.candidate
                arm.screened = before.mean if same else None
            arm.cost = _cost(outcome, control)
            arm.finding_gone = cause not in outcome.findings if shown else None
            arms[outcome.candidate] = arm

    def _arm(self, outcome: Outcome, stage: str) -> Arm:
        rate = self.trainer.rate_of(outcome.candidate)
        return Arm(outcome.candidate, stage, outcome, rate)


def _cost(outcome: Outcome, control: Outcome) -> Mapping[str, float]:
    def times(ours: float, theirs: float) -> float:
        return ours / theirs if theirs > 0 else math.nan

    return {
        "parameters": times(outcome.parameters, control.parameters),
        "seconds_per_step": times(outcome.seconds_per_step, control.seconds_per_step),
    }


def _in_order(arms: list[Arm]) -> list[Arm]:
    """The control, the rates, random search; confirmed remedies before those only screened."""
    kinds = (CONTROL, RATES, RANDOM_SEARCH, REMEDY)
    return sorted(arms, key=lambda arm: (kinds.index(arm.kind), not arm.is_confirmed))
