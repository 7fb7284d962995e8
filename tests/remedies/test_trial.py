"""The trial's rules, on trainers whose truth is known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from gradgauge import remedies
from gradgauge.diagnosis.budget import Budget
from gradgauge.diagnosis.finding import FAULT, Diagnosis, Finding
from gradgauge.remedies.known import BY_KEY
from gradgauge.remedies.plan import BudgetTooSmall, Pace, plan_for, rungs, seconds_for
from gradgauge.remedies.spec.case import SpecCase
from gradgauge.remedies.store import Store
from gradgauge.remedies.trainer import (
    CONTROL,
    RANDOM_SEARCH,
    RATES,
    REMEDY,
    Candidate,
    CannotApply,
)
from gradgauge.remedies.trial import Given, try_remedies
from gradgauge.remedies.verdicts import EXIT_CODES
from gradgauge.sign_flip import least_seeds
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec
from tests.remedies.fakes import FakeTrainer, given, rates_alone, with_remedy


def test_a_remedy_that_helps_is_proved_and_named():
    result = try_remedies(FakeTrainer(with_remedy("relu_instead", 0.3)), given())
    assert result.verdict == "repaired"
    assert "relu_instead" in result.winning.remedies
    assert result.winning.over_control.decided
    assert result.winning.over_control.mean == pytest.approx(0.3, abs=0.03)
    assert "activation" in result.patch
    assert EXIT_CODES[result.verdict] == result.exit_code == 0


def test_a_rate_that_helps_is_not_called_a_remedy():
    """What any other learning rate does as well is no remedy's doing."""
    result = try_remedies(FakeTrainer(rates_alone), given())
    assert result.verdict == "repaired"
    assert result.winning.kind == RATES


@pytest.mark.parametrize("better", [1e-6, 1e4])
def test_a_rate_of_another_order_of_magnitude_that_the_diagnosis_names_is_tried(better):
    """The ladder alone reaches ten times the rate and a hundredth of it."""
    facts = {"rate": float("nan"), "better": float("nan"), "times_rate": better}
    finding = Finding("learning-rate-too-low", FAULT, "tried", remedies=("rate_to",), facts=facts)
    start = Given(Diagnosis((finding,), None), "relu", Pace(0.01))

    def effect(candidate):
        return 0.3 if 0.3 < candidate.rate_factor / better < 30 else 0.0

    trainer = FakeTrainer(effect)
    result = try_remedies(trainer, start)
    assert (result.verdict, result.winning.kind) == ("repaired", RATES)
    drawn = [c.rate_factor for c in trainer.calls[0][0] if c.kind == RANDOM_SEARCH]
    assert min(abs(np.log10(factor / better)) for factor in drawn) < 1.5


def test_what_only_random_search_finds_is_its_win():
    def effect(candidate):
        return 0.3 if candidate.kind == RANDOM_SEARCH else 0.0

    result = try_remedies(FakeTrainer(effect), given())
    assert (result.verdict, result.winner) == ("as-good-as-random-search", "random search")
    assert result.exit_code == 0


def test_a_cured_symptom_without_a_better_score_is_called_that():
    result = try_remedies(FakeTrainer(lambda _: 0.0, cures=True), given())
    assert (result.verdict, result.winner, result.exit_code) == ("symptom-only", None, 1)


def test_a_symptom_that_the_control_does_not_show_is_not_called_gone():
    trainer = FakeTrainer(lambda _: 0.0, blind=True)
    result = try_remedies(trainer, given())
    assert {arm.finding_gone for arm in result.arms} == {None}
    assert result.verdict == "nothing-decided"


def test_without_any_effect_nothing_is_decided():
    result = try_remedies(FakeTrainer(lambda _: 0.0), given())
    assert (result.verdict, result.patch, result.exit_code) == ("nothing-decided", None, 1)


def test_a_healthy_training_is_left_alone():
    trainer = FakeTrainer(lambda _: 0.0)
    healthy = Given(Diagnosis((), None), "relu", Pace(0.01))
    result = try_remedies(trainer, healthy)
    assert (result.verdict, result.exit_code, trainer.calls) == ("nothing-to-repair", 0, [])


def test_placebos_win_no_more_often_than_chance_allows():
    """200 trials in which nothing changes anything: at most 16 winners."""
    trials = [
        try_remedies(FakeTrainer(lambda _: 0.0, trial=t), given("relu_instead", "skips"))
        for t in range(200)
    ]
    won = Counter(result.verdict for result in trials)
    assert won["repaired"] + won["as-good-as-random-search"] <= 16


def test_random_search_draws_as_many_and_spends_as_much():
    trainer = FakeTrainer(with_remedy("relu_instead", 0.3))
    try_remedies(trainer, given())
    for candidates, seeds, _, rows in trainer.calls:
        count = Counter(c.kind for c in candidates)
        if rows == "screen":
            assert count[RANDOM_SEARCH] == count[RATES] + count[REMEDY]
            assert min(seeds) >= 10_000
        else:
            assert count[CONTROL] == count[RATES] == count[RANDOM_SEARCH] == 1
            assert max(seeds) < 10_000


def test_control_rates_and_random_search_stay_to_the_end():
    trainer = FakeTrainer(lambda c: -0.4 if c.kind in (CONTROL, RATES, RANDOM_SEARCH) else 0.0)
    try_remedies(trainer, given())
    rungs_ = [c for c, _, share, rows in trainer.calls if rows == "screen"]
    for candidates in rungs_[:2]:
        assert {CONTROL, RATES, RANDOM_SEARCH} <= {c.kind for c in candidates}


def test_best_of_every_reach_and_the_best_two_together_are_confirmed():
    trainer = FakeTrainer(lambda c: 0.1 * len(c.remedies))
    result = try_remedies(trainer, given())
    confirmed = [arm for arm in result.arms if arm.is_confirmed and arm.kind == REMEDY]
    assert any(len(arm.remedies) == 2 for arm in confirmed)
    single = {BY_KEY[a.remedies[0]].reach for a in confirmed if len(a.remedies) == 1}
    assert single == {"W", "M", "G"}


def test_what_cannot_be_applied_says_why():
    result = try_remedies(FakeTrainer(lambda _: 0.0), given("bias_zero", "relu_instead"))
    assert result.not_applied["bias_zero"] == "already"


def test_an_interrupted_trial_keeps_what_is_done_and_goes_on(tmp_path):
    store = Store(tmp_path)
    trainer = FakeTrainer(with_remedy("relu_instead", 0.3))
    trainer.stops_after = 5
    broken = try_remedies(trainer, given(), store=store)
    assert broken.interrupted
    assert broken.winner is None
    again = FakeTrainer(with_remedy("relu_instead", 0.3))
    result = try_remedies(again, given(), store=store)
    assert not result.interrupted
    assert len(again.calls[0][0]) == len(trainer.calls[0][0]) - 5
    third = FakeTrainer(with_remedy("relu_instead", 0.3))
    repeated = try_remedies(third, given(), store=store)
    assert third.calls == []
    assert [a.values for a in repeated.arms] == [a.values for a in result.arms]
    store.close()


class SlowTrainer(FakeTrainer):
    """Each training takes a thousand seconds of a clock that only it moves."""

    clock = 0.0

    def _outcome(self, *args):
        type(self).clock += 1000.0
        return super()._outcome(*args)


def test_seconds_are_those_of_all_calls(tmp_path, monkeypatch):
    monkeypatch.setattr("time.perf_counter", lambda: SlowTrainer.clock)
    store = Store(tmp_path)
    stopped = SlowTrainer(with_remedy("relu_instead", 0.3))
    stopped.stops_after = 5
    assert try_remedies(stopped, given(), store=store).budget.seconds == 5000
    whole = try_remedies(SlowTrainer(with_remedy("relu_instead", 0.3)), given(), store=store)
    assert whole.budget.seconds == SlowTrainer.clock
    again = try_remedies(SlowTrainer(with_remedy("relu_instead", 0.3)), given(), store=store)
    assert again.budget.seconds == SlowTrainer.clock == whole.budget.seconds
    store.close()


def test_a_constant_rate_has_no_decay_to_slow():
    case = SpecCase(parse("12-8x4-3 sigmoid"), TrainingSpec(), steps=100)
    with pytest.raises(CannotApply) as why:
        BY_KEY["slower_decay"].on_spec(case, 1.0)
    assert why.value.reason == "no_schedule"


def test_json_has_every_key_in_every_arm():
    document = try_remedies(FakeTrainer(with_remedy("relu_instead", 0.3)), given()).to_json()
    json.dumps(document, allow_nan=False)
    keys = {frozenset(arm) for arm in document["arms"]}
    assert len(keys) == 1
    assert {"over_control", "over_rates", "over_random_search", "finding_gone"} <= next(iter(keys))
    assert document["arms"][0]["name"] == "as it is"
    assert document["arms"][0]["over_control"] is None
    assert document["winner"] in [arm["name"] for arm in document["arms"]]


@pytest.mark.parametrize("effect", [with_remedy("relu_instead", 0.3), lambda _: 0.0])
def test_json_is_as_its_schema_says(effect):
    document = try_remedies(FakeTrainer(effect), given()).to_json()
    schema = json.loads((Path(remedies.__file__).parent / "remedy.schema.json").read_text("utf-8"))
    jsonschema.validate(document, schema)


def test_a_budget_too_small_says_how_large_it_must_be():
    with pytest.raises(BudgetTooSmall) as caught:
        try_remedies(FakeTrainer(lambda _: 0.0), given(), Budget(3))
    least = float(caught.value.least)
    assert try_remedies(FakeTrainer(lambda _: 0.0), given(), Budget(least)).arms
    with pytest.raises(BudgetTooSmall) as caught:
        plan_for(Budget(seconds=1), 4, 5, 5, Pace(1.0), 2)
    assert caught.value.least.endswith("s")


@pytest.mark.parametrize("seconds", [60, 120, 600])
def test_a_plan_in_seconds_fits_them(seconds):
    plan = plan_for(Budget(seconds=seconds), 8, 5, 5, Pace(1.0), 2)
    assert seconds_for(plan, Pace(1.0), 2) <= seconds


def test_what_every_training_takes_counts_as_often_as_one_begins():
    """Compiling takes as long for a ninth of a training as for a whole one."""
    plan = plan_for(Budget(12), 8, 5, 5, Pace(1.0), 2)
    rest = seconds_for(plan, Pace(1.0), 1)
    dear = seconds_for(plan, Pace(11.0, start=10.0), 1)
    assert plan.starts > plan.screening
    assert dear - rest == pytest.approx(10 * (plan.starts + plan.confirming))
    watched = seconds_for(plan, Pace(1.0, watched=3.0), 1)
    assert watched - rest == pytest.approx(2 * plan.confirming)


def test_rungs_are_never_below_an_epoch_or_a_ninth():
    assert rungs(5) == pytest.approx((0.2, 0.6))
    assert rungs(100) == pytest.approx((1 / 9, 1 / 3, 1))
    assert rungs(1) == (1,)


def test_confirmed_arms_have_the_seeds_that_deciding_takes():
    plan = plan_for(Budget(12), 8, 5, 5, Pace(1.0), 2)
    assert plan.seeds >= least_seeds(plan.confirmed + 3)
    assert np.isclose(2 / 2**plan.seeds, 0, atol=0.05 / plan.confirmed)


def test_candidates_are_one_arm_whatever_their_rate():
    assert Candidate(REMEDY, (), 3.0).arm == Candidate(REMEDY, (), 1.0).arm


@pytest.mark.parametrize("epochs", [1, 2, 3, 5, 20])
def test_without_a_budget_there_is_always_enough_for_a_decision(epochs):
    plan = plan_for(None, 8, 5, epochs, Pace(1.0), 2)
    assert plan.seeds >= least_seeds(plan.confirmed + 3)


@pytest.mark.parametrize("complete", range(4))
def test_a_trial_that_is_stopped_at_once_says_so(complete):
    """Without the training as it is there is nothing to compare with."""
    trainer = FakeTrainer(with_remedy("relu_instead", 0.3))
    trainer.stops_after = complete
    result = try_remedies(trainer, given())
    assert result.interrupted and result.winner is None
    for lang in ("en", "ko"):
        assert result.sentence(lang)
    json.dumps(result.to_json(), allow_nan=False)
