"""The finding of the moment: diagnosis's limits, held against one step of a training.

A verdict on a whole training is `diagnose`'s; here a figure is shown the moment it passes its
limit, and stays until it is three times better, so that it does not flicker.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradgauge.diagnosis.limits import shipped

HYSTERESIS = 3.0
"""How much better than its limit a figure must be before its finding goes."""


@dataclass(frozen=True)
class PassedLimit:
    """A figure beyond its limit.

    Attributes:
        rule: of diagnosis.
        layer: counted from 1.
        value, limit: the figure and what it is held against.
        source: where the limit comes from.
    """

    rule: str
    layer: int
    value: float
    limit: float
    source: str


@dataclass(frozen=True)
class _Bound:
    """A limit to stay below or above."""

    rule: str
    name: str
    below: bool

    def passed(self, row: np.ndarray, factor: float, shown: bool) -> PassedLimit | None:
        """The first layer beyond the limit, if one is."""
        known = shipped()[self.rule][self.name]
        limit = known.value * factor
        eased = (limit / HYSTERESIS if self.below else limit * HYSTERESIS) if shown else limit
        with np.errstate(invalid="ignore"):
            beyond = row >= eased if self.below else row < eased
        if not beyond.any():
            return None
        place = int(np.argmax(beyond))
        return PassedLimit(self.rule, place + 1, float(row[place]), limit, known.source)


_COLLAPSE = _Bound("signal-collapse", "spread", below=False)
_SHARES = (
    ("saturated", _Bound("saturated-units", "share", below=True)),
    ("dead", _Bound("dead-units", "share", below=True)),
)
_TOO_LARGE = _Bound("update-ratio", "high", below=True)


class Watch:
    """What is found of one network while it trains.

    Args:
        input_spread: share of the inputs' power that differs between them.
    """

    def __init__(self, input_spread: float):
        self._input_spread, self._shown = input_spread, frozenset[str]()

    def look(
        self, gauges: Mapping[str, np.ndarray], broken: tuple[int, int] | None
    ) -> list[PassedLimit]:
        """The findings at one step, the likeliest cause first.

        Args:
            gauges: probed quantities and `update_ratio` by layer, (layers,), the output last.
            broken: step and layer of the first value that is not finite, or None.
        """
        found = list(self._all(gauges, broken))
        self._shown = frozenset(one.rule for one in found)
        return found

    def _all(
        self, gauges: Mapping[str, np.ndarray], broken: tuple[int, int] | None
    ) -> Iterator[PassedLimit]:
        if broken is not None:
            yield PassedLimit("non-finite", broken[1], float(broken[0]), 0.0, "IEEE 754")
            return
        for name, bound in _SHARES:
            yield from self._bound(bound, gauges[name][:-1], 1.0)
        yield from self._attenuation(gauges["delta_norm"][:-1])
        yield from self._bound(
            _COLLAPSE, gauges["signal_spread"][:-1], min(self._input_spread, 1.0)
        )
        yield from self._bound(_TOO_LARGE, gauges["update_ratio"], 1.0)

    def _bound(self, bound: _Bound, row: np.ndarray, factor: float) -> Iterator[PassedLimit]:
        found = bound.passed(row, factor, bound.rule in self._shown)
        if found is not None:
            yield found

    def _attenuation(self, deltas: np.ndarray) -> Iterator[PassedLimit]:
        """Between the last and the first hidden layer."""
        first, last = float(deltas[0]), float(deltas[-1])
        if len(deltas) < 3 or not last > 0 or not math.isfinite(first):
            return
        ratio = first / last
        for rule, sign in (("vanishing-gradient", -1), ("exploding-gradient", 1)):
            known = shipped()[rule]["decades"]
            limit = 10 ** (sign * known.value)
            easing = HYSTERESIS if rule in self._shown else 1.0
            if ratio < limit * easing if sign < 0 else ratio > limit / easing:
                yield PassedLimit(rule, 1, ratio, limit, known.source)
