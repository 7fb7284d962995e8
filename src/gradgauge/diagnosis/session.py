"""A diagnosis from beginning to end, whatever the framework."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np

from gradgauge.diagnosis.budget import Purse, positions_of, training_length
from gradgauge.diagnosis.evidence import Evidence, gathered
from gradgauge.diagnosis.facts import Facts, WatchedTraining
from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding, NotApplicable, Spent
from gradgauge.diagnosis.learning import (
    LEARNED,
    LEARNING,
    Learning,
    judge,
    times_as_long,
)
from gradgauge.diagnosis.limits import Limits, limits_with
from gradgauge.diagnosis.properties.answers import Properties, asked
from gradgauge.diagnosis.ranking import ranked
from gradgauge.diagnosis.rules import RULES, Rule, ask, rule_of
from gradgauge.diagnosis.trainees.trainee import Settings, Trainee
from gradgauge.diagnosis.trial import Change, Trial, TrialResult
from gradgauge.engine.cost import model_seconds
from gradgauge.engine.limits import check_fits, model_bytes
from gradgauge.listening import expect


def examine(
    trainee: Trainee,
    settings: Settings,
    limits: Mapping[str, float] | None = None,
    off: Collection[str] = (),
) -> Diagnosis:
    """Static look, watched training, trials where it fails, rules, ranking.

    Args:
        trainee: the model and all that belongs to it.
        settings: budget and the like.
        limits: `rule.limit` -> value, instead of the shipped ones.
        off: rules that are not asked.

    Raises:
        UnknownName: no such limit or rule.
        TooLarge: the training needs more memory than is free.
    """
    began = time.perf_counter()
    chosen = limits_with(limits)
    for name in off:
        rule_of(name)
    asked = [rule for rule in RULES if rule.name not in off]
    # What overflows is what is looked for: NumPy need not warn of it.
    with np.errstate(all="ignore"), trainee.kept():
        facts = _facts(trainee, chosen)
        planned = trainee.planned()
        weights = trainee.parameters()
        if trainee.on_cpu():
            check_fits(f"{trainee.framework}, {weights:,}", model_bytes(weights))
        length = training_length(planned, weights, facts.data)
        places, rows = positions_of(facts.data), facts.data.batch_size
        expect(settings.on_progress, model_seconds(weights, rows, places, length))
        purse = Purse(settings.budget, length)
        watched = _watched(trainee, facts, purse, settings, chosen)
        evidence = gathered(facts, watched, chosen)
        late = purse.was_late(evidence.steps) and not evidence.broke_off
        trials = tuple(try_changes(trainee, evidence, asked, purse))
        evidence = dataclasses.replace(evidence, trials=trials)
        seeds = tuple(try_seeds(trainee, evidence, asked, settings.seeds, purse))
        evidence = dataclasses.replace(evidence, seeds=seeds)
        spent = Spent(planned, length, len(trials) + len(seeds), late, purse.refused)
        return conclude(evidence, off, spent, time.perf_counter() - began)


def _facts(trainee: Trainee, limits: Limits) -> Facts:
    """What is known before any training; little where indices end every pass."""
    indices = asked(trainee.indices)

    def whole() -> Facts:
        return Facts(
            trainee.framework,
            trainee.heads(),
            trainee.optimizer(),
            trainee.data(),
            trainee.reach(),
            dataclasses.replace(trainee.properties(limits), indices=indices),
            trainee.schedule(),
        )

    if not indices:
        return whole()
    bare = Facts(
        trainee.framework,
        (),
        trainee.optimizer(),
        trainee.data(),
        properties=Properties(indices=indices),
    )
    return asked(whole) or bare


def _watched(
    trainee: Trainee, facts: Facts, purse: Purse, settings: Settings, limits: Limits
) -> WatchedTraining | None:
    """The training, or None where it breaks off with an error that is already explained.

    What a step raises is the user's own, unless a finding says it: a framework may refuse to step
    where no weight has a gradient, where an index lies outside of its table, or where a loss gets
    what it does not take.
    """
    try:
        return trainee.watched(purse.watched(), settings.on_progress)
    except Exception:
        if not _explained(facts, limits):
            raise
        return None


def _explained(facts: Facts, limits: Limits) -> bool:
    reach, indices = facts.properties.reach, facts.properties.indices
    if (reach is not None and reach.nothing) or indices:
        return True
    found, _ = ask(rule_of("loss-mismatch"), gathered(facts, None, limits))
    return any(finding.severity == FAULT for finding in found)


def conclude(
    evidence: Evidence,
    off: Collection[str] = (),
    spent: Spent | None = None,
    seconds: float = 0.0,
) -> Diagnosis:
    """Ask all rules, put the likeliest cause first."""
    findings: list[Finding] = []
    silent: list[NotApplicable] = []
    clean: list[str] = []
    for rule in RULES:
        if rule.name in off:
            silent.append(NotApplicable(rule.name, "switched_off"))
            continue
        found, why_not = ask(rule, evidence)
        findings += found
        if why_not is not None:
            silent.append(why_not)
        elif not found:
            clean.append(rule.name)
    return Diagnosis(
        tuple(ranked(findings, evidence)),
        evidence.run,
        tuple(silent),
        tuple(clean),
        evidence.learning.verdict,
        seconds,
        evidence.last_step + 1,
        spent or Spent(evidence.steps, evidence.steps),
        evidence.recorded,
    )


def try_changes(
    trainee: Trainee, evidence: Evidence, rules: Sequence[Rule], purse: Purse
) -> Iterator[Trial]:
    """The same training with one thing changed, as the rules ask for it.

    What brings it back is the cause, by experiment; it ends the rule's trials.
    """
    if not evidence.steps or evidence.data.x_bad or evidence.data.y_bad:
        return
    for rule in rules:
        for change in rule.changes(evidence):
            span = purse.trial()
            if span is None:
                return
            trainee.rewind()
            result = trainee.tried(change, span)
            if span.cuts(result.history.steps) and result.history.non_finite_step is None:
                # Half a trial says what the clock says.
                purse.refused = True
                return
            cured = not change.left_out and _learns(evidence, result)
            heads = result.heads if change.left_out else ()
            trial = Trial(change, result.history.losses, cured, heads)
            yield trial
            if trial.learns:
                break


def _learns(evidence: Evidence, tried: TrialResult) -> bool:
    """Whether a trial learns, or at least leaves the watched training far behind."""
    ours, limits = evidence.learning, evidence.limits["learning"]
    theirs = judge(
        tried.heads, tried.history, np.zeros(0), evidence.reference, limits, evidence.data.epoch
    )
    slow = times_as_long(ours, evidence.probe_losses) > limits["slow"].value
    if ours.verdict in (LEARNED, LEARNING) and not slow:
        ahead = theirs.skill - ours.skill > limits["much_better"].value * ours.target
        return theirs.skill >= limits["well"].value * ours.target and ahead
    if theirs.verdict == LEARNED:
        return True
    return math.isfinite(theirs.final) and _far_ahead(theirs, ours, limits["far_ahead"].value)


def _far_ahead(theirs: Learning, ours: Learning, share: float) -> bool:
    """Whether a trial's final loss has made much of the way that ours has still to go."""
    if math.isfinite(theirs.skill) and math.isfinite(ours.skill):
        goal = ours.target if math.isfinite(ours.target) else 1.0
        return theirs.skill - ours.skill > share * max(goal, 0.2) and theirs.skill > 0.25 * goal
    if not math.isfinite(ours.final):
        return theirs.final < theirs.initial
    return theirs.final < ours.final - share * abs(ours.final)


def try_seeds(
    trainee: Trainee, evidence: Evidence, rules: Sequence[Rule], seeds: int, purse: Purse
) -> Iterator[Mapping[str, float]]:
    """Where a finding may be a matter of luck: the same training from redrawn weights."""
    if not any(rule.luck(evidence) for rule in rules):
        return
    for seed in range(1, seeds + 1):
        span = purse.trial()
        if span is None:
            return
        trainee.rewind()
        yield trainee.dead_with(Change(seed=seed), span)
