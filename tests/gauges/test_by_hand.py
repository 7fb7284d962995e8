"""Every layer gauge on numbers that can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gradgauge.gauges import GAUGES, measure
from gradgauge.signals import LayerSignals


def figures(**signals) -> dict[str, float]:
    arrays = {
        name: np.asarray(value, bool if name == "saturates" else np.float64)
        for name, value in signals.items()
    }
    return {name: float(value) for name, value in measure(LayerSignals(**arrays)).items()}


def test_nothing_shown_nothing_measured() -> None:
    assert measure(LayerSignals()) == {}


def test_only_what_is_shown_is_measured() -> None:
    assert set(figures(weight=[[1.0]])) == {"weight_norm"}
    assert set(figures(delta=[[1.0]])) == {"delta_norm"}


def test_norms_of_three_and_four() -> None:
    got = figures(
        delta=[[3, 0], [0, 4]],
        activation_grad=[[6, 0], [0, 8]],
        weight=[[1, 2], [2, 0]],
        weight_grad=[[2, 2], [2, 2]],
    )
    assert got["delta_norm"] == 5
    assert got["g_norm"] == 10
    assert got["weight_norm"] == 3
    assert (got["weight_grad_norm"], got["weight_grad_rms"]) == (4, 2)


def test_update_ratio() -> None:
    assert figures(weight=[[3, 4]], update=[[0.03, 0.04]])["update_ratio"] == pytest.approx(0.01)
    assert math.isnan(figures(weight=[[0, 0]], update=[[1, 1]])["update_ratio"])


def test_moments() -> None:
    got = figures(pre_activation=[[1, 3], [5, 7]], activation=[[0, 0], [0, 4]])
    assert (got["z_mean"], got["z_std"]) == (4, pytest.approx(math.sqrt(5)))
    assert (got["h_mean"], got["h_std"]) == (1, pytest.approx(math.sqrt(3)))


@pytest.mark.parametrize(
    ("h", "wanted"),
    [
        ([[1, 2], [1, 2], [1, 2]], 0),  # all inputs alike
        ([[1, -1], [-1, 1]], 1),  # nothing in common
        ([[2, 0], [0, 0]], 0.5),  # variance 1 of a mean square 2
        ([[1, 5], [3, 5]], 1 / 30),  # variance 1 + 0 of mean squares 5 + 25
    ],
)
def test_signal_spread(h, wanted: float) -> None:
    assert figures(activation=h)["signal_spread"] == pytest.approx(wanted)


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.9, 1 - 1e-8])
def test_signal_spread_of_two_equally_long_inputs_is_half_of_one_minus_c(correlation) -> None:
    """Schoenholz et al. (2017): what the correlation map is about."""
    a = np.array([1.0, 0.0])
    b = np.array([correlation, math.sqrt(1 - correlation**2)])
    spread = figures(activation=[a, b])["signal_spread"]
    assert spread == pytest.approx((1 - correlation) / 2, rel=1e-6)


def test_signal_spread_does_not_round_to_zero_early() -> None:
    """In float32 a mean of squares less a squared mean is lost below 1e-7."""
    h = (1 + 1e-5 * np.array([[1.0], [-1.0]])).astype(np.float32)
    got = measure(LayerSignals(activation=h))["signal_spread"]
    assert float(got) == pytest.approx(1e-10, rel=0.02)


def test_signal_spread_of_no_signal_is_unknown() -> None:
    assert math.isnan(figures(activation=[[0, 0], [0, 0]])["signal_spread"])


def states(slope, max_slope=1.0, saturates=True) -> dict[str, float]:
    return figures(slope=slope, max_slope=max_slope, saturates=saturates)


def test_unit_states_by_counting() -> None:
    # 3 samples, 4 units: one dead, one dead on two samples only, one saturated on one sample.
    slope = [[0, 0, 1, 0.04], [0, 0, 1, 1], [0, 1, 1, -1]]
    got = states(slope)
    assert got["inactive"] == pytest.approx(5 / 12)
    assert got["dead"] == pytest.approx(1 / 4)
    assert got["saturated"] == pytest.approx(6 / 12)


@pytest.mark.parametrize(("slope", "wanted"), [(0.0499, 1), (0.05, 0), (-0.0499, 1), (-0.2, 0)])
def test_saturated_begins_below_five_percent_of_the_largest_slope(slope, wanted) -> None:
    assert states([[slope / 4]], max_slope=0.25)["saturated"] == wanted


def test_saturated_means_nothing_where_f_is_unbounded() -> None:
    assert math.isnan(states([[0.0, 1.0]], saturates=False)["saturated"])


def test_a_tiny_slope_is_neither_inactive_nor_dead() -> None:
    got = states([[1e-300]])
    assert (got["inactive"], got["dead"], got["saturated"]) == (0, 0, 1)


def test_sigmoids_slope_gain_is_at_most_a_quarter() -> None:
    """The textbook bound: at z = 0 it is met exactly."""
    z = np.zeros((4, 3))
    got = figures(slope=0.25 + z, activation_grad=1 + z, delta=0.25 + z, delta_next=2 + z)
    assert got["slope_gain"] == pytest.approx(0.25)
    assert got["weight_gain"] == pytest.approx(0.5)
    assert got["backward_gain"] == pytest.approx(0.125)


def test_gauges_without_meaning_on_the_output_layer_say_so() -> None:
    """CONTRACT section 2: null there."""
    hidden_only = {name for gauge in GAUGES if gauge.hidden_only for name in gauge.quantities}
    assert {"backward_gain", "weight_gain", "slope_gain"} <= hidden_only
    assert not hidden_only & {"delta_norm", "weight_norm", "weight_grad_norm", "update_ratio"}


def test_norms_and_gains_are_averaged_geometrically_and_nothing_else() -> None:
    """CONTRACT section 2: so that the product still holds over seeds."""
    geometric = {n for g in GAUGES if g.over_seeds == "geometric" for n in g.quantities}
    assert geometric == {
        "weight_grad_norm",
        "weight_grad_rms",
        "delta_norm",
        "g_norm",
        "backward_gain",
        "weight_gain",
        "slope_gain",
        "weight_norm",
        "update_ratio",
    }
