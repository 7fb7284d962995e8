"""An error signal that grows on its way to the first layers, or from step to step."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.diagnosis.rules._rule import (
    NOTE,
    Evidence,
    Finding,
    Limit,
    Mapping,
    NotApplicable,
    Outcome,
    Rule,
    graded,
)
from gradgauge.diagnosis.signals import attenuation_decades, deltas

_REMEDIES = ("clip_gradients", "smaller_init", "normalisation")


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """Between layers at the initial weights; over time in sequences; from step to step."""
    if evidence.run is None:
        return NotApplicable("exploding-gradient", "no_signals")
    return [
        *_between_layers(evidence, limits["decades"]),
        *_over_time(evidence, limits["reach"]),
        *_growing(evidence, limits["growth"]),
    ][:1]


def _between_layers(evidence: Evidence, limit: Limit) -> list[Finding]:
    decades = attenuation_decades(evidence, 0)
    if math.isnan(decades) or decades <= limit.value:
        return []
    places, norms = deltas(evidence, 0)
    return [
        Finding(
            "exploding-gradient",
            graded(evidence, NOTE, True),
            "layers",
            evidence.layers[places[0]].name,
            0,
            10**decades,
            10**limit.value,
            limit.source,
            _REMEDIES,
            {
                "decades": decades,
                "last": evidence.layers[places[-1]].name,
                "layers": len(places),
                "first_norm": float(norms[0]),
                "last_norm": float(norms[-1]),
            },
            0.85,
        )
    ]


def _over_time(evidence: Evidence, limit: Limit) -> list[Finding]:
    recurrent = [layer for layer in evidence.layers if layer.info.kind == "recurrent"]
    reach = evidence.reach
    if reach is None or not recurrent or not reach > limit.value or not evidence.failing:
        return []
    return [
        Finding(
            "exploding-gradient",
            graded(evidence, NOTE),
            "time",
            recurrent[0].name,
            0,
            reach,
            limit.value,
            limit.source,
            ("clip_gradients", "orthogonal_init", "gated_cell"),
            {},
            0.7,
        )
    ]


def _growing(evidence: Evidence, limit: Limit) -> list[Finding]:
    """Gradients at a later probe against the first: a training that runs away."""
    if not evidence.failing:
        return []
    grads = evidence.probes("weight_grad_norm")
    if len(grads) < 2:
        return []
    with np.errstate(invalid="ignore", divide="ignore"):
        whole = np.sqrt(np.nansum(grads**2, axis=1))
    peak = int(np.argmax(np.where(np.isfinite(whole), whole, np.inf)))
    growth = float(whole[peak] / whole[0]) if whole[0] > 0 else math.nan
    if not growth > limit.value:
        return []
    row = np.where(np.isfinite(grads[peak]), grads[peak], -np.inf)
    layer = evidence.layers[int(np.argmax(row))].name if np.isfinite(row).any() else None
    return [
        Finding(
            "exploding-gradient",
            graded(evidence, NOTE),
            "steps",
            layer,
            int(evidence.probe_steps()[peak]),
            growth,
            limit.value,
            limit.source,
            ("lower_rate", "clip_gradients"),
            {},
            0.5,
            symptom=True,
        )
    ]


RULE = Rule("exploding-gradient", check, 55, "Pascanu, Mikolov & Bengio (2013)")
