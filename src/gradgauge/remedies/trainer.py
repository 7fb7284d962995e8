"""Trainer: what a framework must be able to do for a trial of remedies. The trial knows no other.

    Task: candidates, seeds, share, rows  ->  Trainer.train  ->  one Outcome a candidate

A trial asks it to train candidates side by side, each with the same seeds: what has one seed has
the same order of batches, the same dropout and, where shapes agree, the same random draws, so that
scores can be compared seed by seed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, Protocol

from gradgauge.listening import OnProgress
from gradgauge.messages.catalog import sentence
from gradgauge.run import Run

CONTROL, RATES, RANDOM_SEARCH, REMEDY = "control", "rates", "random-search", "remedy"
KINDS = (CONTROL, RATES, RANDOM_SEARCH, REMEDY)
"""What a candidate stands for: the training as it is, the same at another learning rate, one that
random search drew, or a remedy."""

Rows = Literal["screen", "confirm"]
"""Which held-out rows a score is taken on: those that candidates are chosen by, or those that no
choice has seen."""


@dataclass(frozen=True)
class Metric:
    """The score that candidates are ranked by: one that no candidate can change.

    Attributes:
        name: `test_accuracy`, `explained_variance`, `test_loss`, or the user's own.
        higher_is_better: False for a loss.
        rests_on_loss: whether it is the user's loss for want of anything better, which a
            candidate may change: the verdict says so.
    """

    name: str
    higher_is_better: bool = True
    rests_on_loss: bool = False


@dataclass(frozen=True)
class Dose:
    """A remedy and how much of it.

    Attributes:
        remedy: its key in `known.BY_KEY`.
        knob: value of its knob; None: it has none.
        layers: where, for a remedy that asks for it; empty: everywhere.
    """

    remedy: str
    knob: float | None = None
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """The training with something changed; without any change it is the control.

    Attributes:
        kind: one of KINDS.
        doses: the remedies, applied in this order.
        rate_factor: the learning rate is multiplied by this, after what the remedies set it to.
    """

    kind: str
    doses: tuple[Dose, ...] = ()
    rate_factor: float = 1.0

    @property
    def remedies(self) -> tuple[str, ...]:
        """Keys of its remedies."""
        return tuple(dose.remedy for dose in self.doses)

    @property
    def arm(self) -> tuple[str, tuple[str, ...]]:
        """What arm of the trial it belongs to: candidates of one arm differ in doses and rates."""
        return self.kind, () if self.kind == RANDOM_SEARCH else self.remedies


@dataclass(frozen=True)
class Task:
    """Trainings side by side.

    Attributes:
        candidates: what to train.
        seeds: of initial weights, order and dropout, for every candidate.
        share: length, as a share of the given training's.
        rows: which held-out rows the scores are taken on. They are never trained on.
        until: the moment of `time.perf_counter` at which to give up; None: never.
    """

    candidates: Sequence[Candidate]
    seeds: Sequence[int]
    share: float
    rows: Rows
    until: float | None = None

    def epochs(self, planned: int) -> int:
        """Whole epochs of a training that would take `planned` ones: at least one."""
        return max(round(self.share * planned), 1)


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate.

    Attributes:
        candidate: what was trained.
        seeds: with which.
        scores: the metric on the held-out rows, one a seed; never NaN: a training that broke off
            has the score of its last state, or the worst score there is.
        samples: how many samples went forward and backward in all, preparation counted in.
        findings: names of the rules that still find a fault.
        seconds_per_step: of the quickest seed, which was disturbed the least; 0: not timed.
        parameters: how many weights learn.
        curve: accuracy or loss of the training after every epoch (`RemedyResult.curve_figure`),
            one row a seed, for the picture.
        signal: gauge -> its value by layer at the initial weights, over the seeds, for the
            picture; empty where nothing was watched.
        run: what was recorded of all seeds; None: nothing, or it is no longer at hand.
    """

    candidate: Candidate
    _: KW_ONLY
    seeds: tuple[int, ...]
    scores: tuple[float, ...]
    samples: int
    findings: tuple[str, ...] = ()
    seconds_per_step: float = 0.0
    parameters: int = 0
    curve: tuple[tuple[float, ...], ...] = ()
    signal: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    run: Run | None = field(default=None, repr=False, compare=False)


SIGNAL_GAUGES = ("delta_norm", "signal_spread")
"""The gauges that an Outcome has as its signal."""

OnOutcome = Callable[[Outcome], None]
"""Handed a candidate's outcome as soon as all its seeds are trained, from any thread."""


@dataclass(frozen=True)
class Trained:
    """What `train` gives: the outcomes that are complete, in the candidates' order, and whether
    Ctrl-C or a deadline broke it off before the end."""

    outcomes: list[Outcome]
    interrupted: bool = False


class CannotApply(Exception):
    """That a remedy cannot be applied here.

    Args:
        reason: a key of the catalogue's `remedy.reason` table.
        facts: what fills its placeholders.
    """

    reason: str
    facts: dict[str, object]

    def __init__(self, reason: str, **facts: object):
        super().__init__(reason)
        self.reason = reason
        self.facts = facts

    def sentence(self, lang: str = "en") -> str:
        """Why not, in words."""
        return sentence(f"remedy.reason.{self.reason}", lang, **self.facts)


class Trainer(Protocol):
    """Somebody's training, which can be repeated with changes. What was given stays as it was."""

    @property
    def target(self) -> str:
        """The training as it is called in a result: a notation, a file, a class."""
        ...

    @property
    def framework(self) -> str:
        """`spec`, `keras`, `pytorch` or `jax`."""
        ...

    @property
    def metric(self) -> Metric:
        """What candidates are ranked by."""
        ...

    @property
    def fingerprint(self) -> str:
        """Of everything that scores depend on, data included: what is stored under one
        fingerprint need not be trained again."""
        ...

    @property
    def learning_rate(self) -> float:
        """Of the training as it is."""
        ...

    @property
    def epochs(self) -> int:
        """Of the training as it is: shares below one epoch are not asked for."""
        ...

    @property
    def samples_per_training(self) -> int:
        """Samples that go forward and backward in one training of the given length."""
        ...

    @property
    def lanes(self) -> int:
        """How many trainings run side by side."""
        ...

    def applies(self, *doses: Dose) -> CannotApply | None:
        """Why remedies cannot be applied to this training, one after the other; None: they can."""
        ...

    def rate_of(self, candidate: Candidate) -> float:
        """The learning rate that a candidate trains at."""
        ...

    def train(
        self,
        task: Task,
        on_progress: OnProgress | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> Trained:
        """Train every candidate with every seed.

        Args:
            task: what to train, how long, and what to score it on.
            on_progress: told (done, in all), in any unit.
            on_outcome: handed each outcome as it is complete.
        """
        ...
