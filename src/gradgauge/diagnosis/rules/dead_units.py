"""Units whose slope is 0 on every sample: nothing reaches or leaves them any more."""

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
from gradgauge.diagnosis.signals import chain, worst_layer

_ALIKE = 1e-3
"""Signal spread below which inputs look alike to a unit."""


def check(evidence: Evidence, limits: Mapping[str, Limit]) -> Outcome:
    """The layer with the largest share of dead units, at the start or at the end."""
    values = evidence.probes("dead")
    if not len(values) or not np.isfinite(values).any():
        return NotApplicable("dead-units", "no_slope")
    limit = limits["share"]
    at_start, at_end = worst_layer(values[0]), worst_layer(_last(values))
    start = float(values[0][at_start]) if at_start is not None else 0.0
    end = float(_last(values)[at_end]) if at_end is not None else 0.0
    if max(start, end) < limit.value:
        return []
    born_dead = start >= limit.value
    place = _first_at(
        values[0] if born_dead else _last(values),
        max(limit.value, 0.9 * (start if born_dead else end)),
    )
    share = start if born_dead else end
    name = evidence.layers[place].name
    seeds = [dead.get(name, 0.0) >= limit.value for dead in evidence.seeds]
    severity = graded(evidence, WARNING, born_dead)
    step = 0 if born_dead else int(evidence.probe_steps()[-1])
    return [
        Finding(
            "dead-units",
            severity,
            "seeds" if seeds else "share",
            name,
            step,
            share,
            limit.value,
            limit.source,
            ("bias_zero", "leaky_relu", "lower_rate")
            if born_dead
            else ("lower_rate", "leaky_relu", "he_init"),
            {
                "units": evidence.layers[place].info.units,
                "dead": round(share * evidence.layers[place].info.units),
                "hit": sum(seeds) + 1,
                "seeds": len(seeds) + 1,
            },
            0.9 if born_dead and share > 0.8 else 0.6,
            symptom=severity == FAULT and (not born_dead or _collapsed(evidence, place)),
        )
    ]


def _collapsed(evidence: Evidence, place: int) -> bool:
    """Whether nearly the same comes in for every input: then a unit is always on or always off,
    and that it is off is no cause of anything."""
    before = [i for i in chain(evidence) if i < place]
    spread = evidence.first("signal_spread")
    return bool(before) and bool(spread[before[-1]] < _ALIKE)


def _last(values: np.ndarray) -> np.ndarray:
    """The last probe that shows anything."""
    seen = np.flatnonzero(np.isfinite(values).any(axis=1))
    return values[seen[-1]]


def _first_at(row: np.ndarray, share: float) -> int:
    return int(np.flatnonzero(np.nan_to_num(row) >= share)[0])


RULE = Rule("dead-units", check, 45, "Lu et al. (2019), Dying ReLU and Initialization")
