"""There is something to learn and it is not learnt: the symptom that every cause ends in."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gradgauge.diagnosis.learning import UNKNOWN
from gradgauge.diagnosis.rules._rule import (
    FAULT,
    WARNING,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The verdict of `learning`, as a finding."""
    history, learning = evidence.history, evidence.learning
    if history is None or history.steps == 0:
        yield Silent("no_training")
        return
    if learning.verdict == UNKNOWN:
        yield Silent("too_few_steps", {"steps": history.steps})
        return
    if not evidence.failing or history.non_finite_step is not None:
        return
    limit = limits["share"].value
    known = math.isfinite(learning.target) and learning.target > limits["target"].value
    lost = learning.before > learning.skill
    fell = known and not lost and learning.skill >= limit * learning.target
    case = "reference" if known else "constant"
    case = case if math.isnan(learning.by_loss) else "denied"
    yield Found(
        case,
        severity=WARNING if fell and case != "denied" else FAULT,
        step=history.steps - 1,
        value=learning.skill,
        limit="share",
        limit_value=limit * learning.target if known else 0.0,
        remedies=("read_causes", "overfit_one_batch"),
        facts={
            "target": learning.target,
            "initial": learning.initial,
            "final": learning.final,
            "constant": learning.constant,
            "by_loss": learning.by_loss,
        },
        symptom=True,
    )


RULE = Rule(
    "loss-not-falling", check, paper="Wardat et al. (2021), DeepLocalize: model does not learn"
)
