"""There is something to learn and it is not learnt: the symptom that every cause ends in."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gradgauge.diagnosis.learning import UNKNOWN
from gradgauge.diagnosis.rule import (
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
        untold = evidence.recorded and history is not None
        yield Silent("recorded.loss" if untold else "no_training")
        return
    if learning.verdict == UNKNOWN:
        told = history.steps > 0 and not math.isnan(learning.final)
        flat = evidence.recorded and told
        yield Silent("flat_loss") if flat else Silent("too_few_steps", {"steps": history.steps})
        return
    if not evidence.failing or history.non_finite_step is not None:
        return
    if evidence.recorded:
        at_chance = math.isfinite(learning.constant) and learning.final <= learning.initial * (
            1 + evidence.limits["learning"]["rise"].value
        )
        yield Found(
            "guessing" if at_chance else "rises",
            step=history.last,
            value=learning.final,
            limit="share",
            limit_value=learning.constant if at_chance else learning.initial,
            remedies=("read_causes", "overfit_one_batch"),
            facts={"initial": learning.initial},
            symptom=True,
        )
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
        step=history.last,
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
