"""Units that sit on the flat ends of a bounded activation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.rule import (
    FAULT,
    NOTE,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
    graded,
)
from gradgauge.diagnosis.signals import last_seen


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The first layer above the limit, at the start; else at the end of a failing training."""
    values = _values(evidence)
    if not len(values) or not np.isfinite(values).any():
        yield Silent("unbounded")
        return
    limit = limits["share"].value
    for probe in dict.fromkeys((0, last_seen(values))):
        row = np.nan_to_num(values[probe])
        if row.max() < limit:
            continue
        place = int(np.flatnonzero(row >= max(limit, 0.9 * row.max()))[0])
        severity = graded(evidence, NOTE, at_start=probe == 0)
        yield Found(
            "share",
            severity=severity,
            layer=evidence.layers[place].name,
            step=int(evidence.probe_steps()[probe]),
            value=float(row[place]),
            limit="share",
            remedies=_remedies(evidence, place),
            facts={"activation": evidence.layers[place].info.activation or "-"},
            symptom=probe > 0 and severity == FAULT,
        )
        return


def _remedies(evidence: Evidence, place: int) -> tuple[str, ...]:
    """Scaled inputs first where it is the inputs' size that drives the first layer there."""
    limit = evidence.limits["unscaled-input"]["magnitude"].value
    if place == 0 and not evidence.data.tokens and _input_size(evidence) > limit:
        return "scale_inputs", "smaller_init", "layer_norm"
    return "smaller_init", "scale_inputs", "layer_norm"


def _input_size(evidence: Evidence) -> float:
    """The largest root mean square of an input array; 0 without numbers."""
    numbers = [x.astype(np.float64) for x in evidence.data.x if x.dtype.kind in "uif" and x.size]
    return max((float(np.sqrt(np.nanmean(x**2))) for x in numbers), default=0.0)


def _values(evidence: Evidence) -> np.ndarray:
    """The gauge; before training filled in where a flat end hides the activation from it: its
    slope there is all rounding, and a watcher that checks slopes cannot recognize it."""
    values = evidence.probes("saturated").copy()
    if not len(values):
        return values
    for i, layer in enumerate(evidence.layers):
        if np.isnan(values[0, i]) and layer.name in evidence.saturated_at_init:
            values[0, i] = evidence.saturated_at_init[layer.name]
    return values


RULE = Rule("saturated-units", check, paper="Glorot & Bengio (2010), section 3.1")
