"""Rule saturated-units."""

from __future__ import annotations

from gradgauge.diagnosis.facts import Data
from tests.diagnosis.made import evidence, found, inputs, silent

SATURATED = {"saturated": [0.2, 0.95, 0.97, 0.1, float("nan")]}


def test_a_layer_on_the_flat_ends():
    (finding,) = found("saturated-units", evidence(failing=True, gauges=SATURATED))
    assert (finding.severity, finding.layer, finding.step) == ("fault", "h2", 0)


def test_in_a_training_that_learns_it_is_a_note():
    assert found("saturated-units", evidence(gauges=SATURATED))[0].severity == "note"


def test_saturation_that_comes_with_training_is_a_symptom():
    nan = float("nan")
    rows = [[0, 0, 0, 0, nan], [0.1, 0.3, 0, 0, nan], [0.1, 0.9, 0, 0, nan]]
    (finding,) = found("saturated-units", evidence(failing=True, gauges={"saturated": rows}))
    assert finding.symptom


def test_little_saturation_is_nothing():
    low = {"saturated": [0.1, 0.2, 0.1, 0.0, float("nan")]}
    assert found("saturated-units", evidence(failing=True, gauges=low)) == []


def test_relu_has_no_flat_ends():
    assert silent("saturated-units", evidence()) == "unbounded"


def test_inputs_in_the_hundreds_are_scaled_before_the_weights_of_the_first_layer():
    first = {"saturated": [0.95, 0.97, 0.1, 0.1, float("nan")]}
    large = Data((255 * inputs(),), 200, 32)
    for data, wanted in ((large, "scale_inputs"), (Data((inputs(),), 200, 32), "smaller_init")):
        (finding,) = found("saturated-units", evidence(failing=True, gauges=first, data=data))
        assert finding.remedies[0] == wanted
    (deep,) = found("saturated-units", evidence(failing=True, gauges=SATURATED, data=large))
    assert deep.remedies[0] == "smaller_init"
