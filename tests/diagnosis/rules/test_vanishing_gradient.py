"""Rule vanishing-gradient: ratios between layers, and only where something is left to learn."""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.diagnosis.made import evidence, found, layers, silent

VANISHED = {"delta_norm": [1e-9, 1e-7, 1e-5, 1e-3, 1e-2]}


def test_a_signal_that_loses_decades_is_a_fault_of_a_training_that_fails():
    (finding,) = found("vanishing-gradient", evidence(failing=True, gauges=VANISHED))
    assert (finding.severity, finding.layer, finding.step) == ("fault", "h1", 0)
    assert finding.value is not None and finding.limit is not None
    assert finding.value < finding.limit
    assert finding.limit_source


def test_the_same_signal_in_a_training_that_learns_is_a_note():
    (finding,) = found("vanishing-gradient", evidence(gauges=VANISHED))
    assert finding.severity == "note"


def test_tiny_gradients_in_all_layers_alike_are_no_vanishing():
    tiny = {"delta_norm": [1e-12, 1.1e-12, 1e-12, 1e-12, 1e-12]}
    assert found("vanishing-gradient", evidence(failing=True, gauges=tiny)) == []


def test_a_healthy_training_has_none():
    assert found("vanishing-gradient", evidence()) == []


def test_nothing_at_all_arriving_counts_as_vanished():
    (finding,) = found(
        "vanishing-gradient",
        evidence(failing=True, gauges={"delta_norm": [0, 0, 1e-8, 1e-3, 1e-2]}),
    )
    assert finding.value == 0


def test_a_sequence_whose_first_position_is_not_heard():
    made = layers(3)
    made[0] = dataclasses.replace(made[0], info=dataclasses.replace(made[0].info, kind="recurrent"))
    (finding,) = found("vanishing-gradient", evidence(failing=True, made=made, reach=1e-5))
    assert (finding.case, finding.layer) == ("time", "h1")
    assert found("vanishing-gradient", evidence(failing=True, made=made, reach=0.3)) == []


def test_two_layers_are_too_few_to_compare():
    assert silent("vanishing-gradient", evidence(made=layers(2))) == "too_shallow"


def test_without_signals_it_does_not_apply():
    assert (
        silent("vanishing-gradient", evidence(gauges={"delta_norm": [np.nan] * 5})) == "too_shallow"
    )
    assert silent("vanishing-gradient", evidence(run=None)) == "no_signals"
