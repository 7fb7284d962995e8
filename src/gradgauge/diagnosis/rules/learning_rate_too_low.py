"""Steps too short for the way: distance to travel against rate times steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradgauge.diagnosis.facts import Schedule
from gradgauge.diagnosis.learning import FAILING, LEARNING, times_as_long
from gradgauge.diagnosis.rule import (
    FAULT,
    WARNING,
    Change,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)
from gradgauge.diagnosis.signals import cannot_move
from gradgauge.diagnosis.steps import (
    hardly_moved,
    long_steps,
    middle_sharpness,
    ran_away,
    rates_worth_trying,
    tried_rates,
    worst_sharpness,
)

_HIGHER = (10.0, 100.0, 1e3, 1e4, 1e5)
_A_LITTLE_HIGHER = (10.0, 100.0)
_SELDOM = 0.5
"""Share of the steps at which a rate changes that follows epochs, at most."""
_LEAST_CHANGES = 4
"""Changes of a rate that show how it goes on."""
_RISE = 0.2
"""Share of the steps that the rise of a one-cycle schedule takes, at least; 0.3 as it is made."""


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """How many times as long the training would have to be at this rate."""
    history = evidence.history
    if history is None or history.last < 1:
        yield Silent("no_training") if history is None else Silent("too_few_steps", {"steps": 1})
        return
    planned = list(_schedule(evidence, limits))
    if planned:
        yield from planned
        return
    if evidence.learned or history.non_finite_step is not None or cannot_move(evidence):
        return
    decayed = list(_decayed(evidence, limits))
    if decayed:
        yield from decayed
        return
    if evidence.recorded:
        yield from _short_way(evidence, limits)
        return
    if evidence.too_short and not evidence.failing:
        yield Silent("too_few_steps", {"steps": history.steps})
        return
    times = times_as_long(evidence.learning, evidence.probe_losses)
    if not times > limits["times"].value:
        return
    if middle_sharpness(evidence) > limits["sharpness"].value:
        return
    higher = tried_rates(evidence, lower=False)
    helped = next((t for t in higher if t.learns), None)
    if higher and not helped and not hardly_moved(evidence):
        return
    factor = helped.change.rate_factor if helped else min(times, 1e4)
    patience = evidence.learning.verdict != FAILING and (helped is None or factor <= 10)
    rate = evidence.optimizer.rate
    yield Found(
        "tried" if helped else "distance",
        severity=WARNING if patience else FAULT,
        step=history.last,
        value=times,
        limit="times",
        remedies=("rate_to", "train_longer"),
        facts={
            "rate": rate,
            "better": rate * factor,
            "times_rate": factor,
            "steps": history.steps,
        },
    )


def _schedule(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """A schedule that ends the training early, or a warm-up that never does.

    By the rates alone: as they will be, simulated, or as they were. A training that has learned
    all the same, or a schedule whose steps had to be guessed, is only warned of.
    """
    schedule = evidence.schedule
    if schedule is None or len(schedule.rates) < limits["schedule_steps"].value:
        return
    rates, length = schedule.rates, int(schedule.steps[-1]) + 1
    peak, base = float(rates.max()), schedule.base
    sure = schedule.sure and not evidence.learned
    facts = {"rate": base, "peak": peak, "steps": length}
    if _cycle_unfinished(schedule, evidence, limits):
        yield Found(
            "never_warm",
            severity=WARNING if evidence.learning.verdict == LEARNING else FAULT,
            step=length - 1,
            value=peak / schedule.top,
            limit="warmed",
            remedies=("schedule_per_epoch", "shorter_warmup"),
            facts={**facts, "rate": schedule.top},
            certainty=0.9,
        )
        return
    if not schedule.recorded and _still_warming(rates) and peak < limits["warmed"].value * base:
        yield Found(
            "never_warm",
            severity=FAULT if sure else WARNING,
            step=length - 1,
            value=peak / base,
            limit="warmed",
            remedies=("shorter_warmup",),
            facts=facts,
            certainty=0.9,
        )
        return
    alive = np.flatnonzero(rates > limits["decayed"].value * max(peak, base, 1e-30))
    ends = int(schedule.steps[alive[-1]]) + 1 if alive.size else 0
    halved = int(schedule.steps[np.flatnonzero(rates >= 0.5 * peak)[-1]]) + 1
    if schedule.recorded and not (evidence.failing or _was_cut(evidence, halved, limits)):
        return
    if ends < limits["early"].value * length:
        yield Found(
            "ends_early",
            severity=FAULT if sure else WARNING,
            step=ends,
            value=ends / length,
            limit="early",
            remedies=("schedule_per_epoch", "slower_decay"),
            facts=facts,
            certainty=0.9,
        )


def _cycle_unfinished(schedule: Schedule, evidence: Evidence, limits: RuleLimits) -> bool:
    """Whether a recorded one-cycle schedule was made for steps and stepped once an epoch.

    The rate stays over most steps, and how far it has come along the cosine of its rise says how
    many of its own steps the whole rise has: about as many as steps were made, not as epochs.
    """
    rates, made = schedule.rates, evidence.last_step + 1
    if not schedule.recorded or made < evidence.limits["learning"]["flat_steps"].value:
        return False
    if not rates.max() < limits["warmed"].value * schedule.top or not _still_warming(rates):
        return False
    next_to = np.diff(schedule.steps) == 1
    changes = np.diff(rates)[next_to] != 0
    if not changes.sum() >= _LEAST_CHANGES or changes.mean() > _SELDOM:
        return False
    share = (float(rates[-1]) - float(rates[0])) / (schedule.top - float(rates[0]))
    rise = float(np.count_nonzero(np.diff(rates))) / (np.arccos(1 - 2 * share) / np.pi)
    return bool(rise > _RISE * made)


def _still_warming(rates: np.ndarray) -> bool:
    """Whether the rate rises to the end and never falls."""
    return bool((np.diff(rates) >= 0).all() and rates[-1] > rates[0])


def _was_cut(evidence: Evidence, ends: int, limits: RuleLimits) -> bool:
    """Whether a recorded training had still something to learn where its rate began to go: by its
    losses, or, where nobody told them, by how little it moved and gradients of their old size."""
    if evidence.steps:
        return _fell_until(evidence, ends)
    short = 0 < _longest_way(evidence) < limits["way"].value
    return short and _still_arrives(evidence, limits)


def _fell_until(evidence: Evidence, ends: int) -> bool:
    """Whether the loss of a recorded training was still falling where its rate began to go: one
    that is reduced where nothing falls any more does what it is for."""
    run = evidence.run
    if run is None or "loss" not in run.groups["steps"].variables:
        return False
    losses = np.asarray(run.values("steps", "loss"), float)[0]
    losses = losses[(run.groups["steps"].coords["step"] < ends) & np.isfinite(losses)]
    if len(losses) < 8:
        return len(losses) > 0
    third = len(losses) // 3
    before, after = losses[-2 * third : -third], losses[-third:]
    noise = float(np.hypot(before.std(), after.std())) / third**0.5
    return float(before.mean() - after.mean()) > 2 * noise


def _short_way(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """All updates of a recorded training together, where its loss does not fall."""
    history, run = evidence.history, evidence.run
    if history is None or run is None or evidence.learning.verdict == LEARNING:
        return
    path = _longest_way(evidence)
    if history.last + 1 < evidence.limits["learning"]["flat_steps"].value:
        return
    if 0 < path < limits["path"].value:
        # Where nobody told a loss, gradients of their old size say that it has not been learned.
        untold = not history.steps and _still_arrives(evidence, limits)
        yield Found(
            "short_way",
            severity=FAULT if evidence.failing or untold else WARNING,
            step=history.last,
            value=path,
            limit="path",
            remedies=("higher_rates", "train_longer"),
            facts={"steps": history.last + 1},
        )


def _longest_way(evidence: Evidence) -> float:
    """The sum of the updates of the layer that moved most, relative to its weights."""
    if evidence.run is None or not len(ratios := evidence.run.values("steps", "update_ratio")[0]):
        return 0.0
    seen = ratios[:, np.isfinite(ratios).any(axis=0)]
    if not seen.size:
        return 0.0
    return float(np.nanmean(seen, axis=0).max()) * (evidence.last_step + 1)


def _still_arrives(evidence: Evidence, limits: RuleLimits) -> bool:
    """Whether gradients of the last tenth of a recorded training's steps are of the size of the
    first tenth's."""
    if evidence.run is None:
        return False
    norms = evidence.run.values("steps", "weight_grad_norm")[0]
    sizes = np.sqrt(np.nansum(norms**2, axis=1))
    tenth = max(len(sizes) // 10, 1)
    start, end = (float(np.median(part)) for part in (sizes[:tenth], sizes[-tenth:]))
    return end > limits["of_old_size"].value * start > 0


def _decayed(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """A schedule that has come to next to nothing while gradients still arrive.

    Steps relative to the weights, the middle over the layers, last tenth against first: with
    gradients of their old size only the rate can have shrunk them.
    """
    if evidence.optimizer.can_vary or not evidence.failing or evidence.run is None:
        return
    ratios = evidence.run.values("steps", "update_ratio")[0]
    grads = evidence.probes("weight_grad_norm")
    if len(ratios) < 2 or len(grads) < 2:
        return
    tenth = max(len(ratios) // 10, 1)
    with np.errstate(all="ignore"):
        sizes = np.sqrt(np.nansum(grads**2, axis=1))
        start, end = (_middle(part) for part in (ratios[:tenth], ratios[-tenth:]))
    arrives = sizes[-1] > limits["arrives"].value * sizes[0] > 0
    if start > 0 and end <= limits["decayed"].value * start and arrives:
        yield Found(
            "decayed",
            step=evidence.last_step,
            value=end / start,
            limit="decayed",
            remedies=("slower_decay",),
            facts={"rate": evidence.optimizer.rate},
        )


def _middle(ratios: np.ndarray) -> float:
    known = ratios[np.isfinite(ratios)]
    return float(np.median(known)) if known.size else 0.0


def _changes(evidence: Evidence) -> Sequence[Change]:
    if not rates_worth_trying(evidence):
        return ()
    if ran_away(evidence) or worst_sharpness(evidence) > 1 or long_steps(evidence):
        return ()
    short = worst_sharpness(evidence) < evidence.limits[RULE.name]["short"].value
    higher = _HIGHER if short else _A_LITTLE_HIGHER
    if evidence.learning.verdict == LEARNING and short:
        # It learns, only too slowly: what is asked is by how much, so the larger one comes first.
        higher = (100.0, 10.0)
    return [Change(rate_factor=factor) for factor in higher]


RULE = Rule(
    "learning-rate-too-low",
    check,
    paper="LeCun et al. (1998), Efficient BackProp, section 4.5",
    changes=_changes,
)
