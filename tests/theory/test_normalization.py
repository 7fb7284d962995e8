"""Batch normalization: spheres drawn at random, networks run, and the known special cases."""

import math

import numpy as np
import pytest

from gradgauge.errors import InvalidValue
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.theory import batch_norm_growth, layer_norm_growth


def _normalize(z):
    centered = z - z.mean(axis=0)
    std = np.sqrt(np.mean(centered**2, axis=0))
    return centered / std, std


def _growth_of_network(name, batch, width, depth, seed):
    """Mean-square growth per layer, the layers next to the input left out."""
    part, rng = ACTIVATIONS[name], np.random.default_rng(seed)
    h, taps = rng.standard_normal((batch, width)), []
    for _ in range(depth):
        weight = rng.standard_normal((width, width)) / math.sqrt(width)
        z, std = _normalize(h @ weight)
        taps.append((weight, z, std))
        h = part.f(z)
    grad, logs = rng.standard_normal((batch, width)), []
    for weight, z, std in reversed(taps):
        delta = grad * part.slope(z)
        delta = (delta - delta.mean(axis=0) - z * np.mean(delta * z, axis=0)) / std
        grad = delta @ weight.T
        logs.append(math.log(np.mean(grad**2)))
    return math.exp((logs[-7] - logs[0]) / (len(logs) - 7))


@pytest.mark.parametrize(
    ("name", "batch", "tolerance"), [("relu", 128, 0.03), ("linear", 16, 0.03), ("tanh", 12, 0.04)]
)
def test_networks(name, batch, tolerance):
    growths = [_growth_of_network(name, batch, 256, 22, seed) for seed in range(3)]
    assert np.mean(growths) == pytest.approx(batch_norm_growth(name, batch), rel=tolerance)


@pytest.mark.parametrize("name", ["relu", "tanh", "hardtanh", "gelu", "sigmoid"])
@pytest.mark.parametrize("batch", [5, 24])
def test_growth_equals_its_average_over_random_spheres(name, batch):
    """The trace of slope and projection, sampled: no two-coordinate formula in it."""
    part, rng = ACTIVATIONS[name], np.random.default_rng(7)
    draws = 40_000 if batch < 10 else 6_000
    z, _ = _normalize(rng.standard_normal((batch, draws)))
    slope, f = part.slope(z), part.f(z)
    # Projection onto the directions orthogonal to 1 and z, on both sides of diag(slope).
    inner = np.einsum("ad,bd->dab", slope, slope) * (np.eye(batch) - 1 / batch)
    z_unit = z / math.sqrt(batch)
    trace = np.einsum("daa->d", inner) - inner.sum(axis=(1, 2)) / batch
    trace -= np.einsum("ad,dab,bd->d", z_unit, inner, z_unit)
    total = trace.mean()
    spread = np.mean(f.var(axis=0)) * batch / (batch - 1)
    sampled = batch / (spread * (batch - 3)) * total / (batch - 1)
    assert sampled == pytest.approx(batch_norm_growth(name, batch), rel=0.015)


def test_known_cases():
    assert batch_norm_growth("relu") == pytest.approx(math.pi / (math.pi - 1), rel=1e-12)
    assert batch_norm_growth("relu", 128) == pytest.approx(1.479681, abs=5e-7)
    assert batch_norm_growth("relu", 10**6) == pytest.approx(1.466944, abs=5e-7)
    for batch in (4, 5, 16, 300):
        assert batch_norm_growth("linear", batch) == pytest.approx((batch - 2) / (batch - 3))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_growth_is_at_least_one_and_falls_with_the_batch(name):
    """Poincare's inequality: Var f <= E[f'^2]."""
    growths = [batch_norm_growth(name, batch) for batch in (4, 6, 20, 1000, math.inf)]
    assert growths == sorted(growths, reverse=True)
    assert growths[-1] >= 1 - 1e-12
    assert growths[-2] == pytest.approx(growths[-1], rel=2e-3)


def test_layer_norm_network():
    part, rng, n = ACTIVATIONS["gelu"], np.random.default_rng(0), 500
    h, taps = rng.standard_normal(n), []
    for _ in range(20):
        weight = 1.7 * rng.standard_normal((n, n)) / math.sqrt(n)
        a = h @ weight
        z = (a - a.mean()) / a.std()
        taps.append((weight, z, a.std()))
        h = part.f(z)
    grad, logs = rng.standard_normal(n), []
    for weight, z, std in reversed(taps):
        delta = grad * part.slope(z)
        grad = (delta - delta.mean() - z * np.mean(delta * z)) / std @ weight.T
        logs.append(math.log(grad @ grad))
    growth = math.exp((logs[-2] - logs[0]) / (len(logs) - 2))
    assert growth == pytest.approx(layer_norm_growth("gelu", 1.7), rel=0.03)


@pytest.mark.parametrize("batch", [3, 0, 7.5, math.nan])
def test_impossible_batches_are_refused(batch):
    with pytest.raises(InvalidValue):
        batch_norm_growth("relu", batch)
