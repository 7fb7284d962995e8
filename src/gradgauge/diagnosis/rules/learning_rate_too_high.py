"""Steps that overshoot: rate times curvature along the step."""

from __future__ import annotations

import math

import numpy as np

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
    """Asked only of a training that fails: a high rate that converges is a good rate."""
    course = evidence.course
    if course is None or course.steps == 0:
        return NotApplicable("learning-rate-too-high", "no_training")
    if not math.isfinite(course.losses[0]):
        return []  # before any step: no rate can have made it
    overshoot = worst_overshoot(evidence)
    blowup = _blowup(course.losses)
    lower = [t for t in evidence.trials if t.change == "rate" and t.factor < 1]
    helped = next((t for t in lower if t.learns), None)
    if not evidence.failing and helped is None:
        return []
    limit = limits["overshoot"]
    suspicious = overshoot > limit.value or blowup > limits["blowup"].value
    if not (helped or (suspicious and not lower) or (suspicious and _better(evidence))):
        return []
    severity = FAULT if helped or suspicious else WARNING
    better = evidence.optimizer.rate * (helped.factor if helped else 1 / max(overshoot, 10.0))
    return [
        Finding(
            "learning-rate-too-high",
            severity,
            "tried" if helped else "overshoot",
            None,
            _step(evidence),
            overshoot,
            limit.value,
            limit.source,
            ("rate_to", "clip_gradients"),
            {"rate": evidence.optimizer.rate, "better": better, "blowup": blowup},
            0.9 if helped else 0.6,
        )
    ]


def worst_overshoot(evidence: Evidence) -> float:
    """The middle of the measured overshoots, or the first where that is worse."""
    course = evidence.course
    found = [v for v in course.overshoot.values() if not math.isnan(v)] if course else []
    return max(float(np.median(found)), found[0]) if found else 0.0


def _step(evidence: Evidence) -> int | None:
    course = evidence.course
    if course is None or not course.overshoot:
        return 0
    return max(
        course.overshoot,
        key=lambda s: -1.0 if math.isnan(course.overshoot[s]) else course.overshoot[s],
    )


def _blowup(losses: np.ndarray) -> float:
    """The largest loss against the first."""
    first = abs(float(losses[0]))
    if not np.isfinite(losses).all():
        return math.inf
    return float(losses.max()) / first if first > 0 else 1.0


def _better(evidence: Evidence) -> bool:
    """Whether a lower rate ends with a much smaller loss, though it does not yet learn."""
    course = evidence.course
    if course is None:
        return False
    ours = float(course.losses[-1]) if np.isfinite(course.losses[-1]) else math.inf
    ends = [t.final for t in evidence.trials if t.change == "rate" and t.factor < 1]
    return any(math.isfinite(end) and end < 0.5 * ours for end in ends)


RULE = Rule(
    "learning-rate-too-high", check, 35, "LeCun et al. (1998), Efficient BackProp, section 4.5"
)
