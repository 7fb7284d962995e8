"""The cases where a fixed point is 0, infinite, anything, or touched from one side."""

import math

import numpy as np
import pytest

from gradgauge.theory import (
    critical,
    critical_bias,
    critical_line,
    depth_scale,
    half_stable_point,
    length_fixed_point,
    next_length,
    phase_diagram,
    predict,
)


def test_he_initialized_relu_keeps_any_length():
    prediction = predict("relu", math.sqrt(2))
    assert prediction.to_json() == {
        "activation": "relu",
        "sigma_w": math.sqrt(2),
        "sigma_b": 0.0,
        "q_star": 1.0,
        "chi_grad": pytest.approx(1),
        "chi_len": pytest.approx(1),
        "c_star": 1.0,
        "xi_q": "inf",
        "xi_c": "inf",
        "trainable_depth": "inf",
        "phase": "critical",
    }
    assert prediction.reasons["q_star"] == "any_length"


def test_relu_with_biases_at_he_scale_grows_linearly():
    prediction = predict("relu", math.sqrt(2), 0.1)
    assert prediction.q_star == math.inf
    assert prediction.reasons["q_star"] == "length_grows_by_bias"
    assert prediction.chi_grad == pytest.approx(1)
    assert prediction.c_star is None


@pytest.mark.parametrize(("name", "factor"), [("relu", 0.5), ("linear", 1.0)])
def test_homogeneous_activations_have_chi_everywhere(name, factor):
    for sigma_w in (0.5, 3.0):
        prediction = predict(name, sigma_w, 0.2)
        assert prediction.chi_grad == pytest.approx(factor * sigma_w**2)
        assert (prediction.q_star == math.inf) == (factor * sigma_w**2 > 1)


def test_small_tanh_network_without_biases_is_the_limit_of_vanishing_biases():
    dying, tiny = predict("tanh", 0.9), predict("tanh", 0.9, 1e-6)
    assert dying.q_star == 0
    assert dying.reasons["c_star"] == "vanishing_bias"
    for field in ("chi_grad", "chi_len", "c_star", "xi_q", "xi_c", "trainable_depth"):
        assert getattr(dying, field) == pytest.approx(getattr(tiny, field), rel=1e-6)


def test_odd_activation_without_biases_forgets_correlation():
    assert predict("tanh", 1.5).c_star == 0
    assert predict("erf", 3.0).c_star == 0


def test_growing_activations_at_large_scale_have_the_limit_of_relu():
    for name in ("elu", "gelu", "gelu_tanh", "silu", "mish", "softplus"):
        prediction = predict(name, 2.0, 0.5)
        assert prediction.q_star == math.inf
        assert prediction.chi_grad == pytest.approx(2.0, rel=1e-9)
        assert prediction.xi_c is None


def test_sin_has_the_fixed_point_of_its_closed_form():
    """q = (sigma_w^2 / 2) (1 - exp(-2 q)): one positive root, also at sigma_w = 20."""
    for sigma_w in (1.2, 3.0, 20.0):
        q = predict("sin", sigma_w).q_star
        assert q == pytest.approx(sigma_w**2 / 2 * (1 - math.exp(-2 * q)), rel=1e-12)


def test_gelu_starts_decide_between_death_and_growth():
    """Both 0 and infinity attract between sigma_w = sqrt(2) and 2; where q = 1 ends depends."""
    assert length_fixed_point("gelu", 1.5, 0.0).q_star == 0
    assert length_fixed_point("gelu", 1.7, 0.0).q_star == math.inf


def test_half_stable_points_stall_iteration_but_not_us():
    """At these points a step from q* + 0.1 moves by less than 1e-4."""
    for name in ("gelu", "silu", "gelu_tanh", "mish"):
        point = half_stable_point(name)
        sigma_w = math.sqrt(point.sigma_w2)
        for q in (point.q_star, point.q_star + 0.1, point.q_star - 0.1):
            moved = float(next_length(name, q, sigma_w, point.sigma_b))
            assert moved == pytest.approx(q, abs=1e-12 if q == point.q_star else 1e-3)
    assert half_stable_point("tanh").sigma_w2 is None


def test_length_map_that_touches_from_the_start_is_held():
    """Found as a root, though the map never crosses the identity: a made-to-measure sigma_b."""
    point = half_stable_point("mish")
    above = length_fixed_point("mish", math.sqrt(point.sigma_w2), point.sigma_b)
    assert above.q_star == pytest.approx(point.q_star, rel=0.5)
    assert above.chi_len <= 1


def test_softplus_has_no_critical_point():
    assert critical("softplus").note == "no_critical_point"
    assert critical("gelu").note == "length_repelled"
    assert critical_bias("relu", 1.5).note == "scale_alone_decides"


def test_critical_line_is_one_curve():
    q = np.array([0.2, 0.570047881640766, 2.0])
    sigma_w2, sigma_b2 = critical_line("tanh", q)
    assert sigma_w2[1] == pytest.approx(1.76095464, rel=1e-7)
    assert sigma_b2[1] == pytest.approx(0.05, rel=1e-7)


def test_close_to_the_critical_line_the_depth_scale_keeps_its_digits():
    """On both sides xi_c = 1 / |chi_grad - 1| to first order (1 - C'(c*) = chi - 1 above)."""
    edge = math.sqrt(critical("tanh", 0.3).sigma_w2)
    for shift in (-1e-5, 1e-5):
        prediction = predict("tanh", edge + shift, 0.3)
        assert prediction.xi_c * abs(prediction.chi_grad - 1) == pytest.approx(1, rel=1e-4)


def test_depth_scale():
    assert depth_scale(math.exp(-0.5)) == pytest.approx(2)
    assert depth_scale(1.0) == math.inf
    assert depth_scale(0.0) == 0
    assert depth_scale(1.1) is None


def test_phase_diagram_is_a_grid_of_predictions():
    rows = phase_diagram("tanh", [0.5, 1.5], [0.0, 0.3, 1.0])
    assert [len(row) for row in rows] == [2, 2, 2]
    assert rows[1][1] == predict("tanh", 1.5, 0.3)
