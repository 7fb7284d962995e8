"""Random networks in plain NumPy, at gold.json's stated settings and tolerances."""

import math

import numpy as np
import pytest

from gradgauge import theory
from gradgauge.parts.activations import ACTIVATIONS


def _gaussian_network(name, width, depth, sigma_w, sigma_b, seed, inputs=None):
    """Pre-activations (layers, batch, width) and the gradient's mean square in every layer."""
    part, rng = ACTIVATIONS[name], np.random.default_rng(seed)
    z = inputs if inputs is not None else rng.standard_normal((1, width))
    layers, weights = [z], []
    for _ in range(depth):
        weight = rng.standard_normal((width, width)) * (sigma_w / math.sqrt(width))
        z = part.f(z) @ weight + sigma_b * rng.standard_normal(width)
        layers.append(z)
        weights.append(weight)
    delta = rng.standard_normal(z.shape)
    squares = [np.mean(delta**2)]
    for z, weight in zip(reversed(layers[:-1]), reversed(weights), strict=True):
        delta = part.slope(z) * (delta @ weight.T)
        squares.append(np.mean(delta**2))
    return np.array(layers), np.array(squares)


def _cosine(a, b):
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def _length_and_gain(name, sigma_w, sigma_b, seeds=5):
    runs = [_gaussian_network(name, 400, 20, sigma_w, sigma_b, s) for s in range(seeds)]
    lengths = np.mean([np.mean(z[10:] ** 2) for z, _ in runs])
    logs = [np.log(squares[15] / squares[0]) / 15 for _, squares in runs]
    return lengths, math.exp(np.mean(logs))


@pytest.mark.parametrize(
    ("name", "sigma_w", "sigma_b", "length_tolerance", "gain_tolerance"),
    [
        ("tanh", 1.5, 0.3, 0.05, 0.04),
        ("tanh", 2.5, 0.3, 0.05, 0.04),
        ("sigmoid", 1.0, 0.0, 0.05, 0.03),
        ("sigmoid", 4.0, 0.0, 0.05, 0.03),
        ("gelu", 1.2, 0.5, 0.05, 0.04),
        ("softsign", 2.5, 0.3, 0.05, 0.04),
    ],
)
def test_length_and_gradient(name, sigma_w, sigma_b, length_tolerance, gain_tolerance):
    length, gain = _length_and_gain(name, sigma_w, sigma_b)
    prediction = theory.predict(name, sigma_w, sigma_b)
    assert length == pytest.approx(prediction.q_star, rel=length_tolerance)
    assert gain == pytest.approx(prediction.chi_grad, rel=gain_tolerance)


def test_pytorch_default_relu_loses_five_sixths():
    squares = [_gaussian_network("relu", 400, 20, math.sqrt(1 / 3), 0.0, s)[1] for s in range(5)]
    gain = math.exp(np.mean([np.log(s[20] / s[0]) / 20 for s in squares]))
    assert gain == pytest.approx(1 / 6, rel=0.03)


def test_correlation_of_two_inputs_settles_at_c_star():
    """gold: tanh.cstar, abs .05; one network scatters by that much, so eight of 80 layers."""
    rng, n, networks = np.random.default_rng(0), 400, 8
    z, tail = rng.standard_normal((networks, 2, n), dtype=np.float32), []
    for layer in range(80):
        weight = rng.standard_normal((networks, n, n), dtype=np.float32)
        z = np.tanh(z) @ weight * np.float32(1.5 / math.sqrt(n))
        z += np.float32(0.3) * rng.standard_normal((networks, 1, n), dtype=np.float32)
        if layer >= 20:
            tail += [_cosine(*pair) for pair in z]
    assert np.mean(tail) == pytest.approx(theory.predict("tanh", 1.5, 0.3).c_star, abs=0.05)


def test_relu_correlation_after_ten_layers():
    inputs = np.random.default_rng(0).standard_normal((2, 1000))
    inputs[1] -= inputs[0] * (inputs[0] @ inputs[1]) / (inputs[0] @ inputs[0])
    cosines = []
    for seed in range(3):
        z = _gaussian_network("relu", 1000, 10, math.sqrt(2), 0.0, seed, inputs)[0][-1]
        cosines.append(_cosine(*z))
    assert np.mean(cosines) == pytest.approx(theory.correlation_profile(0.0, 10)[-1], abs=0.02)


def test_glorot_tanh_falls_by_a_power_of_depth():
    """gold: tanh.xavier_gradvar_factor_L10, 15 % at width 400."""
    runs = [_gaussian_network("tanh", 400, 10, 1.0, 0.0, seed)[1] for seed in range(8)]
    factor = math.exp(np.mean([np.log(squares[10] / squares[0]) for squares in runs]))
    assert factor == pytest.approx(theory.gradient_profile("tanh", 10, 1.0).product[0], rel=0.15)


def test_log_norms_walk_as_predicted():
    """200 He-initialized ReLU networks of 50 layers of 64: mean to 5 %, variance to 25 %."""
    rng = np.random.default_rng(3)
    logs = np.zeros(200)
    h = np.full((200, 1, 64), 1 / 8)
    for _ in range(50):
        weight = rng.standard_normal((200, 64, 64), dtype=np.float32) * math.sqrt(2 / 64)
        h = np.maximum(h @ weight, 0)
        norms = np.linalg.norm(h, axis=(1, 2), keepdims=True)
        logs += 2 * np.log(norms[:, 0, 0])
        h /= norms
    step = theory.relu_log_gain(64)
    error = logs.std() / math.sqrt(200)
    assert logs.mean() == pytest.approx(50 * step.mean, abs=4 * error)
    assert logs.var() == pytest.approx(50 * step.variance, rel=0.25)


def _squared_singular_values(point, n, depth, seed):
    rng = np.random.default_rng(seed)
    z, jacobian = rng.standard_normal(n) * math.sqrt(point.q_star), np.eye(n)
    for _ in range(depth):
        q, r = np.linalg.qr(rng.standard_normal((n, n)))
        weight = math.sqrt(point.sigma_w2) * q * np.sign(np.diag(r))
        jacobian = weight.T @ ((1 - np.tanh(z) ** 2)[:, None] * jacobian)
        z = np.tanh(z) @ weight + point.sigma_b * rng.standard_normal(n)
    return np.linalg.svd(jacobian, compute_uv=False) ** 2


def test_orthogonal_tanh_spectrum():
    """gold: isometry.tanh_orth, 5 % at n = 300; three networks, for one scatters by 8 %."""
    point = theory.critical_bias("tanh", 1.05)
    squares = [_squared_singular_values(point, 300, 32, seed) for seed in range(3)]
    measured = np.mean([s.var() / s.mean() ** 2 for s in squares])
    predicted = theory.singular_value_spread("tanh", point.q_star, 32)
    assert measured == pytest.approx(predicted.variance, rel=0.05)


def test_mean_singular_value_of_uniform_weights():
    weight = np.random.default_rng(0).uniform(-0.05, 0.05, (400, 400))
    mean = np.linalg.svd(weight, compute_uv=False).mean()
    assert mean == pytest.approx(theory.mean_singular_value(math.sqrt(1 / 3)), rel=0.02)


def test_narrow_networks_die_as_often_as_predicted():
    """gold: 1e4 networks of width 2 and 9 hidden layers, abs .01."""
    rng = np.random.default_rng(0)
    h = np.ones((20_000, 2))
    for _ in range(9):
        h = np.maximum(np.einsum("ni,nij->nj", h, rng.standard_normal((20_000, 2, 2))), 0)
    assert np.mean(~h.any(axis=1)) == pytest.approx(theory.dying_probability([2] * 9), abs=0.01)


def test_residual_tanh_network():
    """Three networks of 60 blocks, their gradient's growth against the profile."""
    n, depth, logs = 400, 60, []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, taps = rng.standard_normal(n), []
        for _ in range(depth):
            w, v = (rng.standard_normal((n, n)) / math.sqrt(n) for _ in range(2))
            u = w @ x
            taps.append((w, v, 1 - np.tanh(u) ** 2))
            x = x + v @ np.tanh(u)
        g = rng.standard_normal(n)
        before = g @ g
        for w, v, slope in reversed(taps):
            g = g + w.T @ (slope * (v.T @ g))
        logs.append(math.log(g @ g / before))
    predicted = theory.residual_profile("tanh", depth)
    assert np.mean(logs) == pytest.approx(predicted.log_growth, rel=0.05)
    assert predicted.log_growth == pytest.approx(
        theory.tanh_residual_exponent(1.0, 1.0) * math.sqrt(depth), rel=0.12
    )


def test_dropout_correlation():
    """One input under two masks, keep = .8, tanh: correlation and length of 16 networks."""
    rng, n, keep, networks = np.random.default_rng(2), 400, 0.8, 16
    sigma_w, sigma_b = np.float32(1.4), np.float32(0.3)
    z = np.repeat(rng.standard_normal((networks, 1, n), dtype=np.float32), 2, axis=1)
    cosines, lengths = [], []
    for layer in range(20):
        h = np.tanh(z) * (rng.random(z.shape) < keep).astype(np.float32) / np.float32(keep)
        weight = rng.standard_normal((networks, n, n), dtype=np.float32)
        z = h @ weight * (sigma_w / np.float32(math.sqrt(n)))
        z += sigma_b * rng.standard_normal((networks, 1, n), dtype=np.float32)
        if layer >= 8:
            cosines += [_cosine(*pair) for pair in z]
            lengths.append(np.mean(z**2))
    predicted = theory.dropout_prediction("tanh", 1.4, 0.3, keep)
    assert np.mean(cosines) == pytest.approx(predicted.c_star, abs=0.04)
    assert np.mean(lengths) == pytest.approx(predicted.q_star, rel=0.05)
