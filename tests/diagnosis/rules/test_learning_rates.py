"""Rules learning-rate-too-high and learning-rate-too-low."""

from __future__ import annotations

import numpy as np
import pytest

from gradgauge.diagnosis.facts import Optimizer
from tests.diagnosis.made import FLAT, evidence, found, history, silent, trial

SLOW = history(FLAT, sharpness={0: 1e-4, 1: 1e-4})
SAME = {"loss": [1.4, 1.3999, 1.3998]}


def test_steps_that_overshoot():
    wild = history(FLAT, sharpness={0: 40.0, 1: 12.0})
    (finding,) = found("learning-rate-too-high", evidence(failing=True, history=wild))
    assert finding.severity == "fault"
    assert finding.value == pytest.approx(40)
    assert finding.limit == 2


def test_a_lower_rate_that_learns_proves_it():
    given = evidence(failing=True, trials=[trial(True, rate_factor=0.1)])
    (finding,) = found("learning-rate-too-high", given)
    assert finding.case == "tried"
    assert finding.facts["better"] == pytest.approx(1e-4)


def test_a_high_rate_that_converges_is_a_good_rate():
    assert found("learning-rate-too-high", evidence(history=history(sharpness={0: 9.0}))) == []


def test_where_lower_rates_do_not_help_the_rate_is_not_named():
    tried = [trial(False, rate_factor=f) for f in (0.1, 0.01)]
    wild = history(FLAT, sharpness={0: 40.0})
    assert found("learning-rate-too-high", evidence(failing=True, history=wild, trials=tried)) == []


def test_a_loss_that_blows_up():
    up = history(np.array([*np.geomspace(1.4, 1e9, 20)]), sharpness={}, non_finite_step=20)
    (finding,) = found("learning-rate-too-high", evidence(failing=True, history=up))
    assert finding.severity == "fault"


def test_steps_too_short_for_the_way():
    given = evidence(
        failing=True, history=SLOW, gauges=SAME, trials=[trial(True, rate_factor=100.0)]
    )
    (finding,) = found("learning-rate-too-low", given)
    assert finding.severity == "fault"
    assert finding.facts["better"] == pytest.approx(0.1)


def test_where_higher_rates_do_not_help_it_is_not_the_rate():
    fair = history(FLAT, sharpness={0: 0.05, 1: 0.05})
    given = evidence(
        failing=True, history=fair, gauges=SAME, trials=[trial(False, rate_factor=100.0)]
    )
    assert found("learning-rate-too-low", given) == []


def test_steps_that_all_together_are_a_fraction_of_the_best_one_are_too_short_all_the_same():
    given = evidence(
        failing=True, history=SLOW, gauges=SAME, trials=[trial(False, rate_factor=100.0)]
    )
    assert [f.case for f in found("learning-rate-too-low", given)] == ["distance"]


def test_steps_that_go_as_far_as_is_best_are_not_too_short():
    given = evidence(failing=True, history=history(FLAT, sharpness={0: 0.9}), gauges=SAME)
    assert found("learning-rate-too-low", given) == []


def test_what_is_learned_already_needs_no_higher_rate():
    assert found("learning-rate-too-low", evidence(history=SLOW, gauges=SAME)) == []


@pytest.mark.parametrize("rule", ["learning-rate-too-high", "learning-rate-too-low"])
def test_without_a_training_they_do_not_apply(rule):
    assert silent(rule, evidence(history=None)) == "no_training"


def _scheduled(last: float):
    """A training with a schedule that ends at `last` of its first rate, gradients unchanged."""
    given = evidence(failing=True, optimizer=Optimizer("adam", 2e-3, can_vary=False))
    ratios = given.run.groups["steps"].variables["update_ratio"][1]
    ratios *= np.geomspace(1.0, last, ratios.shape[1])[None, :, None]
    return given


def test_a_schedule_that_decays_to_nothing():
    (finding,) = found("learning-rate-too-low", _scheduled(1e-6))
    assert (finding.severity, finding.case) == ("fault", "decayed")
    assert finding.value == pytest.approx(1e-6)


def test_a_schedule_that_ends_at_a_hundredth_is_a_common_one():
    assert [f.case for f in found("learning-rate-too-low", _scheduled(1e-2))] != ["decayed"]


def test_no_rate_makes_a_loss_that_is_nan_before_any_step():
    born = history(np.full(8, np.nan), sharpness={0: np.nan}, non_finite_step=0)
    assert found("learning-rate-too-high", evidence(failing=True, history=born)) == []
