"""An error signal that grows on its way to the first layers, or from step to step."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.rule import (
    NOTE,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
    graded,
)
from gradgauge.diagnosis.signals import deltas, is_gated, rms_decades

_REMEDIES = ("clip_gradients", "smaller_init", "layer_norm")


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Between layers at the initial weights; over time in sequences; from step to step: the
    first of these."""
    if evidence.run is None:
        yield Silent("no_signals")
        return
    found = itertools.chain(
        _between_layers(evidence, limits),
        _over_time(evidence, limits),
        _growing(evidence, limits),
        _signal(evidence, limits),
    )
    yield from itertools.islice(found, 1)


def _between_layers(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    decades = rms_decades(evidence, 0)
    limit = limits["decades"].value
    if math.isnan(decades) or decades <= limit:
        return
    places, norms = deltas(evidence, 0)
    yield Found(
        "layers",
        severity=graded(evidence, NOTE, at_start=True),
        layer=evidence.layers[places[0]].name,
        step=0,
        value=10**decades,
        limit="decades",
        limit_value=10**limit,
        remedies=_REMEDIES,
        facts={
            "decades": decades,
            "last": evidence.layers[places[-1]].name,
            "layers": len(places),
            "first_norm": float(norms[0]),
            "last_norm": float(norms[-1]),
        },
    )


def _over_time(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    recurrent = [layer for layer in evidence.layers if layer.info.kind == "recurrent"]
    reach = evidence.reach
    if reach is None or not recurrent or not evidence.failing:
        return
    if reach > limits["reach"].value:
        yield Found(
            "time",
            layer=recurrent[0].name,
            step=0,
            value=reach,
            limit="reach",
            remedies=("clip_gradients", "orthogonal_init")
            if is_gated(recurrent[0])
            else ("clip_gradients", "orthogonal_init", "gated_cell"),
        )


def _growing(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """Gradients at a later probe against the first: a training that runs away."""
    grads = evidence.probes("weight_grad_norm")
    if not evidence.failing or len(grads) < 2:
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = np.sqrt(np.nansum(grads**2, axis=1))
    peak = int(np.argmax(np.where(np.isfinite(whole), whole, np.inf)))
    growth = float(whole[peak] / whole[0]) if whole[0] > 0 else math.nan
    if not growth > limits["growth"].value:
        return
    row = np.where(np.isfinite(grads[peak]), grads[peak], -np.inf)
    yield Found(
        "steps",
        layer=evidence.layers[int(np.argmax(row))].name if np.isfinite(row).any() else None,
        step=int(evidence.probe_steps()[peak]),
        value=growth,
        limit="growth",
        remedies=("lower_rate", "clip_gradients"),
        symptom=True,
    )


def _signal(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """Activations of a layer at a later probe against the first: a signal that grows without
    bound, before anything is infinite."""
    values = evidence.probes("h_std")
    if not evidence.failing or len(values) < 2 or not values.size:
        return
    with np.errstate(invalid="ignore", divide="ignore"):
        growth = values / values[0]
    growth = np.where(np.isfinite(growth), growth, 0.0)
    peak, at = np.unravel_index(int(np.argmax(growth)), growth.shape)
    if growth[peak, at] <= limits["growth"].value:
        return
    yield Found(
        "signal",
        layer=evidence.layers[int(at)].name,
        step=int(evidence.probe_steps()[peak]),
        value=float(growth[peak, at]),
        limit="growth",
        remedies=("lower_rate", "layer_norm"),
        facts={"before": float(values[0, at]), "after": float(values[peak, at])},
        symptom=True,
    )


RULE = Rule("exploding-gradient", check, paper="Pascanu, Mikolov & Bengio (2013)")
