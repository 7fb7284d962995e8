"""Steps that overshoot: rate times curvature along the step."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

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
from gradgauge.diagnosis.steps import (
    began_finite,
    long_steps,
    ran_away,
    rates_worth_trying,
    tried_rates,
    worst_sharpness,
)

_LOWER = (0.1, 0.01, 1e-3, 1e-5, 1e-7)
_A_LITTLE_LOWER = (0.1, 0.01)


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Asked only of a training that fails: a high rate that converges is a good rate."""
    history = evidence.history
    if history is None or history.steps == 0:
        yield Silent("no_training")
        return
    if not began_finite(evidence) or history.non_finite_step == 0:
        return  # before any step: no rate can have made it
    yield from _grows(evidence, limits)
    lower = tried_rates(evidence, lower=True)
    helped = next((t for t in lower if t.learns), None)
    if not evidence.failing and helped is None:
        return
    sharpness, blowup = worst_sharpness(evidence), _blowup(history.losses)
    suspicious = sharpness > limits["sharpness"].value or blowup > limits["blowup"].value
    if not (helped or (suspicious and not lower) or (suspicious and _better(evidence, limits))):
        return
    rate = evidence.optimizer.rate
    factor = helped.change.rate_factor if helped else 1 / max(sharpness, 10.0)
    if evidence.recorded:
        yield Found(
            "grew",
            step=history.last,
            value=blowup,
            limit="blowup",
            remedies=("lower_rate", "clip_gradients", "warm_up"),
            symptom=history.non_finite_step is not None and not math.isfinite(blowup),
        )
        return
    yield Found(
        "tried" if helped else "overshoot",
        severity=FAULT if helped or suspicious else WARNING,
        step=_step(evidence),
        value=sharpness,
        limit="sharpness",
        remedies=("rate_to", "clip_gradients"),
        facts={
            "rate": rate,
            "better": rate * factor,
            "times_rate": factor,
            "blowup": blowup,
        },
    )


def _grows(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """A schedule whose rate is largest at its end, far above the one it started from."""
    schedule = evidence.schedule
    if schedule is None or len(schedule.rates) < 2 or not schedule.base > 0:
        return
    peak = float(schedule.rates.max())
    at_end = int(np.argmax(schedule.rates)) >= 0.9 * len(schedule.rates)
    if not at_end or peak <= limits["grows"].value * schedule.base:
        return
    if schedule.recorded and not evidence.failing:
        return
    sure = schedule.sure and not evidence.learned
    yield Found(
        "schedule_grows",
        severity=FAULT if sure else WARNING,
        step=int(schedule.steps[-1]),
        value=peak / schedule.base,
        limit="grows",
        remedies=("schedule_factor",),
        facts={"rate": schedule.base, "peak": peak, "steps": int(schedule.steps[-1]) + 1},
        certainty=0.9,
    )


def _step(evidence: Evidence) -> int | None:
    history = evidence.history
    if history is None or not history.sharpness:
        return 0
    return max(
        history.sharpness,
        key=lambda s: -1.0 if math.isnan(history.sharpness[s]) else history.sharpness[s],
    )


def _blowup(losses: np.ndarray) -> float:
    """The largest loss against the first."""
    first = abs(float(losses[0]))
    if not np.isfinite(losses).all():
        return math.inf
    return float(losses.max()) / first if first > 0 else 1.0


def _better(evidence: Evidence, limits: RuleLimits) -> bool:
    """Whether a lower rate ends with a much smaller loss, though it does not yet learn."""
    if evidence.history is None:
        return False
    last = float(evidence.history.losses[-1])
    ours = last if math.isfinite(last) else math.inf
    ends = [t.final for t in tried_rates(evidence, lower=True)]
    return any(math.isfinite(e) and e < limits["better"].value * ours for e in ends)


def _changes(evidence: Evidence) -> Sequence[Change]:
    if not rates_worth_trying(evidence):
        return ()
    if ran_away(evidence) or worst_sharpness(evidence) > 1 or long_steps(evidence):
        return [Change(rate_factor=factor) for factor in _LOWER]
    if worst_sharpness(evidence) < evidence.limits["learning-rate-too-low"]["short"].value:
        return ()
    return [Change(rate_factor=factor) for factor in _A_LITTLE_LOWER]


RULE = Rule(
    "learning-rate-too-high",
    check,
    paper="LeCun et al. (1998), Efficient BackProp, section 4.5",
    changes=_changes,
)
