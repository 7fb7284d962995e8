"""Learning rates that the training as it is is tried at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gradgauge.diagnosis.finding import FAULT, Diagnosis

RATE_FACTORS = (0.01, 0.1, 1 / 3, 3.0, 10.0)
"""Factors of the training's own rate: without them every remedy could be a hidden change of the
rate."""

_AROUND = (1 / 3, 1.0, 3.0, 10.0)
"""About the rate of a finding, which is the first of a few powers of ten that trains at all."""

_SAME = 1.5
"""Two rates that are closer are one."""


def rate_factors(diagnosis: Diagnosis) -> tuple[float, ...]:
    """The ladder, in order: RATE_FACTORS, and where a fault names a rate beyond them, which the
    diagnosis has found by short trainings at rates of other orders of magnitude, those about it."""
    factors = list(RATE_FACTORS)
    for finding in diagnosis.findings:
        found = _named(finding.facts) if finding.severity == FAULT else 1.0
        if RATE_FACTORS[0] / _SAME < found < RATE_FACTORS[-1] * _SAME:
            continue
        for factor in (found * step for step in _AROUND):
            if all(abs(math.log(factor / known)) > math.log(_SAME) for known in (1.0, *factors)):
                factors.append(factor)
    return tuple(sorted(factors))


def _named(facts: Mapping[str, Any]) -> float:
    """The factor of the rate that a finding's facts name as better; 1 where they name none."""
    rate, better = facts.get("rate"), facts.get("better")
    if not isinstance(rate, float) or not isinstance(better, float) or not rate > 0:
        return 1.0
    return better / rate if 0 < better < math.inf else 1.0
