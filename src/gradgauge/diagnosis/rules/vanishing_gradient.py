"""An error signal that is lost on its way to the first layers, or to early positions."""

from __future__ import annotations

import math
from collections.abc import Iterator

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


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The ratio between layers, at the initial weights and later; over time for sequences."""
    yield from _over_time(evidence, limits)
    if evidence.run is None:
        yield Silent("no_signals")
        return
    probes = range(len(evidence.probe_steps()))
    decades = [rms_decades(evidence, p) for p in probes]
    # A branch or an output that begins at 0 passes nothing back at first: the next look counts.
    start = next((p for p in probes if decades[p] > -math.inf), 0)
    if not decades or math.isnan(decades[start]):
        yield Silent("too_shallow")
        return
    limit = -limits["decades"].value
    at_start = decades[start] < limit
    worst = min(probes, key=lambda p: math.inf if math.isnan(decades[p]) else decades[p])
    if at_start or (evidence.failing and decades[worst] < limit):
        yield _between_layers(evidence, limits, start if at_start else worst, at_start=at_start)


def _between_layers(evidence: Evidence, limits: RuleLimits, probe: int, *, at_start: bool) -> Found:
    decades = rms_decades(evidence, probe)
    places, norms = deltas(evidence, probe)
    activation = _activation(evidence)
    return Found(
        "layers",
        severity=graded(evidence, NOTE, at_start=at_start),
        layer=evidence.layers[places[0]].name,
        step=int(evidence.probe_steps()[probe]),
        value=10**decades,
        limit="decades",
        limit_value=10 ** -limits["decades"].value,
        remedies=_remedies(activation),
        facts={
            "decades": -decades,
            "last": evidence.layers[places[-1]].name,
            "layers": len(places),
            "first_norm": float(norms[0]),
            "last_norm": float(norms[-1]),
            "activation": activation,
        },
        symptom=not at_start,
    )


def _over_time(evidence: Evidence, limits: RuleLimits) -> Iterator[Found]:
    """Whether a recurrent network still answers to the first position of its sequences."""
    reach = evidence.reach
    recurrent = [layer for layer in evidence.layers if layer.info.kind == "recurrent"]
    if reach is None or not recurrent or not evidence.failing:
        return
    if reach < limits["reach"].value:
        yield Found(
            "time",
            layer=recurrent[0].name,
            step=0,
            value=reach,
            limit="reach",
            remedies=("shorter_sequences", "orthogonal_init")
            if is_gated(recurrent[0])
            else ("gated_cell", "shorter_sequences", "orthogonal_init"),
            facts={"decades": -math.log10(reach) if reach > 0 else math.inf},
        )


def _remedies(activation: str) -> tuple[str, ...]:
    """The weights alone before the activation, and that before the architecture."""
    if activation in ("sigmoid", "hard_sigmoid"):
        return ("gain_and_centring", "critical_scale", "relu_instead", "layer_norm", "skips")
    if activation in ("tanh", "softsign"):
        return ("critical_scale", "relu_instead", "lsuv", "layer_norm", "skips")
    return ("he_init", "lsuv", "layer_norm", "skips")


def _activation(evidence: Evidence) -> str:
    """The one that most hidden layers have."""
    names = [layer.info.activation for layer in evidence.layers if not layer.info.output]
    names = [name for name in names if name not in ("", "linear")]
    return max(set(names), key=names.count) if names else "-"


RULE = Rule(
    "vanishing-gradient",
    check,
    paper="Hochreiter (1991); Bengio et al. (1994); Glorot & Bengio (2010)",
)
