"""Every activation against PyTorch's own value and derivative, and against closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import integrate, optimize

from gradgauge.errors import UnknownName
from gradgauge.parts.activations import ACTIVATIONS, Activation, activation
from tests.agreement.peer_pytorch import ACTIVATIONS as TORCH

every = pytest.mark.parametrize("name", sorted(ACTIVATIONS))
TINY = {"float32": 1e-37, "float64": 1e-300}
GRID = np.concatenate(
    [np.linspace(-12, 12, 2401), np.geomspace(1e-6, 90, 200), -np.geomspace(1e-6, 90, 200)]
)
EXTREMES = np.array(
    [0.0, -0.0, 1e-30, -1e-30, 19.0, -19.0, 104.0, -104.0, 750.0, -750.0, 1e4, -1e4, 1e12, -1e12]
)
KINKS = {
    "relu": (0,),
    "leaky_relu": (0,),
    "selu": (0,),
    "relu6": (0, 6),
    "hardtanh": (-1, 1),
    "hard_sigmoid": (-3, 3),
}


def by_torch(name: str, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    x = torch.tensor(z, requires_grad=True)
    value = TORCH[name](x)
    (slope,) = torch.autograd.grad(value.sum(), x)
    return value.detach().numpy(), slope.numpy()


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_value_and_slope_are_pytorchs(name: str, dtype: str) -> None:
    z = GRID.astype(dtype)
    if name == "softplus":
        z = z[z < 20]  # from there on PyTorch's is z itself, 2e-9 too small
    f, slope = ACTIVATIONS[name].f(z), ACTIVATIONS[name].slope(z)
    value_wanted, slope_wanted = by_torch(name, z)
    assert f.dtype == slope.dtype == z.dtype
    near_kink = np.isclose(z[:, None], KINKS.get(name, (np.inf,)), atol=1e-6).any(axis=1)
    eps = float(np.finfo(dtype).eps)
    np.testing.assert_allclose(f, value_wanted, rtol=64 * eps, atol=8 * eps * np.abs(z).max())
    np.testing.assert_allclose(
        slope[~near_kink], slope_wanted[~near_kink], rtol=64 * eps, atol=64 * eps
    )


@every
def test_slope_is_the_central_difference_of_the_value(name: str) -> None:
    z = np.linspace(-5, 5, 2_000) + 1e-4
    step = 1e-5
    away = np.abs(z[:, None] - np.array([*KINKS.get(name, (1e9,))])).min(axis=1) > 2 * step
    z = z[away]
    f = ACTIVATIONS[name].f
    difference = (f(z + step) - f(z - step)) / (2 * step)
    np.testing.assert_allclose(ACTIVATIONS[name].slope(z), difference, atol=2e-9)


@every
def test_at_a_kink_the_slope_is_pytorchs(name: str) -> None:
    z = np.array(ACTIVATIONS[name].kinks, np.float32)
    np.testing.assert_array_equal(ACTIVATIONS[name].slope(z), by_torch(name, z)[1])


@every
def test_kinks_are_where_the_slope_jumps_and_nowhere_else(name: str) -> None:
    slope = ACTIVATIONS[name].slope
    points = np.linspace(-10, 10, 2_001)
    jumps = points[np.abs(slope(points + 1e-7) - slope(points - 1e-7)) > 1e-3]
    np.testing.assert_allclose(jumps, sorted(ACTIVATIONS[name].kinks), atol=1e-9)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_extreme_inputs_neither_warn_nor_break(name: str, dtype: str) -> None:
    """NumPy's overflow warnings are errors here."""
    z = EXTREMES.astype(dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        f, slope = ACTIVATIONS[name].f(z), ACTIVATIONS[name].slope(z)
    assert np.isfinite(f).all()
    assert np.isfinite(slope).all()
    assert np.abs(slope).max() <= ACTIVATIONS[name].max_slope * (1 + 1e-6)


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_whatever_is_finite_goes_in_something_finite_comes_out(name: str, dtype: str) -> None:
    """An exploding network's z may square to infinity; its slope is still 0 or 1."""
    largest = float(np.finfo(dtype).max)
    z = np.array([1e20, -1e20, largest / 4, -largest / 4], dtype)
    with np.errstate(over="ignore"):
        f, slope = ACTIVATIONS[name].f(z), ACTIVATIONS[name].slope(z)
    assert np.isfinite(f).all()
    assert np.isfinite(slope).all()


@every
def test_not_a_number_stays_not_a_number(name: str) -> None:
    z = np.array([np.nan, 1.0])
    assert np.isnan(ACTIVATIONS[name].f(z)).tolist() == [True, False]


TAILS = {
    # slope far out, in closed form: where a rounded formula such as 1 - tanh^2 gives 0
    "sigmoid": lambda z: math.exp(-abs(z)),
    "tanh": lambda z: 4 * math.exp(-2 * abs(z)),
    "erf": lambda z: 2 / math.sqrt(math.pi) * math.exp(-z * z),
    "scaled_sigmoid": lambda z: 4 * math.exp(-abs(z)),
    "softsign": lambda z: 1 / (1 + abs(z)) ** 2,
    "arctan": lambda z: 1 / (1 + z * z),
}


@pytest.mark.parametrize("name", sorted(TAILS))
@pytest.mark.parametrize("z", [-40.0, -20.0, 20.0, 40.0])
def test_a_saturated_slope_does_not_round_to_zero(name: str, z: float) -> None:
    """An instrument for vanishing gradients must not make them vanish itself."""
    wanted = TAILS[name](z)
    for dtype in ("float32", "float64"):
        if wanted > TINY[dtype]:
            slope = ACTIVATIONS[name].slope(np.array([z], dtype))[0]
            assert slope == pytest.approx(wanted, rel=2e-5)


@every
def test_max_slope_is_the_maximum(name: str) -> None:
    part = ACTIVATIONS[name]
    coarse = np.linspace(-12, 12, 24_001) + 1.23e-4
    at = coarse[np.argmax(np.abs(part.slope(coarse)))]
    highest = np.abs(part.slope(np.append(coarse, [-1e3, 1e3]))).max()
    best = optimize.minimize_scalar(
        lambda z: -abs(float(part.slope(np.array(z)))),
        bounds=(at - 2e-3, at + 2e-3),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert isinstance(best, optimize.OptimizeResult)
    assert max(-best.fun, highest) == pytest.approx(part.max_slope, rel=2e-6)
    assert highest <= part.max_slope * (1 + 1e-12)


@every
def test_init_gain_makes_chi_one(name: str) -> None:
    """sigma_w^2 E[f'(z)^2] = 1 for z ~ N(0, 1), the expectation by quadrature of PyTorch's f'."""
    part = ACTIVATIONS[name]

    def integrand(z: float) -> float:
        slope = by_torch(name, np.array([z]))[1][0]
        return slope**2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    edges = [-12.0, *(float(k) for k in KINKS.get(name, ())), 12.0]
    if edges != sorted(edges) or len(edges) == 2:
        edges = [-12.0, 0.0, 12.0]
    mean_square = sum(
        integrate.quad(integrand, low, high, epsabs=1e-11, epsrel=1e-10, limit=200)[0]
        for low, high in itertools.pairwise(edges)
    )
    # PyTorch's Hardsigmoid is spelt out in the table of the peer, exact in float64.
    assert part.init_gain**2 * mean_square == pytest.approx(1, rel=1e-8)


def test_init_gain_of_relu_is_he_et_als() -> None:
    """He et al. (2015), eq. 10: variance 2 / fan_in."""
    assert ACTIVATIONS["relu"].init_gain == math.sqrt(2)


BOUNDED = {
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "erf": (-1, 1),
    "hardtanh": (-1, 1),
    "hard_sigmoid": (0, 1),
    "relu6": (0, 6),
    "scaled_sigmoid": (-2, 2),
    "softsign": (-1, 1),
    "arctan": (-math.pi / 2, math.pi / 2),
}


@every
def test_saturates_where_bounded_on_both_sides_and_monotone(name: str) -> None:
    part: Activation = ACTIVATIONS[name]
    ends = part.f(np.array([-1e30, 1e30])) if name != "gelu_tanh" else np.array([0.0, 1e30])
    monotone = bool((np.diff(part.f(np.linspace(-20, 20, 4001))) >= 0).all())
    assert part.saturates == (monotone and bool((np.abs(ends) < 10).all()))
    assert part.saturates == (name in BOUNDED)
    if part.saturates:
        np.testing.assert_allclose(ends, BOUNDED[name], atol=1e-9)


def test_an_unknown_activation_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as caught:
        activation("rleu")
    assert (caught.value.kind, caught.value.name) == ("activation", "rleu")
    assert caught.value.nearest == "relu"
    assert "relu" in str(caught.value)
