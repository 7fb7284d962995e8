"""Steps too short for the way: distance to travel against rate times steps."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.diagnosis._rule import (
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
from gradgauge.diagnosis.learning import times_as_long


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """How many times as long the training would have to be at this rate."""
    course = evidence.course
    if course is None or course.steps < 2:
        return NotApplicable("learning-rate-too-low", "no_training")
    if evidence.learning.verdict == "learned" or course.non_finite_step is not None:
        return []
    times = times_as_long(evidence.learning, evidence.looks)
    overshoot = _overshoot(evidence)
    if not times > limits["times"].value or overshoot > limits["overshoot"].value:
        return []
    higher = [t for t in evidence.trials if t.change == "rate" and t.factor > 1]
    helped = next((t for t in higher if t.learns), None)
    if higher and not helped:
        return []
    patience = evidence.learning.verdict != "failing" and (helped is None or helped.factor <= 10)
    severity = WARNING if patience else FAULT
    better = evidence.optimizer.rate * (helped.factor if helped else min(times, 1e4))
    limit = limits["times"]
    return [
        Finding("learning-rate-too-low", severity, "tried" if helped else "distance", None,
                course.steps - 1, times, limit.value, limit.source,
                ("rate_to", "train_longer"),
                {"rate": evidence.optimizer.rate, "better": better, "steps": course.steps},
                0.9 if helped else 0.5)
    ]  # fmt: skip


def _overshoot(evidence: Evidence) -> float:
    course = evidence.course
    found = [v for v in course.overshoot.values() if math.isfinite(v)] if course else []
    return float(np.median(found)) if found else 0.0


RULE = Rule(
    "learning-rate-too-low", check, 37, "LeCun et al. (1998), Efficient BackProp, section 4.5"
)
