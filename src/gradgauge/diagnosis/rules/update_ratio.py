"""Updates far too large or too small against the weights they change."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.rules._rule import (
    FAULT,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
    graded,
)
from gradgauge.diagnosis.signals import nothing_reached


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The middle over the steps, by layer; a fault only where the training fails."""
    if evidence.run is None or not len(evidence.run.groups["steps"].coords["step"]):
        yield Silent("no_training")
        return
    if not evidence.lagging or nothing_reached(evidence):
        return
    ratios = evidence.run.values("steps", "update_ratio")[0]
    places = [
        i
        for i in evidence.gradient_layers
        if evidence.layers[i].info.trainable
        and evidence.layers[i].in_optimizer
        and any(np.any(w) for w in evidence.layers[i].before)
    ]
    with np.errstate(all="ignore"):
        middle = np.array([_median(ratios[:, i]) for i in places])
    if not len(middle) or not np.isfinite(middle).any():
        return
    names = [evidence.layers[i].name for i in places]
    first = ratios[0, places] if len(ratios) else middle
    apart = list(_one_apart(evidence, limits, names, first))
    yield from apart or _judged(evidence, limits, names, middle)


def _one_apart(
    evidence: Evidence, limits: RuleLimits, names: list[str], first: np.ndarray
) -> Iterator[Found]:
    """One layer that the first step changes out of all proportion to the others."""
    if len(first) < 3 or not np.isfinite(first).all():
        return
    at = int(np.argmax(first))
    others = float(np.median(np.delete(first, at)))
    if first[at] > limits["high"].value and first[at] > limits["apart"].value * others:
        yield Found(
            "high",
            severity=graded(evidence, at_start=True),
            layer=names[at],
            step=0,
            value=float(first[at]),
            limit="high",
            remedies=("lower_rate",),
        )


def _judged(
    evidence: Evidence, limits: RuleLimits, names: list[str], middle: np.ndarray
) -> Iterator[Found]:
    high, low = int(np.nanargmax(middle)), int(np.nanargmin(middle))
    if middle[high] > limits["high"].value:
        case, at = "high", high
    elif middle[low] < limits["low"].value and _arrives(evidence, names[low]):
        case, at = "low", low
    else:
        return
    # A layer that hardly moves is so because little reaches it: that is a symptom.
    own = case == "high" and middle[high] > limits["apart"].value * np.median(middle)
    severity = graded(evidence, at_start=bool(own))
    yield Found(
        case,
        severity=severity,
        layer=names[at],
        value=float(middle[at]),
        limit=case,
        remedies=("lower_rate",) if case == "high" else ("higher_rate",),
        symptom=not own and severity == FAULT,
    )


def _arrives(evidence: Evidence, name: str) -> bool:
    """Whether a gradient arrives at the layer to the end, and its units live: else no rate helps."""
    at = next(i for i, layer in enumerate(evidence.layers) if layer.name == name)
    for gauge, lives in (("weight_grad_norm", lambda v: v > 0), ("dead", lambda v: v < 1)):
        values = evidence.probes(gauge)
        seen = values[np.isfinite(values[:, at]), at] if len(values) else values
        if len(seen) and not lives(float(seen[-1])):
            return False
    return not evidence.broke_off


def _median(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else float("nan")


RULE = Rule("update-ratio", check, paper="Karpathy (2015), CS231n: ratio of weights to updates")
