"""Steps too short for the way: distance to travel against rate times steps."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.diagnosis.learning import times_as_long
from gradgauge.diagnosis.rules._rule import (
    FAULT,
    WARNING,
    Evidence,
    Finding,
    Limit,
    Mapping,
    NotApplicable,
    Outcome,
    Rule,
)


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """How many times as long the training would have to be at this rate."""
    course = evidence.course
    if course is None or course.steps < 2:
        return NotApplicable("learning-rate-too-low", "no_training")
    if evidence.learning.verdict == "learned" or course.non_finite_step is not None:
        return []
    decayed = _decayed(evidence, limits["decayed"])
    if decayed is not None:
        return [decayed]
    times = times_as_long(evidence.learning, evidence.looks)
    overshoot = _overshoot(evidence)
    if not times > limits["times"].value or overshoot > limits["overshoot"].value:
        return []
    higher = [t for t in evidence.trials if t.change == "rate" and t.factor > 1]
    helped = next((t for t in higher if t.learns), None)
    short = hardly_moved(evidence)
    if higher and not helped and not short:
        return []
    patience = evidence.learning.verdict != "failing" and (helped is None or helped.factor <= 10)
    severity = WARNING if patience else FAULT
    better = evidence.optimizer.rate * (helped.factor if helped else min(times, 1e4))
    limit = limits["times"]
    return [
        Finding(
            "learning-rate-too-low",
            severity,
            "tried" if helped else "distance",
            None,
            course.steps - 1,
            times,
            limit.value,
            limit.source,
            ("rate_to", "train_longer"),
            {"rate": evidence.optimizer.rate, "better": better, "steps": course.steps},
            0.9 if helped else 0.5,
        )
    ]


def _decayed(evidence: Evidence, limit: Limit) -> Finding | None:
    """A schedule that has come to next to nothing while gradients still arrive.

    Steps relative to the weights, the middle over the layers, last tenth against first: with
    gradients of their old size only the rate can have shrunk them.
    """
    if evidence.optimizer.can_vary or not evidence.failing or evidence.run is None:
        return None
    ratios = evidence.run.values("steps", "update_ratio")[0]
    grads = evidence.probes("weight_grad_norm")
    if len(ratios) < 2 or len(grads) < 2:
        return None
    tenth = max(len(ratios) // 10, 1)
    with np.errstate(all="ignore"):
        sizes = np.sqrt(np.nansum(grads**2, axis=1))
        start, end = (_middle(part) for part in (ratios[:tenth], ratios[-tenth:]))
    if not (start > 0 and end <= limit.value * start and sizes[-1] > 0.1 * sizes[0] > 0):
        return None
    steps = evidence.course.steps if evidence.course else 0
    return Finding(
        "learning-rate-too-low",
        FAULT,
        "decayed",
        None,
        steps - 1,
        end / start,
        limit.value,
        limit.source,
        ("slower_decay",),
        {"rate": evidence.optimizer.rate},
        0.8,
    )


def _middle(ratios: np.ndarray) -> float:
    known = ratios[np.isfinite(ratios)]
    return float(np.median(known)) if known.size else 0.0


def hardly_moved(evidence: Evidence) -> bool:
    """Whether all steps together are shorter than a fraction of the one best step: then nothing
    could be learnt, whatever else is wrong, and a cure that does not work at once proves nothing."""
    course = evidence.course
    if course is None:
        return False
    found = [v for v in course.overshoot.values() if math.isfinite(v)]
    limit = evidence.limits["learning-rate-too-low"]["best_steps"].value
    return bool(found) and 0 <= float(np.median(found)) * course.steps < limit


def _overshoot(evidence: Evidence) -> float:
    course = evidence.course
    found = [v for v in course.overshoot.values() if math.isfinite(v)] if course else []
    return float(np.median(found)) if found else 0.0


RULE = Rule(
    "learning-rate-too-low", check, 37, "LeCun et al. (1998), Efficient BackProp, section 4.5"
)
