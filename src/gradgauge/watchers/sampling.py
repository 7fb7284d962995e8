"""When to measure: at fixed steps, or as often as a share of the time allows."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from gradgauge.errors import InvalidValue

DEFAULT_SHARE = 0.0075
"""Share of the training's time that measuring may take by default. A hook that only asks whether
to measure costs some microseconds more a step, so the sum stays below 3 % of a step of 1 ms."""

NORMS_PART = 1 / 3
"""The part of it that the cheap gauges (norms of gradients, weights, updates) may take."""


SECOND = 1 / 3
"""The second measurement's cost, as a part of the first one's. What is built in the first often
makes it ten times as dear; where nothing is, the second costs 2.25 % of the time until then, and
the time after it makes up for that."""


class Sampler:
    """Decides which steps are measured.

    With `every`: the steps that it divides. Without: step 0, and then a step is measured when
    what measuring has cost so far, plus what it costs once more (the dearer of the last two),
    is at most `share` of the time since the start. The first time is not counted: it is dear
    because things are built in it, and no choice. Until there is another, a part of what it cost
    stands for the next one. So slow steps are all measured, fast ones as often as the share allows.

    Args:
        every: a number of steps, or None.
        share: a share of wall time, in (0, 1].
        part: how much of the share these measurements may take.
        clock: seconds.
    """

    every: int | None
    share: float
    total: float
    measured: int

    def __init__(
        self,
        every: int | None,
        share: float,
        clock: Callable[[], float] = time.perf_counter,
        part: float = 1.0,
    ):
        if every is not None and (not isinstance(every, int) or every < 1):
            raise InvalidValue("every", every, "whole_number", least=1)
        if not 0 < share <= 1:
            raise InvalidValue("budget", share, "positive")
        self.every, self.share, self._clock = every, share * part, clock
        self.began: float | None = None
        self.total = 0.0
        self.measured = 0
        self._costs: list[float] = []
        self._stopped = False
        self._first: tuple[int, float] | None = None
        self._next: int | None = None

    def stop(self) -> None:
        """There is nothing more to measure."""
        self._stopped = True

    def due(self, step: int) -> bool:
        """Whether to measure `step`."""
        if self._stopped:
            return False
        if self.every is not None:
            return step % self.every == 0
        if self._next is not None:
            return step >= self._next
        if self.began is None or not self._costs:
            return True
        allowed = self.share * (self._clock() - self.began)
        return self.total + max(self._costs) <= allowed

    def spent(self, seconds: float) -> None:
        """Told what measuring one step took."""
        self.measured += 1
        if self.began is None:
            self.began = self._clock()
            self._costs = [seconds * SECOND]
        else:
            self._add(seconds)

    def plan(self, step: int, seconds: float, now: float) -> None:
        """As `spent`, where several processes must measure the same steps: by figures that all
        of them have, the next step to measure is settled at once.

        Args:
            step: the one that was measured.
            seconds: what measuring it took.
            now: seconds since the training began.
        """
        self.measured += 1
        if self._first is None:
            self._first, self._costs, self._next = (step, now), [seconds], step + 1
            return
        self._add(seconds)
        first, began = self._first
        a_step = max(now - began, 1e-9) / (step - first)
        allowed = (self.total + max(self._costs)) / self.share
        self._next = max(step + 1, first + math.ceil(allowed / a_step))

    def _add(self, seconds: float) -> None:
        self.total += seconds
        earlier = self._costs[-1:] if self.measured > 2 else []
        self._costs = [*earlier, seconds]
