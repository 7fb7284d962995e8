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


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """How many times as long the training would have to be at this rate."""
    course = evidence.course
    if course is None or course.steps < 2:
        return NotApplicable("learning-rate-too-low", "no_training")
    if evidence.learning.verdict == "learned" or course.non_finite_step is not None:
        return []
    times, overshoot = times_as_long(evidence), _overshoot(evidence)
    if not times > limits["times"].value or overshoot > limits["overshoot"].value:
        return []
    higher = [t for t in evidence.trials if t.change == "rate" and t.factor > 1]
    helped = next((t for t in higher if t.learns), None)
    if higher and not helped:
        return []
    severity = FAULT if helped or times > 5 * limits["times"].value else WARNING
    better = evidence.optimizer.rate * (helped.factor if helped else min(times, 1e4))
    limit = limits["times"]
    return [
        Finding("learning-rate-too-low", severity, "tried" if helped else "distance", None,
                course.steps - 1, times, limit.value, limit.source,
                ("rate_to", "train_longer"),
                {"rate": evidence.optimizer.rate, "better": better, "steps": course.steps},
                0.9 if helped else 0.5)
    ]  # fmt: skip


def times_as_long(evidence: Evidence) -> float:
    """The way to go against the way made, on the same samples: no noise of batches in it."""
    losses = evidence.probes("loss") if evidence.run is not None else np.zeros(0)
    losses = losses[np.isfinite(losses)]
    learning = evidence.learning
    if len(losses) < 2:
        first, last = learning.initial, learning.final
    else:
        first, last = float(losses[0]), float(losses[-1])
    target = learning.target if math.isfinite(learning.target) else 0.5
    goal = learning.constant * (1 - max(target, 0.1)) if math.isfinite(learning.constant) else 0.5 * first
    if first <= goal:
        return 1.0
    made = first - last
    return (first - goal) / made if made > 0 else math.inf


def _overshoot(evidence: Evidence) -> float:
    course = evidence.course
    found = [v for v in course.overshoot.values() if math.isfinite(v)] if course else []
    return float(np.median(found)) if found else 0.0


RULE = Rule("learning-rate-too-low", check, 37, "LeCun et al. (1998), Efficient BackProp, section 4.5")
