"""Inputs that have become indistinguishable on their way through the network."""

from __future__ import annotations

import numpy as np

from gradgauge.diagnosis.rules._rule import (
    FAULT,
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
from gradgauge.diagnosis.signals import chain, input_spread


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """The first hidden layer behind which nearly nothing differs between inputs."""
    values = evidence.probes("signal_spread")
    places = [i for i in chain(evidence) if not evidence.layers[i].info.output]
    if not len(values) or not places or not np.isfinite(values[:, places]).any():
        return NotApplicable("signal-collapse", "no_signals")
    limit = limits["spread"]
    bound = limit.value * min(input_spread(evidence), 1.0)
    seen = np.flatnonzero(np.isfinite(values[:, places]).any(axis=1))
    for probe in dict.fromkeys((0, int(seen[-1]))):
        low = [i for i in places if values[probe, i] < bound]
        if not low:
            continue
        worst = low[-1]
        severity = graded(evidence, NOTE, probe == 0)
        return [
            Finding(
                "signal-collapse",
                severity,
                "layers",
                evidence.layers[low[0]].name,
                int(evidence.probe_steps()[probe]),
                float(values[probe, worst]),
                bound,
                limit.source,
                ("critical_scale", "normalisation", "skips"),
                {"last": evidence.layers[worst].name},
                0.8 if probe == 0 else 0.4,
                symptom=probe > 0 and severity == FAULT,
            )
        ]
    return []


RULE = Rule("signal-collapse", check, 60, "Schoenholz et al. (2017), section 3")
