"""Prove: the first causes of a diagnosis, each tried with the first remedy that answers it.

    diagnosis  ->  [cause, remedy]  ->  trainings on shared seeds  ->  one Proof a cause

Nothing is chosen by its score, so the rows that a trial confirms on can be used, and a trial with the
same store takes over what was trained.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from gradgauge.diagnosis.budget import Budget
from gradgauge.diagnosis.finding import FAULT
from gradgauge.listening import OnProgress
from gradgauge.messages.catalog import sentence
from gradgauge.remedies.decision import compare_arms
from gradgauge.remedies.plan import MOST_CONFIRMED, BudgetTooSmall
from gradgauge.remedies.result import CONFIRMED, Arm
from gradgauge.remedies.sentences import arm_name, figure, interval
from gradgauge.remedies.store import Store, Stored
from gradgauge.remedies.trainer import CONTROL, REMEDY, Candidate, Dose, Metric, Task, Trainer
from gradgauge.remedies.trial import Given, remedies_for, where
from gradgauge.sign_flip import least_seeds

SEEDS = least_seeds(MOST_CONFIRMED + 3)
"""Of each training: as many as a trial confirms with, so that it takes them over."""


@dataclass(frozen=True)
class Proof:
    """A cause, and the result of training without it.

    Attributes:
        rule: the cause.
        arm: the remedy, compared with the control (`arm.over_control`).
        control: the unchanged training.
        metric: the score of both.
    """

    rule: str
    arm: Arm
    control: Arm
    metric: Metric

    @property
    def proved(self) -> bool:
        """Whether training is significantly better with the remedy."""
        over = self.arm.over_control
        return over is not None and over.decided and (over.mean > 0) == self.metric.higher_is_better

    def sentence(self, lang: str = "en") -> str:
        """The cause and its proof, in words."""
        over = self.arm.over_control
        assert over is not None
        return sentence(
            "remedy.proof.proved" if self.proved else "remedy.proof.open",
            lang,
            rule=self.rule,
            remedy=arm_name(self.arm, lang),
            control=figure(self.control.mean),
            mean=figure(self.arm.mean),
            interval=interval(over.interval, lang),
            seeds=SEEDS,
        )


def prove(
    trainer: Trainer,
    given: Given,
    budget: Budget,
    *,
    store: Store | None = None,
    on_progress: OnProgress | None = None,
) -> list[Proof]:
    """Try the first causes one by one, as many as the budget pays for.

    Args:
        trainer: repeats the training with changes.
        given: what is known of it.
        budget: trainings of the given length in all, or seconds.
        store: where outcomes are kept; None: nowhere.
        on_progress: told (done, in all) of each cause's trainings.

    Returns:
        One proof a cause that a remedy could be tried for, in the order of the diagnosis.

    Raises:
        BudgetTooSmall: it does not pay for one cause and the control.
    """
    began = time.perf_counter()
    causes = _causes(trainer, given)
    if budget.seconds is None:
        if budget.trainings < 2 * SEEDS:
            raise BudgetTooSmall(f"{budget.trainings:g}", str(2 * SEEDS))
        causes = causes[: int(budget.trainings // SEEDS) - 1]
    until = None if budget.seconds is None else began + budget.seconds
    who = trainer if store is None else Stored(trainer, store)
    seeds = list(range(given.first_seed, given.first_seed + SEEDS))
    arms: list[Arm] = []
    for candidate in (Candidate(CONTROL), *(c for _, c in causes)) if causes else ():
        made = who.train(Task([candidate], seeds, 1.0, "confirm", until), on_progress)
        if made.interrupted or not made.outcomes:
            break
        arms.append(Arm(candidate, CONFIRMED, made.outcomes[0], trainer.rate_of(candidate)))
    if len(arms) < 2:
        if causes and until is not None:
            least = math.ceil(2 * SEEDS * given.pace.confirming) + 1
            raise BudgetTooSmall(f"{budget.seconds:g}s", f"{least}s")
        return []
    compare_arms(arms)
    control, *tried = arms
    rules: Sequence[str] = [rule for rule, _ in causes]
    return [
        Proof(rule, arm, control, trainer.metric) for rule, arm in zip(rules, tried, strict=False)
    ]


def _causes(trainer: Trainer, given: Given) -> list[tuple[str, Candidate]]:
    """Each faulty rule with the first remedy of its own that can be applied here."""
    diagnosis = given.diagnosis
    listed = remedies_for(diagnosis)
    found: list[tuple[str, Candidate]] = []
    for rule in given.faults:
        advised = [
            key
            for finding in diagnosis.findings
            if finding.rule == rule and finding.severity == FAULT
            for key in finding.remedies
        ]
        own = [remedy for remedy in listed if rule in remedy.rules]
        own.sort(key=lambda remedy: advised.index(remedy.key) if remedy.key in advised else 99)
        for remedy in own:
            dose = Dose(remedy.key, remedy.knob.usual, where(remedy, diagnosis))
            if trainer.applies(dose) is None:
                found.append((rule, Candidate(REMEDY, (dose,))))
                break
    return found
