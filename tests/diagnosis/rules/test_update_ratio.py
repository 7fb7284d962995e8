"""Rule update-ratio."""

from __future__ import annotations

from tests.diagnosis.made import evidence, found, silent


def test_updates_as_large_as_the_weights():
    (finding,) = found("update-ratio", evidence(failing=True, update=2.0))
    assert (finding.severity, finding.case) == ("fault", "high")


def test_updates_that_change_nothing():
    (finding,) = found("update-ratio", evidence(failing=True, update=1e-9))
    assert finding.case == "low"


def test_one_layer_out_of_all_proportion():
    given = evidence(failing=True)
    assert given.run is not None
    given.run.values("steps", "update_ratio")[0, 0, 1] = 700.0
    (finding,) = found("update-ratio", given)
    assert (finding.layer, finding.step, finding.symptom) == ("h2", 0, False)


def test_a_training_that_learns_is_not_asked():
    assert found("update-ratio", evidence(update=2.0)) == []


def test_a_thousandth_is_well():
    assert found("update-ratio", evidence(failing=True)) == []


def test_without_a_training_it_does_not_apply():
    assert silent("update-ratio", evidence(run=None)) == "no_training"
