"""Batches that do not look like the data."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gradgauge.diagnosis.baselines import skill
from gradgauge.diagnosis.rule import (
    FAULT,
    WARNING,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)

_REPEATED = ("same_batch", "same_sample")


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Sorted rows are a fault unless the outputs show that they did no harm."""
    del limits
    order = evidence.properties.order
    if order is None:
        yield Silent("not_asked")
    elif order.case:
        repeated = order.case in _REPEATED
        yield Found(
            order.case,
            severity=WARNING if not repeated and _harmless(evidence) else FAULT,
            value=None if math.isnan(order.share) else order.share,
            remedies=("read_loader",) if repeated else ("shuffle",),
            facts={"batches": order.batches, "expected": order.expected},
            certainty=0.9,
        )
    elif order.reason:
        yield Silent(order.reason)


def _harmless(evidence: Evidence) -> bool:
    """Whether outputs on samples of all kinds show that the training has learned them: the loss
    of its last batches is that of the last class alone."""
    target = evidence.reference.skill
    wanted = evidence.limits["learning"]["well"].value * (target if target > 0 else 1.0)
    return bool(evidence.heads) and all(
        head.after is not None
        and skill(head.after, head.y, head.loss.kind, head.loss.logits) >= wanted
        for head in evidence.heads
    )


RULE = Rule(
    "unshuffled-batches",
    check,
    paper="Bengio (2012), Practical recommendations, section 3.1.1",
    static=True,
    needs="batches",
)
