"""What a trial of remedies found. Reading it needs no engine and no framework."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradgauge.diagnosis.finding import FAULT, Diagnosis
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.trainer import (
    CONTROL,
    RANDOM_SEARCH,
    RATES,
    Candidate,
    CannotApply,
    Metric,
    Outcome,
)
from gradgauge.remedies.verdicts import EXIT_CODES
from gradgauge.statistics import Summary, summarize

SCREENED, CONFIRMED = "screened", "confirmed"
ARM_NAMES = {CONTROL: "as it is", RATES: "learning rate", RANDOM_SEARCH: "random search"}


@dataclass(frozen=True)
class Over:
    """The difference between an arm and another one, computed seed by seed.

    Attributes:
        mean: mean difference.
        interval: 95% interval, simultaneous over the confirmed arms.
        decided: whether the interval excludes 0.
        p: p-value, adjusted for the number of arms.
    """

    mean: float
    interval: tuple[float, float]
    decided: bool
    p: float


@dataclass
class Arm:
    """An arm of the trial, represented by its best candidate.

    Attributes:
        candidate: what was trained.
        stage: `screened` or `confirmed`.
        outcome: the result for the seeds and rows of that stage.
        rate: the learning rate.
        screened: if the arm was confirmed, its mean score in the screening, which is too
            optimistic because the best candidate was selected.
        cost: number of parameters and seconds per step, relative to the control.
        finding_gone: whether the first cause found in the unchanged training is gone; None:
            not checked, or not found in the control either.
        over_control, over_rates, over_random_search: see Over; None: not compared.
    """

    candidate: Candidate
    stage: str
    outcome: Outcome
    rate: float
    screened: float | None = None
    cost: Mapping[str, float] = field(default_factory=dict)
    finding_gone: bool | None = None
    over_control: Over | None = None
    over_rates: Over | None = None
    over_random_search: Over | None = None

    @property
    def kind(self) -> str:
        """`control`, `rates`, `random-search` or `remedy`."""
        return self.candidate.kind

    @property
    def name(self) -> str:
        """The arm's name, the same in every language."""
        return ARM_NAMES.get(self.kind) or " + ".join(BY_KEY[k].name for k in self.remedies)

    @property
    def remedies(self) -> tuple[str, ...]:
        """Keys of the arm's remedies."""
        return self.candidate.remedies

    @property
    def is_confirmed(self) -> bool:
        """Whether it was trained with seeds and rows that were not used for selection."""
        return self.stage == CONFIRMED

    @property
    def values(self) -> tuple[float, ...]:
        """The scores, one per seed."""
        return self.outcome.scores

    @property
    def mean(self) -> float:
        """Mean of the scores."""
        return float(np.mean(self.values))

    @property
    def summary(self) -> Summary:
        """Summary of the scores, with Student's t interval."""
        return summarize(self.values)


@dataclass(frozen=True)
class Spending:
    """The planned and actual cost of the trial.

    Attributes:
        per_arm: number of samples that one arm may pass forward and backward.
        total: number of samples passed forward and backward, including preparation.
        seconds: wall time, including that of earlier calls whose results were reused.
        estimated: seconds estimated before the trial.
    """

    per_arm: int
    total: int
    seconds: float
    estimated: float = math.nan


@dataclass
class RemedyResult:
    """The result of a remedy trial.

    Attributes:
        target: what was to be repaired, as text.
        framework: `spec`, `keras`, `pytorch` or `jax`.
        metric: the score by which arms are ranked.
        budget: the cost of the trial.
        findings: names of the rules that found a fault: `before`, and `after` in the winner.
        arms: the control first, then in the order of the table.
        verdict: see `decision.verdict_of`; `nothing-to-repair` if no rule found a fault.
        winning: the recommended arm, or None.
        activation: activation of the hidden layers, for the patch.
        cannot: key of a remedy -> the reason why it could not be applied.
        interrupted: whether Ctrl-C or the time limit stopped the trial.
        seconds_ended: whether the time limit was reached.
        diagnosis: the diagnosis of the unchanged training.
        fresh: whether every seed had new weights, rather than those of the given model.
        scales_rate: whether the optimizer has a schedule instead of a single rate, or hides it:
            rates are given as factors.
        treat: applies a candidate to a model; None if that is impossible.
    """

    target: str
    framework: str
    metric: Metric
    budget: Spending
    findings: Mapping[str, tuple[str, ...]]
    arms: list[Arm]
    verdict: str
    winning: Arm | None = None
    activation: str = ""
    cannot: Mapping[str, CannotApply] = field(default_factory=dict)
    interrupted: bool = False
    seconds_ended: bool = False
    diagnosis: Diagnosis | None = field(default=None, repr=False)
    fresh: bool = True
    scales_rate: bool = False
    treat: Callable[[Candidate, Any], Any] | None = field(default=None, repr=False)

    @property
    def not_applied(self) -> dict[str, str]:
        """Key of a remedy -> why it could not be applied: a key of the catalog's `remedy.reason`
        table."""
        return {key: why.reason for key, why in self.cannot.items()}

    @property
    def curve_figure(self) -> str:
        """The quantity in the learning curves: accuracy if gradgauge's own engine trains a
        classifier, otherwise the loss, which is available in every framework."""
        classes = self.framework == "spec" and self.metric.name == "test_accuracy"
        return "accuracy" if classes else "loss"

    def advice(self, lang: str = "en") -> list[str]:
        """Changes that would address the findings but that only you can make, in words."""
        told: dict[str, None] = {}
        for finding in self.diagnosis.findings if self.diagnosis is not None else ():
            if finding.severity != FAULT:
                continue
            advised = zip(finding.remedies, finding.advice(lang), strict=True)
            told |= {words: None for key, words in advised if not BY_KEY[key].tried}
        return list(told)

    @property
    def winner(self) -> str | None:
        """Name of the recommended arm; None if no arm is recommended."""
        return self.winning.name if self.winning is not None else None

    @property
    def exit_code(self) -> int:
        """0 if there is nothing to repair or a repair is proved, otherwise 1."""
        return EXIT_CODES[self.verdict]

    @property
    def patch(self) -> str | None:
        """The lines to write into your program; None if nothing is recommended."""
        return self.patch_in("en")

    def patch_in(self, lang: str, framework: str | None = None) -> str | None:
        """The patch with its comments in a language.

        Args:
            lang: `en` or `ko`.
            framework: `keras`, `pytorch` or `jax`; None: the model's own, or for a notation all.
        """
        from gradgauge.remedies.patch import patch_text

        if self.winning is None:
            return None
        own = self.framework if framework is None else framework
        arm, activation = self.winning, self.activation
        return patch_text(
            arm.candidate, arm.rate, own, activation, lang, scales_rate=self.scales_rate
        )

    def sentence(self, lang: str = "en") -> str:
        """The verdict in words."""
        from gradgauge.remedies.sentences import verdict_sentence

        return verdict_sentence(self, lang)

    def apply(self, model: Any = None) -> Any:
        """Apply the change of the winner.

        Args:
            model: a model of the framework, or None for the target itself. For a notation, the
                result is what to train: the network, its training settings and adjustments.

        Raises:
            InvalidValue: nothing is recommended.
        """
        from gradgauge.errors import InvalidValue

        if self.winning is None or self.treat is None:
            raise InvalidValue("model", self.verdict, "repaired_before")
        return self.treat(self.winning.candidate, model)

    def to_json(self, lang: str = "en") -> dict[str, Any]:
        """The document printed by `gradgauge remedy --json`."""
        from gradgauge.remedies.json import remedy_json

        return remedy_json(self, lang)

    def __repr__(self) -> str:
        return f"<RemedyResult {self.target!r}: {self.verdict}, {self.winner or 'no winner'}>"
