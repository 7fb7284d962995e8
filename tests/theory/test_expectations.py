"""Closed form against quadrature against SciPy's adaptive quadrature against Monte Carlo."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.theory import expectation, moments, pair_expectation, quadrature_moments
from gradgauge.theory.closed_forms import CLOSED_FORMS

ONE = ("mean", "mean_slope", "square", "slope_square", "slope_fourth", "square_growth")
PAIR = ("half_gap", "slope_half_gap")
SAMPLES = np.random.default_rng(1).standard_normal((2, 400_000))


def _integrands(name):
    f, slope = ACTIVATIONS[name].f, ACTIVATIONS[name].slope
    return {
        "mean": f,
        "mean_slope": slope,
        "square": lambda u: f(u) ** 2,
        "slope_square": lambda u: slope(u) ** 2,
        "slope_fourth": lambda u: slope(u) ** 4,
    }


def _adaptive(g, q, kinks):
    """SciPy, told of the kinks and of the scale of the transition."""
    scale = math.sqrt(q)
    points = sorted({0.0, *kinks, -2.0, 2.0, -8.0, 8.0})
    edges = [-12 * scale, *(p for p in points if abs(p) < 12 * scale), 12 * scale]

    def integrand(u):
        return float(g(np.array(u))) * math.exp(-u * u / (2 * q)) / (scale * math.sqrt(2 * math.pi))

    return sum(
        quad(integrand, a, b, epsabs=1e-13, epsrel=1e-12, limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )


@pytest.mark.parametrize("name", sorted(CLOSED_FORMS))
def test_closed_forms_equal_quadrature(name):
    """Up to q = 8: far beyond, sin has too many periods for the panels and needs its closed form."""
    exact, numeric = moments(name), quadrature_moments(ACTIVATIONS[name])
    q = np.array([1e-6, 0.01, 0.3, 1.0, 5.0, 8.0])
    for moment in ONE:
        assert_allclose(
            getattr(exact, moment)(q), getattr(numeric, moment)(q), rtol=1e-8, atol=1e-9
        )
    for eps in (1.0, 0.4, 1e-3, 1e-6):
        for moment in PAIR:
            assert_allclose(
                getattr(exact, moment)(2.0, eps), getattr(numeric, moment)(2.0, eps), rtol=1e-8
            )


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize("q", [0.02, 1.0, 40.0])
def test_moments_equal_adaptive_quadrature(name, q):
    form = moments(name)
    for moment, integrand in _integrands(name).items():
        expected = _adaptive(integrand, q, ACTIVATIONS[name].kinks)
        assert_allclose(float(getattr(form, moment)(q)), expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
@pytest.mark.parametrize(("q", "eps"), [(0.5, 0.7), (12.0, 0.1), (300.0, 0.5)])
def test_pairs_equal_monte_carlo(name, q, eps):
    form, f, slope = moments(name), ACTIVATIONS[name].f, ACTIVATIONS[name].slope
    first, other = SAMPLES
    c = 1 - eps
    u1 = math.sqrt(q) * first
    u2 = math.sqrt(q) * (c * first + math.sqrt(1 - c * c) * other)
    for g, ours in ((f, form.half_gap), (slope, form.slope_half_gap)):
        draws = 0.5 * (g(u1) - g(u2)) ** 2
        error = draws.std() / math.sqrt(draws.size)
        assert abs(ours(q, eps) - draws.mean()) <= 5 * error + 1e-12


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_growth_of_the_square_is_its_derivative(name):
    """Stein's lemma against a central difference of the quadrature."""
    form, q = moments(name), np.array([0.1, 2.0, 60.0])
    step = 1e-4 * q
    difference = (form.square(q + step) - form.square(q - step)) / (2 * step)
    assert_allclose(form.square_growth(q), difference, rtol=2e-6, atol=1e-12)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_pair_of_independent_variables_factorises(name):
    form = moments(name)
    gap = form.half_gap(3.0, 1.0)
    assert gap == pytest.approx(float(form.square(3.0)) - float(form.mean(3.0)) ** 2, abs=1e-9)


def test_sharp_transitions_at_huge_variance():
    """A sigmoid seen from far away is a step: E[f^2] -> 1/2, E[f'] -> density at 0."""
    form, q = moments("sigmoid"), 1e10
    assert float(form.square(q)) == pytest.approx(0.5 - 1 / math.sqrt(2 * math.pi * q), rel=1e-9)
    assert float(form.mean_slope(q)) == pytest.approx(1 / math.sqrt(2 * math.pi * q), rel=1e-8)


def test_kinks_are_exact():
    share = expectation(lambda u: (u > 0.3) * 1.0, 2.0, kinks=(0.3,))
    assert float(share) == pytest.approx(0.5 * math.erfc(0.3 / 2), abs=1e-14)


def test_orthant_probability():
    """P(u1 > 0, u2 > 0) = 1/4 + asin(c) / (2 pi), Sheppard's formula."""
    for c in (0.0, 0.6, 0.999, 1 - 1e-9):
        share = pair_expectation(lambda a, b: (a > 0) * (b > 0) * 1.0, 3.0, 1 - c, kinks=(0.0,))
        assert share == pytest.approx(0.25 + math.asin(c) / (2 * math.pi), abs=1e-10)


def test_zero_variance_is_the_limit():
    assert float(moments("relu").slope_square(0.0)) == 0.5
    assert float(moments("selu").slope_square(0.0)) == pytest.approx(
        1.0507009873554805**2 * (1 + 1.6732632423543772**2) / 2, rel=1e-12
    )
    assert float(moments("gelu_tanh").slope_square(0.0)) == pytest.approx(0.25, rel=1e-12)
