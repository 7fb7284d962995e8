"""The product weight_gain x slope_gain = backward_gain, with delta from differencing a loss."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gradgauge.gauges.backward_gain import backward_gain
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.signals import LayerSignals

STEP = 1e-6


def matrix(rows: int, columns: int) -> st.SearchStrategy[np.ndarray]:
    elements = st.floats(-3, 3, width=32)
    return hnp.arrays(np.float64, (rows, columns), elements=elements, fill=st.nothing())


SPREAD = np.linspace(-2.9, 2.9, 12).reshape(3, 4)


def central_difference(loss, z: np.ndarray) -> np.ndarray:
    gradient = np.empty_like(z)
    for place in np.ndindex(z.shape):
        nudge = np.zeros_like(z)
        nudge[place] = STEP
        gradient[place] = (loss(z + nudge) - loss(z - nudge)) / (2 * STEP)
    return gradient


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@settings(max_examples=15)
@given(z=matrix(3, 4) | st.just(SPREAD), weight=matrix(4, 5), delta_next=matrix(3, 5))
def test_gain_is_the_product_of_its_factors(name, z, weight, delta_next) -> None:
    """delta comes from differencing the loss, not from the formula under test."""
    activation = ACTIVATIONS[name]
    for kink in activation.kinks:
        z = np.where(np.abs(z - kink) < 1e-3, kink + 1e-3, z)
    activation_grad = delta_next @ weight.T
    delta = central_difference(lambda z: np.sum(delta_next * (activation.f(z) @ weight)), z)
    # Differences of sums of size 100 are known to 1e-8: smaller deltas say nothing.
    assume(np.linalg.norm(delta) > 1e-3)

    gains = backward_gain(
        LayerSignals(
            slope=activation.slope(z),
            activation_grad=activation_grad,
            delta=delta,
            delta_next=delta_next,
        )
    )

    product = gains["weight_gain"] * gains["slope_gain"]
    np.testing.assert_allclose(gains["backward_gain"], product, rtol=1e-4)
    assert gains["slope_gain"] <= activation.max_slope * (1 + 1e-12)


@given(
    slope=matrix(3, 4),
    grad=matrix(3, 4),
    delta=matrix(3, 4),
    above=matrix(3, 5),
    exponent=st.integers(-100, 100),
)
def test_gains_do_not_change_with_the_scale_of_the_signal(slope, grad, delta, above, exponent):
    """In float32 a signal of 1e-30 squares to zero and one of 1e30 to infinity."""
    # Entries of a hundredth or more, so that none becomes denormal.
    signals = [np.where(np.abs(x) < 1e-2, 0.5, x).astype(np.float32) for x in (grad, delta, above)]
    # A power of two, so that scaling rounds nothing: 1e-30 to 1e30.
    scale = np.float32(2.0**exponent)

    def gains(factor: np.float32) -> dict[str, np.ndarray]:
        g, d, a = (x * factor for x in signals)
        layer = LayerSignals(
            slope=slope.astype(np.float32), activation_grad=g, delta=d, delta_next=a
        )
        return dict(backward_gain(layer))

    reference, scaled = gains(np.float32(1)), gains(scale)
    for name, value in reference.items():
        np.testing.assert_allclose(scaled[name], value, rtol=1e-6)


def test_where_nothing_arrives_nothing_is_said() -> None:
    zero, one = np.zeros((2, 3)), np.ones((2, 3))
    gains = backward_gain(
        LayerSignals(slope=one, activation_grad=zero, delta=zero, delta_next=zero)
    )
    assert all(np.isnan(value) for value in gains.values())


def test_a_dead_layer_passes_back_nothing_which_is_not_nothing_known() -> None:
    zero, one = np.zeros((2, 3)), np.ones((2, 3))
    gains = backward_gain(LayerSignals(slope=zero, activation_grad=one, delta=zero, delta_next=one))
    assert (gains["slope_gain"], gains["backward_gain"], gains["weight_gain"]) == (0, 0, 1)
