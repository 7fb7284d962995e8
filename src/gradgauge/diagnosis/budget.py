"""How much is trained: a number of steps by a stated rule, so that a verdict is no matter of speed."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from gradgauge.diagnosis.facts import Data
from gradgauge.engine.cost import OPERATIONS, positions
from gradgauge.errors import InvalidValue

TRAININGS = 8.0
"""Trainings of the given length in all: the watched one, and trials where it fails."""

WORK = 1e12
"""Floating-point operations of one training: what a small model's gradients take in 3,000 steps."""
LEAST_STEPS, MOST_STEPS = 20, 3_000
_WATCHED_SHARE = 0.5
"""Of a limit in seconds, for the watched training; trials get what is left."""


@dataclass(frozen=True)
class Budget:
    """What a diagnosis may spend on trainings.

    Attributes:
        trainings: so many of the given length in all.
        seconds: wall time for all of them; None: no limit. What it cuts is said.
    """

    trainings: float = TRAININGS
    seconds: float | None = None


def read_budget(given: float | str | None, option: str = "budget") -> Budget:
    """A budget as users write it: 12 is in trainings, "90s" in seconds.

    Args:
        given: as written; None: the default.
        option: what it was given as.

    Raises:
        InvalidValue: neither, or not above 0.
    """
    if given is None:
        return Budget()
    found = re.fullmatch(r"\s*([0-9]*\.?[0-9]+(?:e[+-]?[0-9]+)?)\s*(s?)\s*", str(given).lower())
    amount = float(found[1]) if found else math.nan
    if found is None or not 0 < amount < math.inf:
        raise InvalidValue(option, given, "trainings_or_seconds")
    return Budget(seconds=amount) if found[2] else Budget(amount)


@dataclass(frozen=True)
class Span:
    """How long one training may go on.

    Attributes:
        steps: at most so many.
        until: at most until this moment of `time.perf_counter`.
    """

    steps: int
    until: float = math.inf

    def is_over(self, made: int) -> bool:
        """Whether a training that has made so many steps has to end."""
        return made >= self.steps or time.perf_counter() > self.until

    def cuts(self, made: int) -> bool:
        """Whether the moment, not the number of steps, ended such a training."""
        return made < self.steps and time.perf_counter() > self.until


def training_length(planned: int, parameters: int, data: Data) -> int:
    """Steps of one training: the user's own number, unless that is more work than WORK.

    The work of a step is 6 operations for each weight, sample and position: a position being one
    of a sequence's, or, in images, one of the root of their pixels, for strides and pools leave
    about so many. Never more than 3,000 steps; never fewer than 20, unless planned so.

    Args:
        planned: steps of the user's own training.
        parameters: how many weights learn.
        data: what is trained on.
    """
    work = OPERATIONS * max(parameters, 1) * data.batch_size * positions_of(data)
    most = min(max(int(WORK / work), LEAST_STEPS), MOST_STEPS)
    return max(min(planned, most), 1)


def positions_of(data: Data) -> float:
    """At how many places of a sample a weight is used, about."""
    return positions([x.shape for x in data.x], data.tokens)


class Purse:
    """A budget while it is being spent.

    Args:
        budget: what may be spent.
        length: steps of one training.

    Attributes:
        refused: whether the seconds, not the trainings, kept a trial from being made.
    """

    def __init__(self, budget: Budget, length: int):
        self.length = length
        self.refused: bool = False
        self._left = budget.trainings
        self._began = time.perf_counter()
        self._seconds = budget.seconds

    def watched(self) -> Span:
        """For the training that is watched: its whole length."""
        self._left -= 1
        return Span(self.length, self._moment(_WATCHED_SHARE))

    def was_late(self, made: int) -> bool:
        """Whether the seconds ended a watched training that has made so many steps."""
        return made < self.length and time.perf_counter() > self._moment(_WATCHED_SHARE)

    def trial(self) -> Span | None:
        """For one more training; None: nothing is left for it."""
        if self._left < 1:
            return None
        if time.perf_counter() > self._moment(1.0):
            self.refused = True
            return None
        self._left -= 1
        return Span(self.length, self._moment(1.0))

    def _moment(self, share: float) -> float:
        return math.inf if self._seconds is None else self._began + share * self._seconds
