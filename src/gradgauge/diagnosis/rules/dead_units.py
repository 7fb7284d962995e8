"""Units whose slope is 0 on every sample: nothing reaches or leaves them any more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradgauge.diagnosis.rule import (
    FAULT,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
    graded,
)
from gradgauge.diagnosis.signals import chain, last_seen, worst_layer


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The layer with the largest share of dead units, at the start or at the end."""
    values = evidence.probes("dead")
    if not len(values) or not np.isfinite(values).any():
        yield Silent("no_slope")
        return
    limit = limits["share"].value
    first, last = values[0], values[last_seen(values)]
    at_start, at_end = worst_layer(first), worst_layer(last)
    start = float(first[at_start]) if at_start is not None else 0.0
    end = float(last[at_end]) if at_end is not None else 0.0
    if max(start, end) < limit:
        return
    born_dead = start >= limit
    share = start if born_dead else end
    place = _first_at(first if born_dead else last, max(limit, 0.9 * share))
    layer = evidence.layers[place]
    draws = [dead.get(layer.name, 0.0) >= limit for dead in evidence.seeds]
    severity = graded(evidence, at_start=born_dead, mended=end < limit)
    yield Found(
        "seeds" if draws else "share",
        severity=severity,
        layer=layer.name,
        step=0 if born_dead else int(evidence.probe_steps()[-1]),
        value=share,
        limit="share",
        remedies=("bias_zero", "leaky_relu", "lower_rate")
        if born_dead
        else ("lower_rate", "leaky_relu", "he_init"),
        facts={
            "units": layer.info.units,
            "dead": round(share * layer.info.units),
            "hit": sum(draws) + 1,
            "seeds": len(draws) + 1,
        },
        symptom=severity == FAULT and (not born_dead or _alike(evidence, place, limits)),
    )


def _alike(evidence: Evidence, place: int, limits: RuleLimits) -> bool:
    """Whether nearly the same comes in for every input: then a unit is always on or always off,
    and that it is off is no cause of anything."""
    before = [i for i in chain(evidence) if i < place]
    spread = evidence.first("signal_spread")
    return bool(before) and bool(spread[before[-1]] < limits["alike"].value)


def _first_at(row: np.ndarray, share: float) -> int:
    return int(np.flatnonzero(np.nan_to_num(row) >= share)[0])


def _luck(evidence: Evidence) -> bool:
    """Whether units die in a training that fails, from weights that were drawn."""
    if not evidence.failing:
        return False
    if any(layer.fresh is False for layer in evidence.layers if layer.info.parameters):
        return False
    found = check(evidence, evidence.limits[RULE.name])
    return any(isinstance(f, Found) for f in found)


RULE = Rule(
    "dead-units", check, paper="Lu et al. (2019), Dying ReLU and Initialization", luck=_luck
)
