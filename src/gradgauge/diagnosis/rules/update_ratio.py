"""Updates far too large or too small against the weights they change."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.rule import (
    FAULT,
    WARNING,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
    graded,
)
from gradgauge.diagnosis.signals import nothing_reached

_ROUNDING = 1e-7
"""float32's."""
_RATE = 1e-3
"""A rate that nobody told."""


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The middle over the steps, by layer; a fault only where the training fails."""
    if evidence.run is None or not len(evidence.run.groups["steps"].coords["step"]):
        yield Silent("no_training")
        return
    yield from _rates_apart(evidence, limits)
    rounded = list(_rounded(evidence, limits))
    if rounded:
        yield from rounded
        return
    if nothing_reached(evidence) or not (evidence.lagging or evidence.recorded):
        return
    ratios = evidence.run.values("steps", "update_ratio")[0]
    places = [
        i
        for i in evidence.gradient_layers
        if evidence.layers[i].info.trainable
        and evidence.layers[i].in_optimizer
        and not evidence.layers[i].is_zero
    ]
    with np.errstate(all="ignore"):
        middle = np.array([_median(ratios[:, i]) for i in places])
    if not len(middle) or not np.isfinite(middle).any():
        return
    names = [evidence.layers[i].name for i in places]
    if evidence.recorded and len(ratios) >= limits["still_steps"].value:
        still = list(_still(evidence, ratios[:, places], places))
        if still:
            yield from still
            return
    first = ratios[0, places] if len(ratios) else middle
    if not evidence.lagging:
        return
    apart = list(_one_apart(evidence, limits, names, first))
    yield from apart or _judged(evidence, limits, names, middle)


def _rates_apart(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """Layers with new weights whose own rate is next to nothing beside the training's."""
    rates = [layer.rate for layer in evidence.layers if math.isfinite(layer.rate)]
    if not rates or not max(rates) > 0:
        return
    slow = [
        layer
        for layer in evidence.layers
        if layer.fresh and layer.info.trainable and layer.rate < limits["rates"].value * max(rates)
    ]
    if slow:
        yield Found(
            "rates_apart",
            severity=WARNING if evidence.learned else FAULT,
            layer=slow[0].name,
            step=0,
            value=slow[0].rate / max(rates),
            limit="rates",
            remedies=("rates_alike",),
            facts={"layers": len(slow), "rate": slow[0].rate, "largest": max(rates)},
            certainty=0.9,
        )


def _rounded(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """Steps that are lost in the rounding of weights of low precision."""
    shares = list(evidence.history.rounded.values()) if evidence.history is not None else []
    if not shares or evidence.learned:
        return
    share = float(np.median(shares))
    if share >= limits["rounded"].value:
        yield Found(
            "rounded",
            step=evidence.last_step,
            value=share,
            limit="rounded",
            remedies=("master_weights",),
            certainty=0.95,
        )


def _still(evidence: Evidence, ratios: np.ndarray, places: list[int]) -> Iterator[Found]:
    """Layers that get a gradient and that no step moves at all: a rate of 0, or changes lost in the
    rounding of weights of low precision."""
    run = evidence.run
    if run is None:
        return
    # Keras tells a callback no gradients of its steps: those of the probes are as good.
    told = bool(np.isfinite(run.values("steps", "weight_grad_norm")).any())
    group = "steps" if told else "probes"
    grads, norms = (
        run.values(group, name)[0][:, places] for name in ("weight_grad_norm", "weight_norm")
    )
    if not len(grads):
        return
    # What a step as long as rate times gradient would change, rounding alone cannot swallow.
    rate = _RATE if evidence.schedule is None else float(np.max(evidence.schedule.rates))
    whole_step = np.max(np.nan_to_num(grads / norms), axis=0) * rate
    arrives = (np.nan_to_num(grads) > 0).any(axis=0) & ((whole_step > _ROUNDING) | (rate == 0))
    known = np.isfinite(ratios).any(axis=0)
    still = known & arrives & ~(np.nan_to_num(ratios) > 0).any(axis=0)
    if not still.any():
        return
    whole = bool(still[known & arrives].all())
    at = places[int(np.flatnonzero(still)[0])]
    yield Found(
        "still_all" if whole else "still",
        severity=FAULT if whole or evidence.failing else WARNING,
        layer=None if whole else evidence.layers[at].name,
        value=0.0,
        limit="low",
        remedies=("rate_not_zero", "master_weights"),
        facts={"layers": int(still.sum()), "steps": evidence.last_step + 1},
        certainty=0.9,
    )


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


RULE = Rule("update-ratio", check, paper="Karpathy (2015), CS231n")
