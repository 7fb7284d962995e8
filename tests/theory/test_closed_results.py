"""Results with a formula of their own, against simulation, limits or the defining equations."""

import math

import numpy as np
import pytest
from scipy.stats import binom

from gradgauge import theory
from gradgauge.errors import InvalidValue, UnknownName


def test_relu_log_gain_equals_simulation():
    rng = np.random.default_rng(0)
    active = rng.binomial(6, 0.5, 400_000)
    draws = np.log(2 * 2 / 12 * rng.chisquare(active[active > 0]))
    step = theory.relu_log_gain(6)
    assert step.mean == pytest.approx(draws.mean(), abs=5 * draws.std() / math.sqrt(draws.size))
    assert step.variance == pytest.approx(draws.var(), rel=0.02)


def test_large_widths_follow_hanin_and_nica():
    for width in (500, 4000):
        step, law = theory.relu_log_gain(width), theory.log_norm2_large_width([width])
        assert step.mean == pytest.approx(law.mean, rel=10 / width)
        assert step.variance == pytest.approx(law.variance, rel=10 / width)


def test_the_norm_is_half_the_square_in_logarithm():
    step = theory.relu_log_gain(64)
    total = theory.log_gradient_norm([64] * 50)
    assert total.mean == pytest.approx(25 * step.mean)
    assert total.std == pytest.approx(math.sqrt(50 * step.variance) / 2)


def test_unbiased_gain_is_near_the_published_fit():
    """Sussillo & Abbott's fit, within half a percent from 10 to 512."""
    for width in (10, 32, 100, 512):
        fit = math.sqrt(2) * math.exp(1.2 / (max(width, 6) - 2.4))
        assert theory.unbiased_gain(width) == pytest.approx(fit, rel=5e-3)
    assert theory.unbiased_gain(100, "linear") == pytest.approx(math.exp(1 / 200), rel=1e-4)
    with pytest.raises(UnknownName):
        theory.unbiased_gain(10, "tanh")


def test_dying_probability_by_counting():
    """A layer of 3 is silent if a fair coin falls tails three times."""
    alive = (1 - binom.pmf(0, 3, 0.5)) ** 4
    assert theory.dying_probability([3] * 4) == pytest.approx(1 - alive)
    assert theory.dying_probability([1]) == 0.5
    assert theory.dying_probability([200] * 3) == pytest.approx(3 * 2.0**-200, rel=1e-12)


def test_selu_constants_keep_mean_and_variance():
    scale, alpha = theory.selu_constants()
    z = np.linspace(-12, 12, 400_001)
    weights = np.exp(-z * z / 2)
    weights /= weights.sum()
    f = scale * np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
    assert weights @ f == pytest.approx(0, abs=1e-8)
    assert weights @ f**2 == pytest.approx(1, abs=1e-8)


def test_tailored_slope_maps_zero_to_eta():
    for depth, eta in ((20, 0.8), (50, 0.9), (200, 0.5)):
        slope = theory.tailored_leaky_slope(depth, eta)
        assert theory.correlation_profile(0.0, depth, slope)[-1] == pytest.approx(eta, abs=1e-9)
    assert theory.tailored_leaky_slope(2, 0.99) == 0


def test_relu_map_equals_the_general_one():
    for c in (0.0, 0.5, 0.99):
        general = theory.next_correlation("relu", c, 1.0, math.sqrt(2), 0.0)
        assert theory.leaky_correlation_map(c) == pytest.approx(general, abs=1e-9)
        slope = theory.next_correlation_slope("relu", c, 1.0, math.sqrt(2))
        assert slope == pytest.approx(1 - math.acos(c) / math.pi, abs=1e-9)


def test_relu_correlation_tends_to_its_law():
    c = theory.correlation_profile(0.0, 3000)[-1]
    assert (1 - c) * 2 * 3000**2 / (9 * math.pi**2) == pytest.approx(1, abs=0.02)


def test_relu_is_never_isometric():
    assert theory.singular_value_spread("relu", 1.0, 10).variance == pytest.approx(10)
    assert theory.singular_value_spread("relu", 1.0, 10, "gaussian").variance == pytest.approx(20)
    assert theory.singular_value_spread("linear", 1.0, 10).variance == 0
    assert theory.singular_value_spread("linear", 1.0, 4, sigma_w=2.0).mean == pytest.approx(256)


def test_relu_residual_network_is_exponential():
    profile = theory.residual_profile("relu", 8, sigma_w=1.3, sigma_v=0.7)
    assert profile.growth == pytest.approx(np.full(8, 1 + 0.7**2 * 1.3**2 / 2))


def test_learning_time_solves_the_modes_equation():
    """tau du/dt = 2 u (s - u), integrated by Euler steps."""
    u, steps, dt = 0.01, 0, 1e-4
    while u < 2.9:
        u += dt * 2 * u * (3 - u)
        steps += 1
    assert theory.learning_time(3.0, 0.01, 2.9) == pytest.approx(steps * dt, rel=1e-3)
    with pytest.raises(InvalidValue):
        theory.learning_time(3.0, 0.01, 3.5)


def test_dropout_has_no_critical_point():
    edge = math.sqrt(theory.critical("tanh", math.sqrt(0.05)).sigma_w2)
    scales = [
        theory.dropout_prediction("tanh", edge, math.sqrt(0.05), k).xi_c for k in (0.8, 0.95, 0.999)
    ]
    assert scales == sorted(scales)
    assert all(math.isfinite(scale) for scale in scales)
    plain = theory.dropout_prediction("tanh", 1.5, 0.3, 1.0)
    assert plain.xi_c == theory.predict("tanh", 1.5, 0.3).xi_c
    nearly = theory.dropout_prediction("tanh", 1.5, 0.3, 1 - 1e-10)
    assert nearly.c_star == pytest.approx(plain.c_star, abs=1e-6)
    with pytest.raises(InvalidValue):
        theory.dropout_prediction("tanh", 1.5, 0.3, 1.2)


def test_dropout_of_dead_and_growing_signals():
    assert theory.dropout_prediction("tanh", 0.5, 0.0, 0.9).c_star is None
    assert theory.dropout_prediction("relu", 3.0, 0.0, 0.9).q_star == math.inf
