"""There is something to learn and it is not learnt: the symptom that every cause ends in."""

from __future__ import annotations

import math

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
    """The verdict of `learning`, as a finding."""
    course = evidence.course
    if course is None or course.steps == 0:
        return NotApplicable("loss-not-falling", "no_training")
    learning = evidence.learning
    if learning.verdict == "unknown":
        return NotApplicable("loss-not-falling", "too_few_steps", {"steps": course.steps})
    if not evidence.failing or course.non_finite_step is not None:
        return []
    limit = limits["share"]
    known = math.isfinite(learning.target) and learning.target > 0.1
    lost = learning.before > learning.skill
    fell = known and not lost and learning.skill >= limit.value * learning.target
    return [
        Finding(
            "loss-not-falling",
            WARNING if fell else FAULT,
            "reference" if known else "constant",
            None,
            course.steps - 1,
            learning.skill,
            limit.value * learning.target if known else 0.0,
            limit.source,
            ("read_causes", "overfit_one_batch"),
            {
                "target": learning.target,
                "initial": learning.initial,
                "final": learning.final,
                "constant": learning.constant,
            },
            0.5,
            symptom=True,
        )
    ]


RULE = Rule(
    "loss-not-falling", check, 90, "Wardat et al. (2021), DeepLocalize: model does not learn"
)
