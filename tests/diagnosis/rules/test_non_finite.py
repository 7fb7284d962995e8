"""Rule non-finite."""

from __future__ import annotations

import numpy as np

from gradgauge.diagnosis.facts import Data
from gradgauge.diagnosis.session import conclude
from tests.diagnosis.made import FLAT, evidence, found, history, inputs, trial


def test_data_that_is_not_finite_is_the_cause():
    bad = Data((inputs(),), 200, 32, x_bad=3)
    (finding,) = found(
        "non-finite", evidence(failing=True, data=bad, history=history(FLAT, non_finite_step=0))
    )
    assert (finding.case, finding.value, finding.symptom) == ("input", 3, False)


def test_bad_samples_that_do_no_harm_are_warned_of():
    assert (
        found("non-finite", evidence(data=Data((inputs(),), 200, 32, y_bad=1)))[0].severity
        == "warning"
    )


def test_layer_operation_and_step_are_named():
    broke = history(FLAT, non_finite_step=7, non_finite_where=("h2", "activation"))
    (finding,) = found("non-finite", evidence(failing=True, history=broke))
    assert (finding.layer, finding.case, finding.step, finding.symptom) == (
        "h2",
        "activation",
        7,
        True,
    )


def test_the_rate_that_made_it_stands_first():
    broke = history(FLAT, non_finite_step=7, sharpness={0: 50.0})
    given = evidence(failing=True, history=broke, trials=[trial(True, rate_factor=0.1)])
    rules = [f.rule for f in conclude(given).findings]
    assert rules.index("learning-rate-too-high") < rules.index("non-finite")


def test_a_finite_training_has_none():
    assert found("non-finite", evidence()) == []


def test_what_is_not_finite_before_any_step_is_a_cause():
    born = history(np.full(8, np.nan), non_finite_step=0, non_finite_where=("out", "loss"))
    given = evidence(failing=True, history=born)
    assert not found("non-finite", given)[0].symptom
    assert "unreached-layer" not in [f.rule for f in conclude(given).findings]
