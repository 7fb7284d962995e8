"""Whether a measurement on random networks agrees with a prediction for infinitely wide ones.

A measurement **agrees** with its prediction when its 95 % interval over networks (Student's t)
contains it, or when its mean lies within the finite-width tolerance, TOLERANCE / sqrt(width): the
theory is of infinite width, and at 400 units these are the tolerances of the reference figures
(5 % for lengths, 4 % for the gradient, .05 for a correlation, 15 % for depth scales).

A network's decades agree within sqrt(depth / width) / 2, about what one network scatters by.

Nothing is judged where the prediction does not exist, is infinite or a limit, or where the
networks have too few layers for it to settle; a reason says which.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.json import number
from gradgauge.statistics import Summary, summarize

TOLERANCE = {
    "q_star": 1.0,
    "chi_grad": 0.8,
    "chi_len": 1.0,
    "c_star": 1.0,
    "xi_q": 3.0,
    "xi_c": 3.0,
    "growth_mean_square": 0.6,
    "mean_log_norm": 1.0,
    "std_log_norm": 1.0,
}
"""Quantity -> finite-width tolerance times sqrt(width); relative, but for c_star."""

_ABSOLUTE = frozenset({"c_star"})
_LIMITS = frozenset({"signal_dies", "vanishing_bias", "half_stable", "signal_fades"})

NOT_SETTLED = "not_settled"
_NORMAL = 1.96


@dataclass(frozen=True)
class Measured:
    """A figure of random networks beside its prediction.

    Attributes:
        name: the quantity.
        summary: over networks; None where it could not be measured.
        predicted: None where theory has none.
        tolerance: within which a mean agrees, absolute; None where nothing is judged.
        agrees: see the module's text; None where nothing is judged.
        reason: a key of the catalogue's `theory_command.unjudged` or `theory.reason` table.
    """

    name: str
    summary: Summary | None
    predicted: float | None = None
    tolerance: float | None = None
    agrees: bool | None = None
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """mean, interval, agrees; infinity as the string "inf"."""
        interval = self.summary.interval if self.summary else None
        return {
            "mean": number(self.summary.mean) if self.summary else None,
            "interval": [number(x) for x in interval] if interval else None,
            "agrees": self.agrees,
            "predicted": number(self.predicted),
            "tolerance": self.tolerance,
        }


def judge(
    name: str,
    values: Sequence[float] | np.ndarray,
    predicted: float | None,
    width: int,
    reason: str | None = None,
    convert: Callable[[float], float] | None = None,
    tolerance: float | None = None,
) -> Measured:
    """A figure beside its prediction, by the rule of the module's text.

    Args:
        name: the quantity, a key of TOLERANCE; another is judged by its interval alone.
        values: one a network.
        predicted: by theory.
        width: of the networks.
        reason: why nothing is to be judged; only a limit or what has not settled keeps from it.
        convert: makes the figure of mean and interval of `values`, rising.
        tolerance: instead of TOLERANCE's.
    """
    if not np.isfinite(values).all():
        return Measured(name, None, predicted, reason="not_finite")
    summary = summarize(values)
    if convert:
        interval = summary.interval and (convert(summary.interval[0]), convert(summary.interval[1]))
        summary = Summary(
            tuple(map(convert, summary.values)), convert(summary.mean), summary.std, interval
        )
    if reason in _LIMITS or reason == NOT_SETTLED:
        return Measured(name, summary, predicted, reason=reason)
    if predicted is None or not math.isfinite(predicted):
        return Measured(name, summary, predicted, reason=reason or "no_prediction")
    share = TOLERANCE.get(name, 0.0) / math.sqrt(width)
    own = share if name in _ABSOLUTE else share * abs(predicted)
    within = own if tolerance is None else tolerance
    return Measured(name, summary, predicted, within, _agrees(summary, predicted, within))


def _agrees(summary: Summary, predicted: float, tolerance: float) -> bool:
    low, high = summary.interval or (summary.mean, summary.mean)
    return bool(low <= predicted <= high or abs(summary.mean - predicted) <= tolerance)


def judge_spread(name: str, values: list[float], predicted: float, width: int) -> Measured:
    """A standard deviation, whose relative error over N networks is 1 / sqrt(2 (N - 1))."""
    if not np.isfinite(values).all() or len(values) < 2:
        return Measured(name, None, predicted, reason="not_finite")
    std = float(np.std(values, ddof=1))
    half = _NORMAL * std / math.sqrt(2 * (len(values) - 1))
    summary = Summary((), std, 0.0, (std - half, std + half))
    tolerance = TOLERANCE[name] / math.sqrt(width) * predicted
    return Measured(name, summary, predicted, tolerance, _agrees(summary, predicted, tolerance))
