"""Gradients that were not cleared: a step made on top of those of the step before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.rule import Evidence, Found, Rule, RuleLimits, Silent

_NAME = "stale_gradients"


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The share of the steps whose update used old gradients; adding up several passes and then
    clearing, together with the update, is no such thing."""
    run = evidence.run
    if not evidence.recorded:
        yield Silent("own_loop")
        return
    if run is None or _NAME not in run.groups["steps"].variables:
        yield Silent("clears_itself")
        return
    values = run.values("steps", _NAME)[0]
    steps = run.groups["steps"].coords["step"][np.isfinite(values)]
    stale = values[np.isfinite(values)] > 0
    if not len(stale):
        yield Silent("no_training")
        return
    if stale.sum() >= limits["steps"].value and stale.mean() >= limits["share"].value:
        yield Found(
            "added_up",
            step=int(steps[np.flatnonzero(stale)[0]]),
            value=float(stale.mean()),
            limit="share",
            remedies=("zero_grad", "accumulate"),
            facts={"stale": int(stale.sum()), "looked": len(stale)},
            certainty=1.0,
        )


RULE = Rule(
    "stale-gradients",
    check,
    paper="torch.Tensor.backward; torch.optim.Optimizer.zero_grad",
)
