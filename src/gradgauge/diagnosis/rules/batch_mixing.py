"""Outputs that depend on the other samples of their batch."""

from __future__ import annotations

from collections.abc import Iterator

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
    """A fault whatever the loss does: nobody has the other samples when the answer is needed."""
    properties = evidence.properties
    mixing = properties.mixing
    if properties.remembered >= limits["rows"].value:
        yield Found(
            "earlier_batches",
            layer=evidence.heads[0].layer if evidence.heads else None,
            value=properties.remembered,
            remedies=("fresh_state",),
            certainty=0.9,
        )
    elif mixing is None:
        yield Silent("not_asked")
    elif mixing.reason:
        yield Silent(mixing.reason)
    elif mixing.share > 0:
        own = properties.plain_batch_statistics
        yield Found(
            "batch_statistics" if own else "other_samples",
            severity=WARNING if own else FAULT,
            layer=evidence.heads[0].layer if evidence.heads else None,
            value=mixing.share,
            remedies=("running_statistics",) if own else ("right_axis",),
            certainty=0.9,
        )
    elif mixing.place > 0:
        yield Found(
            "by_place",
            layer=evidence.heads[0].layer if evidence.heads else None,
            value=mixing.place,
            remedies=("right_axis",),
            certainty=0.9,
        )


RULE = Rule(
    "batch-mixing",
    check,
    paper="Goodfellow et al. (2016), section 5.1.1",
    static=True,
    needs="experiments",
)
