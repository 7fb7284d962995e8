"""Rule unreached-layer."""

from __future__ import annotations

import dataclasses

import numpy as np

from gradgauge.diagnosis.facts import Layer
from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.session import conclude
from tests.diagnosis.made import (
    FLAT,
    evidence,
    found,
    good_outputs,
    head,
    history,
    labels,
    layers,
    silent,
)


def changed(place: int, info: dict | None = None, **fields):
    made = layers()
    new = dataclasses.replace(made[place].info, **(info or {}))
    made[place] = dataclasses.replace(made[place], info=new, **fields)
    return made


def test_frozen_with_fresh_weights_is_a_mistake():
    (finding,) = found("unreached-layer", evidence(made=changed(1, {"trainable": False})))
    assert (finding.severity, finding.layer, finding.case) == ("fault", "h2", "frozen")


def test_frozen_with_trained_weights_is_fine_tuning():
    made = changed(1, {"trainable": False}, fresh=False)
    assert [f.severity for f in found("unreached-layer", evidence(made=made))] == ["note"]


def test_a_frozen_part_of_a_training_that_learns_is_no_fault():
    made = changed(1, {"trainable": False}, block="backbone")
    assert [f.severity for f in found("unreached-layer", evidence(made=made))] == ["warning"]


def test_left_out_of_the_optimizer():
    (finding,) = found("unreached-layer", evidence(made=changed(2, in_optimizer=False)))
    assert (finding.layer, finding.case) == ("h3", "not_in_optimizer")


def test_never_called():
    (finding,) = found("unreached-layer", evidence(made=changed(2, {"called": False})))
    assert (finding.layer, finding.case) == ("h3", "not_called")


def test_cut_off_the_layer_next_to_the_cut_first():
    grads = {"weight_grad_norm": [0.0, 0.0, 0.2, 0.2, 0.2]}
    findings = found("unreached-layer", evidence(gauges=grads))
    assert [(f.layer, f.case) for f in findings] == [("h2", "detached"), ("h1", "detached")]


def test_dead_units_above_explain_a_gradient_of_zero():
    grads = {"weight_grad_norm": [0.0, 0.0, 0.0, 0.2, 0.2], "dead": [0, 0, 1.0, 0, np.nan]}
    assert found("unreached-layer", evidence(failing=True, gauges=grads)) == []


def test_underflow_explains_a_gradient_of_zero():
    grads = {"weight_grad_norm": [0.0, 1e-37, 1e-20, 1e-9, 0.1]}
    assert found("unreached-layer", evidence(failing=True, gauges=grads)) == []


def test_a_gradient_that_comes_later_is_no_cut():
    rows = [[0.0] * 4 + [0.3], [0.1] * 5, [0.1] * 5]
    assert found("unreached-layer", evidence(gauges={"weight_grad_norm": rows})) == []


def test_all_reached():
    assert found("unreached-layer", evidence()) == []


def test_without_layers_it_does_not_apply():
    assert silent("unreached-layer", evidence(made=[], run=None)) == "no_layers"


def test_one_of_two_hidden_layers_frozen_is_a_mistake():
    made = layers(3)
    made[0] = dataclasses.replace(made[0], info=dataclasses.replace(made[0].info, trainable=False))
    (finding,) = found("unreached-layer", evidence(made=made))
    assert finding.severity == "fault"


def test_embeddings_as_normal_as_an_initializers_may_have_been_learned_elsewhere():
    made = changed(0, {"trainable": False, "kind": "embedding"})
    assert [f.severity for f in found("unreached-layer", evidence(made=made))] == ["warning"]
    assert [f.severity for f in found("unreached-layer", evidence(True, made))] == ["fault"]


def test_a_gradient_that_is_nan_from_the_first_step_is_not_missing():
    grads = {"weight_grad_norm": [np.nan, np.nan, 0.2, 0.2, 0.2]}
    broke = history(FLAT, non_finite_step=0)
    assert found("unreached-layer", evidence(True, gauges=grads, history=broke)) == []


def unmoved() -> list[Layer]:
    """Layers that no step has changed."""
    return [dataclasses.replace(layer, after=layer.before) for layer in layers()]


def test_no_gradient_at_all_is_the_loudest():
    given = evidence(failing=True, made=unmoved(), gauges={"weight_grad_norm": [0.0] * 5}, update=0)
    faults = [f for f in conclude(given).findings if f.severity == "fault"]
    assert (faults[0].rule, faults[0].case) == ("unreached-layer", "nothing")
    assert "update-ratio" not in {f.rule for f in faults}


def test_what_needs_no_gradient_any_more_is_not_unreached():
    known = head(before=good_outputs(labels()))
    given = evidence(heads=(known,), made=unmoved(), gauges={"weight_grad_norm": [0.0] * 5})
    assert found("unreached-layer", given) == []


def test_dead_units_explain_that_nothing_arrives():
    gauges = {"weight_grad_norm": [0.0] * 5, "dead": [0.0, 0.0, 0.0, 1.0, np.nan]}
    given = evidence(failing=True, made=unmoved(), gauges=gauges)
    assert not [f for f in conclude(given).findings if f.case == "nothing"]


def test_an_optimizer_of_the_layers_that_were_there_before():
    made = changed(4, in_optimizer=False)
    assert [f.severity for f in found("unreached-layer", evidence(made=made))] == ["warning"]
    given = dataclasses.replace(evidence(made=made), properties=Properties(strangers=2))
    (finding,) = found("unreached-layer", given)
    assert (finding.severity, finding.case, finding.layer) == ("fault", "replaced", "out")


def test_a_fresh_layer_that_gets_a_gradient_and_never_moves():
    made = layers()
    made[2] = dataclasses.replace(made[2], after=made[2].before)
    (finding,) = found("unreached-layer", evidence(made=made))
    assert (finding.severity, finding.case, finding.layer) == ("fault", "still", "h3")
    untold = [dataclasses.replace(layer, fresh=None) for layer in made]
    assert [f.severity for f in found("unreached-layer", evidence(made=untold))] == ["warning"]
