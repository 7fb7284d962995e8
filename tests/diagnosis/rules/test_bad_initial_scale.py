"""Rule bad-initial-scale."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.diagnosis.made import evidence, found, layers, silent


def scaled(factor: float, places: tuple[int, ...] = (1,), activation: str = "relu"):
    made = layers()
    for i in places:
        info = dataclasses.replace(made[i].info, activation=activation)
        made[i] = dataclasses.replace(made[i], info=info, before=(made[i].before[0] * factor,))
    return made


def test_too_large_with_the_gain_that_would_be_right():
    (finding,) = found("bad-initial-scale", evidence(failing=True, made=scaled(20)))
    assert (finding.severity, finding.layer, finding.case) == ("fault", "h2", "too_large")
    assert finding.facts["gain"] == pytest.approx(2**0.5, rel=1e-3)
    assert finding.facts["std"] == pytest.approx((2 / 32) ** 0.5, rel=1e-3)


def test_too_small():
    (finding,) = found("bad-initial-scale", evidence(failing=True, made=scaled(0.01)))
    assert finding.case == "too_small"


def test_what_is_right_for_its_activation_is_right():
    made = scaled(10.149, (0, 1, 2, 3), "sigmoid")
    assert found("bad-initial-scale", evidence(failing=True, made=made)) == []


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.6])
def test_standard_scales(factor):
    assert found("bad-initial-scale", evidence(failing=True, made=scaled(factor))) == []


def test_an_odd_scale_that_does_no_harm_is_no_fault():
    findings = found("bad-initial-scale", evidence(made=scaled(4)))
    assert all(f.severity != "fault" for f in findings)


def test_small_outputs_are_well():
    assert found("bad-initial-scale", evidence(failing=True, made=scaled(1e-3, (4,)))) == []


def test_trained_weights_are_not_judged():
    assert silent("bad-initial-scale", evidence(made=layers(fresh=False))) == "no_fresh_weights"


def test_constant_weights_are_another_rules():
    made = layers()
    made[1] = dataclasses.replace(made[1], before=(np.zeros((32, 32), np.float32),))
    assert found("bad-initial-scale", evidence(failing=True, made=made)) == []


def test_sines_of_a_multiple_are_not_judged():
    """SIREN: weights of sqrt(6 / n) / 30, for a factor of 30 stands in front of the sine."""
    made = scaled(1 / 30, (1,), "sin")
    assert found("bad-initial-scale", evidence(failing=True, made=made)) == []
