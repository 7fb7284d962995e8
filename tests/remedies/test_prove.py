"""Causes tried one by one, on trainers whose truth is known."""

from __future__ import annotations

import pytest

from gradgauge.diagnosis.budget import Budget
from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding
from gradgauge.remedies.plan import BudgetTooSmall, Pace
from gradgauge.remedies.prove import SEEDS, prove
from gradgauge.remedies.store import Store
from gradgauge.remedies.trial import Given, try_remedies
from tests.remedies.fakes import FakeTrainer, with_remedy


def two_causes() -> Given:
    findings = (
        Finding("vanishing-gradient", FAULT, "layers", remedies=("relu_instead", "skips")),
        Finding("unscaled-input", FAULT, "case", remedies=("scale_inputs",)),
    )
    return Given(Diagnosis(findings, None), "sigmoid", Pace(0.01))


def test_each_cause_is_tried_with_the_first_remedy_advised():
    proofs = prove(FakeTrainer(with_remedy("relu_instead", 0.3)), two_causes(), Budget(100))
    tried = [(p.rule, p.arm.remedies) for p in proofs]
    assert tried == [
        ("vanishing-gradient", ("relu_instead",)),
        ("unscaled-input", ("scale_inputs",)),
    ]
    assert [p.proved for p in proofs] == [True, False]
    assert "0.799" in proofs[0].sentence() and "ReLU" in proofs[0].sentence("ko")


def test_the_budget_says_how_many_causes():
    trainer = FakeTrainer(with_remedy("relu_instead", 0.3))
    assert len(prove(trainer, two_causes(), Budget(2 * SEEDS))) == 1
    assert sum(len(c) * len(s) for c, s, _, _ in trainer.calls) == 2 * SEEDS
    with pytest.raises(BudgetTooSmall) as caught:
        prove(trainer, two_causes(), Budget(5))
    assert caught.value.least == str(2 * SEEDS)


def test_a_trial_goes_on_without_training_that_again(tmp_path):
    store = Store(tmp_path)
    effect = with_remedy("relu_instead", 0.3)
    proofs = prove(FakeTrainer(effect), two_causes(), Budget(100), store=store)
    trainer = FakeTrainer(effect)
    result = try_remedies(trainer, two_causes(), store=store)
    store.close()
    confirming = [c for c, _, _, rows in trainer.calls if rows == "confirm"]
    again = {candidate for candidates in confirming for candidate in candidates}
    assert proofs[0].control.candidate not in again
    assert result.arms[0].values == proofs[0].control.values
