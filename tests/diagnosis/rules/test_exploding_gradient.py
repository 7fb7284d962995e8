"""Rule exploding-gradient."""

from __future__ import annotations

import dataclasses

from tests.diagnosis.made import evidence, found, layers, silent

EXPLODED = {"delta_norm": [1e3, 1e2, 10, 1, 0.1]}


def test_between_layers():
    (finding,) = found("exploding-gradient", evidence(failing=True, gauges=EXPLODED))
    assert (finding.severity, finding.layer, finding.case) == ("fault", "h1", "layers")


def test_in_a_training_that_learns_it_is_a_note():
    assert found("exploding-gradient", evidence(gauges=EXPLODED))[0].severity == "note"


def test_from_step_to_step():
    rows = [[0.2] * 5, [50.0] * 5, [1e5, 1e6, 1e5, 1e5, 1e5]]
    (finding,) = found(
        "exploding-gradient", evidence(failing=True, gauges={"weight_grad_norm": rows})
    )
    assert (finding.case, finding.layer, finding.symptom) == ("steps", "h2", True)


def test_over_time():
    made = layers(3)
    made[0] = dataclasses.replace(made[0], info=dataclasses.replace(made[0].info, kind="recurrent"))
    (finding,) = found("exploding-gradient", evidence(failing=True, made=made, reach=1e6))
    assert finding.case == "time"


def test_a_healthy_training_has_none():
    assert found("exploding-gradient", evidence()) == []


def test_without_a_run_it_does_not_apply():
    assert silent("exploding-gradient", evidence(run=None)) == "no_signals"


def test_a_signal_that_grows_without_bound():
    rows = [[0.6] * 5, [0.6, 3e2, 3e2, 3e2, 3e2], [0.6, 9e3, 9e4, 9e4, 9e4]]
    given = evidence(failing=True, gauges={"h_std": rows})
    (finding,) = found("exploding-gradient", given)
    assert (finding.case, finding.layer, finding.symptom) == ("signal", "h3", True)
    assert found("exploding-gradient", evidence(gauges={"h_std": rows})) == []
