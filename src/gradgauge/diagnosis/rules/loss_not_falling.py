"""There is something to learn and it is not learned: the symptom that every cause ends in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from gradgauge.diagnosis.learning import LEARNED, LEARNING, UNKNOWN
from gradgauge.diagnosis.left_out import LEAST, SHARE, agreement
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
    yield from _by_heart(evidence)
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


def _by_heart(evidence: Evidence) -> Iterator[Found]:
    """Targets that were learned by heart: of samples that were not trained on, neither the network
    nor a simple learner knows anything."""
    heads = [head for trial in evidence.trials for head in trial.heads]
    found = [agreement(head) for head in heads]
    if not found or any(agreed.related for agreed in found):
        return
    yield Found(
        "by_heart",
        step=evidence.last_step,
        value=found[0].skill,
        limit="by_heart",
        limit_value=found[0].by_chance,
        remedies=("rows_together",),
        facts={"trained": evidence.learning.skill, "samples": found[0].samples},
        certainty=0.8,
    )


def _changes(evidence: Evidence) -> Sequence[Change]:
    """Samples are left out where the network has learned much of what a simple learner finds no
    trace of."""
    learning, limits = evidence.learning, evidence.limits[RULE.name]
    if not evidence.data.divisible or learning.verdict not in (LEARNED, LEARNING):
        return ()
    if len(evidence.heads) != 1 or len(evidence.heads[0].y) < SHARE * LEAST:
        return ()
    much = learning.skill > limits["by_heart"].value
    new = not learning.before > evidence.limits["learning"]["had"].value
    traces = learning.target >= evidence.limits["learning"]["gain"].value
    return [Change(left_out=True)] if much and new and not traces else []


RULE = Rule(
    "loss-not-falling",
    check,
    paper="Wardat et al. (2021), DeepLocalize",
    changes=_changes,
)
