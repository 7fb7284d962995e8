"""Units that sit on the flat ends of a bounded activation."""

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


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """The first layer above the limit, at the start; else at the end of a failing training."""
    values = _values(evidence)
    if not len(values) or not np.isfinite(values).any():
        return NotApplicable("saturated-units", "unbounded")
    limit = limits["share"]
    seen = np.flatnonzero(np.isfinite(values).any(axis=1))
    for probe in dict.fromkeys((0, int(seen[-1]))):
        row = np.nan_to_num(values[probe])
        if row.max() < limit.value:
            continue
        place = int(np.flatnonzero(row >= max(limit.value, 0.9 * row.max()))[0])
        severity = graded(evidence, NOTE, probe == 0)
        return [
            Finding(
                "saturated-units",
                severity,
                "share",
                evidence.layers[place].name,
                int(evidence.probe_steps()[probe]),
                float(row[place]),
                limit.value,
                limit.source,
                ("smaller_init", "scale_inputs", "normalisation"),
                {"activation": evidence.layers[place].info.activation or "-"},
                0.8 if probe == 0 else 0.5,
                symptom=probe > 0 and severity == FAULT,
            )
        ]
    return []


def _values(evidence: Evidence) -> np.ndarray:
    """The gauge; before training filled in where a flat end hides the activation from it: its
    slope there is all rounding, and a watcher that checks slopes cannot recognise it."""
    values = evidence.probes("saturated").copy()
    if not len(values):
        return values
    for i, layer in enumerate(evidence.layers):
        if np.isnan(values[0, i]) and layer.name in evidence.born_saturated:
            values[0, i] = evidence.born_saturated[layer.name]
    return values


RULE = Rule("saturated-units", check, 40, "Glorot & Bengio (2010), section 3.1")
