"""Rule dead-units."""

from __future__ import annotations

import numpy as np

from tests.diagnosis.made import evidence, found, lags, silent

DEAD = {"dead": [0.0, 0.9, 0.0, 0.0, np.nan]}


def test_most_of_a_layer_born_dead():
    (finding,) = found("dead-units", evidence(failing=True, gauges=DEAD))
    assert (finding.severity, finding.layer, finding.step, finding.symptom) == (
        "fault",
        "h2",
        0,
        False,
    )
    assert finding.facts["dead"] == 29


def test_a_training_that_learns_all_the_same_is_warned_only():
    assert found("dead-units", evidence(gauges=DEAD))[0].severity == "warning"


def test_dead_units_that_came_alive_in_a_training_that_learned_are_no_fault():
    """A codebook begins by choosing one code for all inputs; the training itself mends that."""
    came_alive = {"dead": [DEAD["dead"], [0.0, 0.5, 0.0, 0.0, np.nan], [0.0] * 4 + [np.nan]]}
    stayed = {"dead": [DEAD["dead"]] * 3}
    for gauges, severity in ((came_alive, "warning"), (stayed, "fault")):
        given = lags(evidence(gauges=gauges))
        assert given.learned and given.lagging
        assert found("dead-units", given)[0].severity == severity


def test_units_that_die_on_the_way_are_a_symptom():
    rows = [[0, 0, 0, 0, np.nan], [0, 0.6, 0, 0, np.nan], [0, 1.0, 0.2, 0, np.nan]]
    (finding,) = found("dead-units", evidence(failing=True, gauges={"dead": rows}))
    assert finding.symptom
    assert finding.step == 40


def test_it_says_in_how_many_draws():
    seeds = [{"h2": 0.95}, {"h2": 0.1}]
    (finding,) = found("dead-units", evidence(failing=True, gauges=DEAD, seeds=seeds))
    assert (finding.case, finding.facts["hit"], finding.facts["seeds"]) == ("seeds", 2, 3)


def test_units_that_see_nothing_but_one_input_are_no_cause():
    alike = {"dead": [0, 0, 0, 0.6, np.nan], "signal_spread": [0.1, 1e-3, 1e-6, 1e-8, 1e-9]}
    (finding,) = found("dead-units", evidence(failing=True, gauges=alike))
    assert finding.symptom


def test_a_few_dead_units_are_nothing():
    assert found("dead-units", evidence(failing=True)) == []


def test_without_slopes_it_does_not_apply():
    assert silent("dead-units", evidence(gauges={"dead": [np.nan] * 5})) == "no_slope"
