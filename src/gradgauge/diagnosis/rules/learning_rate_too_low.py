"""Steps too short for the way: distance to travel against rate times steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradgauge.diagnosis.learning import FAILING, LEARNING, times_as_long
from gradgauge.diagnosis.rules._rule import (
    FAULT,
    WARNING,
    Change,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)
from gradgauge.diagnosis.steps import (
    hardly_moved,
    long_steps,
    middle_sharpness,
    ran_away,
    rates_worth_trying,
    tried_rates,
    worst_sharpness,
)

_HIGHER = (10.0, 100.0, 1e3, 1e4, 1e5)
_A_LITTLE_HIGHER = (10.0, 100.0)


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """How many times as long the training would have to be at this rate."""
    history = evidence.history
    if history is None or history.steps < 2:
        yield Silent("no_training") if history is None else Silent("too_few_steps", {"steps": 1})
        return
    if evidence.learned or history.non_finite_step is not None:
        return
    decayed = list(_decayed(evidence, limits))
    if decayed:
        yield from decayed
        return
    if evidence.recorded:
        yield from _short_way(evidence, limits)
        return
    times = times_as_long(evidence.learning, evidence.probe_losses)
    if not times > limits["times"].value:
        return
    if middle_sharpness(evidence) > limits["sharpness"].value:
        return
    higher = tried_rates(evidence, lower=False)
    helped = next((t for t in higher if t.learns), None)
    if higher and not helped and not hardly_moved(evidence):
        return
    factor = helped.change.rate_factor if helped else min(times, 1e4)
    patience = evidence.learning.verdict != FAILING and (helped is None or factor <= 10)
    rate = evidence.optimizer.rate
    yield Found(
        "tried" if helped else "distance",
        severity=WARNING if patience else FAULT,
        step=history.last,
        value=times,
        limit="times",
        remedies=("rate_to", "train_longer"),
        facts={"rate": rate, "better": rate * factor, "steps": history.steps},
    )


def _short_way(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """All updates of a recorded training together, where its loss does not fall."""
    history, run = evidence.history, evidence.run
    if history is None or run is None or evidence.learning.verdict == LEARNING:
        return
    ratios = run.values("steps", "update_ratio")[0]
    if history.last + 1 < evidence.limits["learning"]["flat_steps"].value or not len(ratios):
        return
    path = _middle(ratios) * (history.last + 1)
    if 0 < path < limits["path"].value:
        yield Found(
            "short_way",
            severity=FAULT if evidence.failing else WARNING,
            step=history.last,
            value=path,
            limit="path",
            remedies=("higher_rates", "train_longer"),
            facts={"steps": history.last + 1},
        )


def _decayed(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """A schedule that has come to next to nothing while gradients still arrive.

    Steps relative to the weights, the middle over the layers, last tenth against first: with
    gradients of their old size only the rate can have shrunk them.
    """
    if evidence.optimizer.can_vary or not evidence.failing or evidence.run is None:
        return
    ratios = evidence.run.values("steps", "update_ratio")[0]
    grads = evidence.probes("weight_grad_norm")
    if len(ratios) < 2 or len(grads) < 2:
        return
    tenth = max(len(ratios) // 10, 1)
    with np.errstate(all="ignore"):
        sizes = np.sqrt(np.nansum(grads**2, axis=1))
        start, end = (_middle(part) for part in (ratios[:tenth], ratios[-tenth:]))
    arrives = sizes[-1] > limits["arrives"].value * sizes[0] > 0
    if start > 0 and end <= limits["decayed"].value * start and arrives:
        yield Found(
            "decayed",
            step=evidence.last_step,
            value=end / start,
            limit="decayed",
            remedies=("slower_decay",),
            facts={"rate": evidence.optimizer.rate},
        )


def _middle(ratios: np.ndarray) -> float:
    known = ratios[np.isfinite(ratios)]
    return float(np.median(known)) if known.size else 0.0


def _changes(evidence: Evidence) -> Sequence[Change]:
    if not rates_worth_trying(evidence):
        return ()
    if ran_away(evidence) or worst_sharpness(evidence) > 1 or long_steps(evidence):
        return ()
    short = worst_sharpness(evidence) < evidence.limits[RULE.name]["short"].value
    return [Change(rate_factor=factor) for factor in (_HIGHER if short else _A_LITTLE_HIGHER)]


RULE = Rule(
    "learning-rate-too-low",
    check,
    paper="LeCun et al. (1998), Efficient BackProp, section 4.5",
    changes=_changes,
)
