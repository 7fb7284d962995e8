"""Singular values of d(logits)/d(input), judged by finite differences of a plain forward pass."""

import numpy as np
import pytest

from gradgauge.engine import jacobian as engine
from gradgauge.engine.build import initial_parameters
from gradgauge.engine.initial import read_initial
from gradgauge.gauges import GAUGES, NETWORK_GAUGES, PROBE_QUANTITIES, measure_network_gauges
from gradgauge.gauges.jacobian import jacobian
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.signals import LayerSignals
from gradgauge.spec.notation import parse

STEP = 1e-6


def _logits(network, seed):
    """Of a plain network, with the engine's weights, in NumPy."""
    params = initial_parameters(network, seed)
    weights = [w for block in params for w in block["weight"]]
    biases = [b for block in params for b in block["bias"]]

    def forward(x):
        h = x
        for name, weight, bias in zip(network.activations, weights, biases, strict=False):
            h = ACTIVATIONS[name].f(h @ weight + bias)
        return h @ weights[-1] + biases[-1]

    return forward


def _by_differences(forward, row):
    shifts = STEP * np.eye(row.size)
    return ((forward(row + shifts) - forward(row - shifts)) / (2 * STEP)).T


def _expected(matrices):
    values = [np.linalg.svd(m, compute_uv=False) for m in matrices]
    return (
        np.mean([v.mean() for v in values]),
        np.mean([v.max() for v in values]),
        np.mean([v.min() for v in values]),
    )


def _batch(network, samples=6):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((samples, network.inputs))
    return x, np.arange(samples) % network.outputs


@pytest.mark.parametrize(
    "notation",
    [
        "7-9x4-5 tanh",
        "5-8x3-8 sigmoid init=lecun_normal scale=2 bias_std=0.3",
        "6-7-5:gelu-4 silu",
    ],
)
def test_engine_against_differences(notation):
    network = parse(notation)
    x, labels = _batch(network)
    found = read_initial(network, 1, x, labels, jacobian=True, gauges=False).jacobian
    forward = _logits(network, 1)
    expected = _expected([_by_differences(forward, row) for row in x])
    assert tuple(found.values.values()) == pytest.approx(expected, rel=1e-6)
    assert not found.estimated and found.samples == len(x)


def test_batch_normalization_keeps_the_batch_statistics_fixed():
    """The first layer's statistics are the batch's own; a row is moved, they are not."""
    network = parse("5-6-4 tanh norm=batch")
    x, labels = _batch(network)
    found = read_initial(network, 0, x, labels, jacobian=True, gauges=False).jacobian
    hidden, output = initial_parameters(network, 0)
    a = x @ hidden["weight"][0]
    mean, deviation = a.mean(axis=0), np.sqrt(a.var(axis=0) + 1e-3)

    def forward(rows):
        return np.tanh((rows @ hidden["weight"][0] - mean) / deviation) @ output["weight"][0]

    expected = _expected([_by_differences(forward, row) for row in x])
    assert tuple(found.values.values()) == pytest.approx(expected, rel=1e-6)


def test_estimate_is_exact_where_the_steps_suffice(monkeypatch):
    """Fewer singular values than Lanczos steps: largest and smallest to rounding, mean on
    average over random starts."""
    network = parse("12-20x3-8 tanh")
    x, labels = _batch(network, samples=4)
    exact = read_initial(network, 0, x, labels, jacobian=True, gauges=False).jacobian.values
    monkeypatch.setattr(engine, "MOST_ENTRIES", 1)
    found = read_initial(network, 0, x, labels, jacobian=True, gauges=False).jacobian
    assert found.estimated
    for name in ("jacobian_sv_max", "jacobian_sv_min"):
        assert found.values[name] == pytest.approx(exact[name], rel=1e-6)
    assert found.values["jacobian_sv_mean"] == pytest.approx(exact["jacobian_sv_mean"], rel=0.3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_entries_do_not_vanish(dtype):
    matrices = np.random.default_rng(0).standard_normal((3, 4, 6)).astype(dtype)
    plain = jacobian(LayerSignals(output_jacobian=matrices))
    tiny = jacobian(LayerSignals(output_jacobian=matrices * matrices.dtype.type(1e-30)))
    for name, value in plain.items():
        assert tiny[name] == pytest.approx(value * 1e-30, rel=1e-5)


def test_an_orthogonal_matrix_is_an_isometry_and_zero_is_zero():
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    assert list(jacobian(LayerSignals(output_jacobian=q[None])).values()) == pytest.approx([1] * 3)
    zeros = jacobian(LayerSignals(output_jacobian=np.zeros((2, 3, 4))))
    assert list(zeros.values()) == [0, 0, 0]


def test_what_is_not_finite_is_nan():
    matrices = np.ones((2, 3, 3))
    matrices[1, 0, 0] = np.inf
    assert all(np.isnan(v) for v in jacobian(LayerSignals(output_jacobian=matrices)).values())


def test_nothing_takes_it_unless_asked():
    """Neither training nor a probe pays for it."""
    names = {name for gauge in NETWORK_GAUGES for name in gauge.quantities}
    assert names == {"jacobian_sv_mean", "jacobian_sv_max", "jacobian_sv_min"}
    assert not names & set(PROBE_QUANTITIES)
    assert not set(NETWORK_GAUGES) & set(GAUGES)
    assert measure_network_gauges(LayerSignals()) == {}
