"""TrialPlan: how a budget is spent on choosing among candidates and on confirming the best of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradgauge.diagnosis.budget import Budget
from gradgauge.errors import GradgaugeError
from gradgauge.messages.catalog import Message
from gradgauge.sign_flip import least_seeds

TRAININGS = 10.0
"""Trainings of the given length for each arm, where no budget is named: the fewest that confirm
MOST_CONFIRMED remedies and choose them by two seeds."""

ETA = 3
"""Candidates are cut to a third, and the trainings of those that stay are three times as long."""

FIRST_SHARE = 1 / 9
"""No candidate is judged before so much of a training, or one epoch: slow starts are no failures."""

MOST_REMEDIES = 8
MOST_CONFIRMED = 3
"""Remedies that are tried, and those of them that are confirmed, at most: one each that reaches the
weights, a module, the graph."""

MOST_SCREENING_SEEDS = 3

CONFIRMING = 0.7
"""Of an arm's budget, for confirming, where that is more seeds than are needed at least."""

PAIR = 3
"""Candidates of the best two remedies together."""

_LADDER = 3
_OTHERS = 3
"""Confirmed arms beside the remedies: the rates, random search, and the best two together."""


class BudgetTooSmall(GradgaugeError):
    """A budget with which nothing can be decided.

    Args:
        given: as it was written.
        least: the least one that can decide something, as it would be written.
    """

    given: str
    least: str

    def __init__(self, given: str, least: str):
        super().__init__(given=given, least=least)

    def message(self) -> Message:
        """See GradgaugeError."""
        return Message("errors.budget_too_small", self._facts())


@dataclass(frozen=True)
class Pace:
    """How long trainings take, one at a time.

    Attributes:
        training: seconds of the training as it is.
        start: those of them that any training takes, however short: compiling, scoring.
        watched: seconds of the same where it is watched, as it is for confirming; None: as many.
    """

    training: float
    start: float = 0.0
    watched: float | None = None

    @property
    def confirming(self) -> float:
        """Seconds of a training for confirming."""
        return self.training if self.watched is None else self.watched


@dataclass(frozen=True)
class TrialPlan:
    """How much is trained.

    Attributes:
        remedies: how many are tried.
        rates: learning rates that the training as it is is tried at, beside its own.
        shares: lengths of the screening's rungs, as shares of a training.
        screening_seeds: of every candidate in a rung after the first.
        confirmed: remedies that are confirmed at most.
        seeds: of every confirmed arm.
    """

    remedies: int
    rates: int
    shares: tuple[float, ...]
    screening_seeds: int
    confirmed: int
    seeds: int

    @property
    def candidates(self) -> int:
        """Ladder points of all remedies and rates: random search draws as many."""
        return self.rates + _LADDER * self.remedies

    def seeds_of_rung(self, share: float) -> int:
        """Seeds of every candidate in a rung: of several rungs the first sorts out what does not
        train at all, for which half of the seeds are enough."""
        return seeds_of_rung(self.screening_seeds, self.shares, share)

    @property
    def screening(self) -> float:
        """Trainings of the given length that choosing takes."""
        return sum(count * share for count, share in self._screened())

    @property
    def starts(self) -> int:
        """Trainings that choosing begins, however short they are."""
        return sum(count for count, _ in self._screened())

    def _screened(self) -> Iterator[tuple[int, float]]:
        """(trainings, their length) of every rung, and of the pairs after the last."""
        count = self.candidates
        for share in self.shares:
            yield (2 * count + 1) * self.seeds_of_rung(share), share
            count = kept(count)
        last = self.shares[-1]
        yield 2 * PAIR * self.seeds_of_rung(last), last

    @property
    def confirming(self) -> float:
        """Trainings of the given length that confirming takes."""
        return float(self.seeds * (1 + self.confirmed + _OTHERS))

    @property
    def trainings(self) -> float:
        """Trainings of the given length in all."""
        return self.screening + self.confirming

    @property
    def per_arm(self) -> float:
        """Trainings of the given length that one arm may take."""
        return self.seeds + _arm_share(self.shares, self.screening_seeds)


def kept(count: int) -> int:
    """How many of so many candidates stay after a rung."""
    return max(math.ceil(count / ETA), 1)


def rungs(epochs: int) -> tuple[float, ...]:
    """The screening's lengths, as shares of a training of so many epochs."""
    shares = [min(max(FIRST_SHARE, 1 / epochs), 1.0)]
    while shares[-1] * ETA <= 1:
        shares.append(shares[-1] * ETA)
    return tuple(shares)


def plan_for(
    budget: Budget | None,
    remedies: int,
    rates: int,
    epochs: int,
    pace: Pace,
    lanes: int,
) -> TrialPlan:
    """The largest plan that a budget pays for.

    Args:
        budget: trainings for each arm, or seconds for everything; None: TRAININGS, or the fewest
            that can decide something, where those are more.
        remedies: how many could be tried.
        rates: learning rates beside the training's own.
        epochs: of a training.
        pace: of its trainings.
        lanes: trainings that run side by side.

    Raises:
        BudgetTooSmall: nothing could be decided with it.
    """
    shares = rungs(epochs)
    fewest = math.ceil(least_seeds(1 + _OTHERS) + _arm_share(shares, 1))
    budget = budget or Budget(max(TRAININGS, fewest))
    if budget.seconds is not None:
        plans = sorted(_plans(remedies, rates, shares), key=lambda p: seconds_for(p, pace, lanes))
        fitting = [p for p in plans if seconds_for(p, pace, lanes) <= budget.seconds]
        if not fitting:
            least = math.ceil(seconds_for(plans[0], pace, lanes))
            raise BudgetTooSmall(f"{budget.seconds:g}s", f"{least}s")
        return fitting[-1]
    tried = min(remedies, MOST_REMEDIES)
    for confirmed in range(min(MOST_CONFIRMED, max(tried, 1)), 0, -1):
        least = least_seeds(confirmed + _OTHERS)
        seeds = max(least, int(CONFIRMING * budget.trainings))
        for screening in range(MOST_SCREENING_SEEDS, 0, -1):
            if seeds + _arm_share(shares, screening) <= budget.trainings:
                return TrialPlan(tried, rates, shares, screening, confirmed, seeds)
    raise BudgetTooSmall(f"{budget.trainings:g}", str(fewest))


def seconds_for(plan: TrialPlan, pace: Pace, lanes: int) -> float:
    """About how long a plan takes."""
    choosing = plan.screening * (pace.training - pace.start) + plan.starts * pace.start
    return (choosing + plan.confirming * pace.confirming) / lanes


def seeds_of_rung(seeds: int, shares: Sequence[float], share: float) -> int:
    """See `TrialPlan.seeds_of_rung`."""
    is_first = len(shares) > 1 and share == shares[0]
    return math.ceil(seeds / 2) if is_first else seeds


def _arm_share(shares: Sequence[float], seeds: int) -> float:
    """Trainings that an arm with its ladder takes in the screening: each rung takes a third of the
    candidates, three times as long."""
    return sum(
        _LADDER * share / ETA**at * seeds_of_rung(seeds, shares, share)
        for at, share in enumerate(shares)
    )


def _plans(remedies: int, rates: int, shares: tuple[float, ...]) -> Iterator[TrialPlan]:
    """Everything between the least and the largest plan that no more seeds are needed for."""
    for tried in range(1, max(min(remedies, MOST_REMEDIES), 1) + 1):
        for confirmed in range(1, min(MOST_CONFIRMED, tried) + 1):
            seeds = least_seeds(confirmed + _OTHERS)
            for screening in range(1, MOST_SCREENING_SEEDS + 1):
                yield TrialPlan(tried, rates, shares, screening, confirmed, seeds)
