"""What outputs can reach, whichever way their last operation is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradgauge.diagnosis.properties.experiment import Experiment

_SHIFTS = ((21, 1.0), (22, 4.0), (23, 4.0), (24, 4.0))
"""Seed and size of moves of the weights that send plain outputs far to both sides."""
_FAR = 1e6
"""What weights are multiplied by to see whether outputs stay within -1 and 1: a plain output, and
a scale that is learned, go as far."""
_ONE = 1 + 1e-5
"""One, and what rounding adds to a cosine."""
_NEAR = 0.25
"""How near to both ends of a range outputs must come to show that it ends there."""
_CUT = 0.1
"""Share of outputs that are exactly 0 where something cuts them off."""


@dataclass(frozen=True)
class Bounds:
    """The outputs at weights that were moved far.

    Attributes:
        low, high: the smallest and the largest.
        zeros: share of those that are exactly 0.
        within_one: whether they stay between -1 and 1 however large the weights, and go both ways.
    """

    low: float
    high: float
    zeros: float
    within_one: bool = False

    @property
    def activation(self) -> str:
        """A known activation of that range; empty: the outputs go both ways."""
        if self.low >= 0 and self.high <= 1:
            return "sigmoid" if self.low < _NEAR and self.high > 1 - _NEAR else ""
        if self.low >= -1 and self.high <= 1:
            return "tanh" if max(self.low + 1, 1 - self.high) < _NEAR else ""
        if self.low < 0:
            return ""
        return "relu" if self.low == 0 and self.zeros > _CUT else "softplus"


def bounds(experiment: Experiment) -> Bounds | None:
    """Outputs at moved weights; None where there are several, or one is not finite."""
    seen = [experiment.outputs()]
    for seed, scale in _SHIFTS:
        with experiment.shifted(seed, scale):
            seen.append(experiment.outputs())
    if any(len(outputs) != 1 for outputs in seen):
        return None
    values = np.concatenate([outputs[0].reshape(-1) for outputs in seen])
    if not values.size or not np.isfinite(values).all():
        return None
    low, high = float(values.min()), float(values.max())
    within = -_ONE <= low < 0 < high <= _ONE and _stay_within_one(experiment)
    return Bounds(low, high, float((values == 0).mean()), within)


def _stay_within_one(experiment: Experiment) -> bool:
    with experiment.shifted(25, 1.0, part=_FAR):
        (far,) = experiment.outputs()
    return bool(np.isfinite(far).all() and np.abs(far).max(initial=0.0) <= _ONE)
