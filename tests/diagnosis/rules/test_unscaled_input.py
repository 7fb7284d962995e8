"""Rule unscaled-input: a fault only where the training fails, and not if scaling does not help."""

from __future__ import annotations

import dataclasses

import numpy as np

from gradgauge.diagnosis.facts import Data
from gradgauge.diagnosis.properties.answers import Properties
from tests.diagnosis.made import evidence, found, inputs, layers, silent, trial

BIG = Data((inputs() * 500,), 200, 32)
WIDE = {"z_std": [300.0, 1, 1, 1, 1]}


def test_large_inputs_of_a_training_that_fails():
    (finding,) = found("unscaled-input", evidence(failing=True, data=BIG, gauges=WIDE))
    assert (finding.severity, finding.case, finding.layer) == ("fault", "large", "h1")


def test_large_inputs_of_a_training_that_learns():
    assert found("unscaled-input", evidence(data=BIG, gauges=WIDE))[0].severity == "note"


def test_if_scaled_inputs_fail_as_well_they_are_not_the_cause():
    tried = [trial(False, scaled_inputs=True)]
    (finding,) = found(
        "unscaled-input", evidence(failing=True, data=BIG, gauges=WIDE, trials=tried)
    )
    assert finding.severity == "warning"


def test_columns_of_very_different_units():
    table = inputs() * np.array([1, 1e4, 1, 1, 1, 1, 1, 1, 1, 0.01], np.float32)
    (finding,) = found(
        "unscaled-input",
        evidence(failing=True, data=Data((table,), 200, 32), gauges={"z_std": [1.0] * 5}),
    )
    assert finding.case == "ratio"


def test_unit_inputs_are_well():
    assert found("unscaled-input", evidence(failing=True)) == []


def test_a_model_that_normalizes_by_itself_is_exempt():
    made = layers()
    made[0] = dataclasses.replace(
        made[0], info=dataclasses.replace(made[0].info, kind="normalization")
    )
    assert (
        silent("unscaled-input", evidence(failing=True, made=made, data=BIG)) == "normalized_inside"
    )


def test_tokens_have_no_scale():
    tokens = Data((np.ones((200, 10), int),), 200, 32, tokens=True)
    assert silent("unscaled-input", evidence(data=tokens)) == "tokens"


def test_a_normalization_that_was_never_told_how():
    given = dataclasses.replace(
        evidence(failing=True, data=BIG, gauges=WIDE), properties=Properties(unadapted="norm")
    )
    (finding,) = found("unscaled-input", given)
    assert (finding.severity, finding.case, finding.layer) == ("fault", "unadapted", "norm")
