"""An error signal that is lost on its way to the first layers, or to early positions."""

from __future__ import annotations

import math

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


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """The ratio between layers, at the initial weights and later; over time for sequences."""
    found = over_time(evidence, limits["reach"])
    if evidence.run is None:
        return found or NotApplicable("vanishing-gradient", "no_signals")
    probes = range(len(evidence.probe_steps()))
    # A branch or an output that begins at 0 passes nothing back at first: the next look counts.
    start = next((p for p in probes if attenuation_decades(evidence, p) > -math.inf), 0)
    first = attenuation_decades(evidence, start) if len(probes) else math.nan
    if math.isnan(first):
        return found or NotApplicable("vanishing-gradient", "too_shallow")
    limit = limits["decades"]
    worst = min(probes, key=lambda p: _or(attenuation_decades(evidence, p), math.inf))
    at_start = first < -limit.value
    if not at_start and not (
        evidence.failing and _or(attenuation_decades(evidence, worst), 0.0) < -limit.value
    ):
        return found
    probe = start if at_start else worst
    decades = attenuation_decades(evidence, probe)
    places, norms = deltas(evidence, probe)
    found.append(
        Finding(
            "vanishing-gradient",
            graded(evidence, NOTE, at_start),
            "layers",
            evidence.layers[places[0]].name,
            int(evidence.probe_steps()[probe]),
            10**decades,
            10**-limit.value,
            limit.source,
            _remedies(evidence),
            {
                "decades": -decades,
                "last": evidence.layers[places[-1]].name,
                "layers": len(places),
                "first_norm": float(norms[0]),
                "last_norm": float(norms[-1]),
                "activation": _activation(evidence),
            },
            0.85 if at_start else 0.4,
            symptom=not at_start,
        )
    )
    return found


def over_time(evidence: Evidence, limit: Limit) -> list[Finding]:
    """Whether a recurrent network still answers to the first position of its sequences."""
    reach = evidence.reach
    recurrent = [layer for layer in evidence.layers if layer.info.kind == "recurrent"]
    if reach is None or not recurrent or not reach < limit.value or not evidence.failing:
        return []
    return [
        Finding(
            "vanishing-gradient",
            graded(evidence, NOTE),
            "time",
            recurrent[0].name,
            0,
            reach,
            limit.value,
            limit.source,
            ("gated_cell", "shorter_sequences", "orthogonal_init"),
            {"decades": -math.log10(reach) if reach > 0 else math.inf},
            0.7,
        )
    ]


def _remedies(evidence: Evidence) -> tuple[str, ...]:
    if _activation(evidence) in ("sigmoid", "tanh", "hard_sigmoid", "softsign"):
        return ("relu_instead", "critical_scale", "normalisation", "skips")
    return ("he_init", "normalisation", "skips")


def _activation(evidence: Evidence) -> str:
    """The one that most hidden layers have."""
    names = [layer.info.activation for layer in evidence.layers if not layer.info.output]
    names = [name for name in names if name not in ("", "linear")]
    return max(set(names), key=names.count) if names else "-"


def _or(value: float, otherwise: float) -> float:
    return otherwise if math.isnan(value) else value


RULE = Rule(
    "vanishing-gradient",
    check,
    50,
    "Hochreiter (1991); Bengio et al. (1994); Glorot & Bengio (2010)",
)
