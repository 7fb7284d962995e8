"""Updates far too large or too small against the weights they change."""

from __future__ import annotations

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
    graded,
)


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """The middle over the steps, by layer; a fault only where the training fails."""
    if evidence.run is None or not len(evidence.run.groups["steps"].coords["step"]):
        return NotApplicable("update-ratio", "no_training")
    if not evidence.lagging:
        return []
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
        return []
    first = ratios[0, places] if len(ratios) else middle
    return _one_apart(evidence, limits, places, first) or _judged(evidence, limits, places, middle)


def _one_apart(
    evidence: Evidence, limits: Mapping[str, Limit], places: list[int], first: np.ndarray
) -> list[Finding]:
    """One layer that the first step changes out of all proportion to the others."""
    if len(first) < 3 or not np.isfinite(first).all():
        return []
    at = int(np.argmax(first))
    others = float(np.median(np.delete(first, at)))
    limit = limits["high"]
    if not (first[at] > limit.value and first[at] > limits["apart"].value * others):
        return []
    name = evidence.layers[places[at]].name
    return [
        Finding(
            "update-ratio",
            graded(evidence, WARNING, True),
            "high",
            name,
            0,
            float(first[at]),
            limit.value,
            limit.source,
            ("lower_rate",),
            {},
            0.8,
        )
    ]


def _median(values: np.ndarray) -> float:
    values = values[~np.isnan(values)]
    return float(np.median(values)) if len(values) else float("nan")


def _judged(
    evidence: Evidence, limits: Mapping[str, Limit], places: list[int], middle: np.ndarray
) -> list[Finding]:
    high, low = int(np.nanargmax(middle)), int(np.nanargmin(middle))
    symptom = True
    if middle[high] > limits["high"].value:
        case, at, limit = "high", high, limits["high"]
    elif middle[low] < limits["low"].value:
        case, at, limit = "low", low, limits["low"]
    else:
        return []
    with np.errstate(divide="ignore"):
        # A layer that hardly moves is so because little reaches it: that is a symptom.
        if case == "high" and middle[high] > limits["apart"].value * np.median(middle):
            symptom = False
    severity = graded(evidence, WARNING, at_start=not symptom)
    return [
        Finding(
            "update-ratio",
            severity,
            case,
            evidence.layers[places[at]].name,
            None,
            float(middle[at]),
            limit.value,
            limit.source,
            ("lower_rate",) if case == "high" else ("higher_rate",),
            {},
            0.4,
            symptom=symptom and severity == FAULT,
        )
    ]


RULE = Rule("update-ratio", check, 65, "Karpathy (2015), CS231n: ratio of weights to updates")
