"""Learning rates that the training as it is is tried at."""

from __future__ import annotations

import math
from numbers import Real

from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding

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
    for found in filter(_is_beyond, map(_named, diagnosis.findings)):
        for factor in (found * step for step in _AROUND):
            if all(abs(math.log(factor / known)) > math.log(_SAME) for known in (1.0, *factors)):
                factors.append(factor)
    return tuple(sorted(factors))


def _named(finding: Finding) -> float:
    """The factor of the rate that a fault names as better; 1 where it names none."""
    factor = finding.facts.get("times_rate")
    if finding.severity != FAULT or not isinstance(factor, Real):
        return 1.0
    return float(factor) if 0 < float(factor) < math.inf else 1.0


def _is_beyond(factor: float) -> bool:
    lowest, highest = min(1.0, *RATE_FACTORS), max(1.0, *RATE_FACTORS)
    return not lowest / _SAME < factor < highest * _SAME
