"""A diagnosis from beginning to end, whatever the framework."""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from gradgauge.diagnosis.evidence import Evidence, Trial
from gradgauge.diagnosis.finding import Diagnosis, Finding, NotApplicable
from gradgauge.diagnosis.learning import Learning, judge, times_as_long
from gradgauge.diagnosis.limits import limits_with
from gradgauge.diagnosis.ranking import ranked
from gradgauge.diagnosis.rules import BY_NAME, RULES
from gradgauge.diagnosis.rules.learning_rate_too_high import worst_overshoot
from gradgauge.diagnosis.trainees.trainee import Settings, Trainee, Tried
from gradgauge.errors import UnknownName

_LOWER = (0.1, 0.01, 1e-3, 1e-5, 1e-7)
_HIGHER = (10.0, 100.0, 1e3, 1e4, 1e5)
_LONG_STEP = 0.3
"""A change of the weights by one step, relative to them, above which lower rates are tried."""
_MUCH = 20.0
_MUCH_BETTER = 0.25
"""Of the reachable skill: by so much another rate must be better if this one learns as well."""
_TRIAL_SHARE = 1.0
"""Trials may take so many times the watched training's time, and at least _TRIAL_LEAST seconds."""
_TRIAL_LEAST = 4.0


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
    """
    began = time.perf_counter()
    chosen = limits_with(limits)
    for name in off:
        if name not in BY_NAME:
            raise UnknownName("rule", name, BY_NAME)
    # What overflows is what is looked for: NumPy need not warn of it.
    with np.errstate(all="ignore"), trainee.kept():
        evidence = Evidence(
            trainee.framework,
            trainee.heads(),
            (),
            trainee.optimizer(),
            trainee.data(),
            reach=trainee.reach(),
            limits=chosen,
        )
        training = time.perf_counter()
        watched = trainee.watched(settings)
        evidence.heads, evidence.layers = watched.heads, watched.layers
        evidence.course, evidence.run = watched.course, watched.run
        evidence.born_saturated = watched.born_saturated
        seconds = max(_TRIAL_LEAST, _TRIAL_SHARE * (time.perf_counter() - training))
        evidence.trials = try_others(trainee, evidence, seconds)
        evidence.seeds = try_seeds(trainee, evidence, settings.seeds, seconds)
        return conclude(evidence, off, time.perf_counter() - began)


def conclude(evidence: Evidence, off: Collection[str] = (), seconds: float = 0.0) -> Diagnosis:
    """Ask all rules, put the likeliest cause first."""
    findings: list[Finding] = []
    silent: list[NotApplicable] = []
    clean: list[str] = []
    for rule in RULES:
        if rule.name in off:
            silent.append(NotApplicable(rule.name, "switched_off"))
            continue
        outcome = rule.check(evidence, evidence.limits.get(rule.name, {}))
        if isinstance(outcome, NotApplicable):
            silent.append(outcome)
        elif outcome:
            findings += outcome
        else:
            clean.append(rule.name)
    steps = evidence.course.steps if evidence.course else 0
    return Diagnosis(
        tuple(ranked(findings, evidence)),
        evidence.run,
        tuple(silent),
        tuple(clean),
        evidence.learning.verdict,
        seconds,
        steps,
    )


def try_others(trainee: Trainee, evidence: Evidence, seconds: float) -> list[Trial]:
    """Where the training fails: the same with another rate, or with standardised inputs.

    What brings it back is the cause, by experiment.
    """
    course = evidence.course
    if course is None or course.steps == 0 or _data_is_bad(evidence):
        return []
    if not _worth_trying(evidence):
        return []
    deadline = time.perf_counter() + seconds
    trials: list[Trial] = []

    def attempt(change: str, factor: float) -> bool:
        left = deadline - time.perf_counter()
        if left <= 0.2:
            return True
        trainee.rewind()
        tried = trainee.tried(factor, change == "inputs", left)
        trials.append(Trial(change, factor, tried.course.losses, _learns(evidence, tried)))
        return trials[-1].learns

    cured = _inputs_are_odd(evidence) and attempt("inputs", 1.0)
    born_broken = not np.isfinite(course.losses[0])
    well = evidence.learning.verdict == "learned" and not evidence.lagging
    doubtful = evidence.failing or not (cured or well)
    if evidence.optimizer.can_vary and doubtful and not born_broken:
        for factor in _factors(evidence):
            if attempt("rate", factor):
                break
    return trials


def _worth_trying(evidence: Evidence) -> bool:
    """Whether the training fails, or is slow, or lags with steps that are suspiciously long."""
    verdict = evidence.learning.verdict
    if verdict == "failing":
        return True
    if evidence.lagging and _long_steps(evidence):
        return True
    learning = evidence.learning
    room = evidence.lagging or learning.skill < (1 - _MUCH_BETTER) * learning.target
    if room and _inputs_are_odd(evidence):
        return True
    slow = (
        times_as_long(evidence.learning, evidence.looks)
        > evidence.limits["learning-rate-too-low"]["times"].value
    )
    return verdict != "learned" and slow


def _long_steps(evidence: Evidence) -> bool:
    return worst_overshoot(evidence) > 1 or _early_update(evidence) > _LONG_STEP


def _data_is_bad(evidence: Evidence) -> bool:
    return bool(evidence.data.x_bad or evidence.data.y_bad)


def _inputs_are_odd(evidence: Evidence) -> bool:
    outcome = BY_NAME["unscaled-input"].check(evidence, evidence.limits["unscaled-input"])
    return not isinstance(outcome, NotApplicable) and bool(outcome)


def _factors(evidence: Evidence) -> Sequence[float]:
    """Other rates to try, by what the steps looked like."""
    overshoot = worst_overshoot(evidence)
    course = evidence.course
    losses = course.losses if course else np.zeros(0)
    broke = course is not None and course.non_finite_step is not None
    rose = len(losses) > 0 and (broke or losses.max() > 3 * abs(losses[0]))
    if broke or rose or overshoot > 1 or _early_update(evidence) > _LONG_STEP:
        return _LOWER
    if overshoot < 0.1:
        return _HIGHER
    return (0.1, 10.0, 0.01, 100.0)


def _early_update(evidence: Evidence) -> float:
    """The largest change of any layer's weights by one of the first steps, relative to them."""
    if evidence.run is None:
        return 0.0
    ratios = evidence.run.values("steps", "update_ratio")[0][:3]
    ratios = ratios[np.isfinite(ratios)]
    return float(ratios.max()) if ratios.size else 0.0


def _learns(evidence: Evidence, tried: Tried) -> bool:
    """Whether a trial learns, or at least leaves the watched training far behind."""
    ours = evidence.learning
    theirs = judge(tried.heads, tried.course, evidence.reference, evidence.limits["learning"])
    if (
        ours.verdict in ("learned", "learning")
        and not times_as_long(evidence.learning, evidence.looks) > _MUCH
    ):
        well = evidence.limits["learning"]["well"].value * ours.target
        return theirs.skill >= well and theirs.skill - ours.skill > _MUCH_BETTER * ours.target
    if theirs.verdict == "learned":
        return True
    if not math.isfinite(theirs.final) or (
        theirs.verdict == "failing" and not _far_ahead(theirs, ours)
    ):
        return False
    return _far_ahead(theirs, ours)


def _far_ahead(theirs: Learning, ours: Learning) -> bool:
    """Whether a trial's final loss has made much of the way that ours has still to go."""
    if math.isfinite(theirs.skill) and math.isfinite(ours.skill):
        goal = ours.target if math.isfinite(ours.target) else 1.0
        return theirs.skill - ours.skill > 0.3 * max(goal, 0.2) and theirs.skill > 0.25 * goal
    if not math.isfinite(ours.final):
        return math.isfinite(theirs.final) and theirs.final < theirs.initial
    return theirs.final < ours.final - 0.3 * abs(ours.final)


def try_seeds(
    trainee: Trainee, evidence: Evidence, seeds: int, seconds: float
) -> list[dict[str, float]]:
    """Where units die: the same training from redrawn weights, to see whether it is luck."""
    outcome = BY_NAME["dead-units"].check(evidence, evidence.limits["dead-units"])
    if isinstance(outcome, NotApplicable) or not outcome or not evidence.failing:
        return []
    if any(layer.fresh is False for layer in evidence.layers if layer.info.parameters):
        return []
    deadline = time.perf_counter() + seconds
    found = []
    for seed in range(1, seeds + 1):
        left = deadline - time.perf_counter()
        if left <= 0.2:
            break
        trainee.rewind()
        found.append(trainee.dead_with(seed, left / (seeds - seed + 1)))
    return found
