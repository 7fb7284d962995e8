"""One definition of a gauge on three array libraries: the same figure in all of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gradgauge.gauges import GAUGES, NETWORK_GAUGES, QUANTITIES, measure
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.signals import LayerSignals

import jax  # isort: skip
import jax.numpy as jnp  # isort: skip

FIELDS = sorted(set().union(*(gauge.needs for gauge in GAUGES)))
MEMBERS = 3


def signals(dtype: str) -> dict[str, np.ndarray]:
    """A saturating ReLU6-like layer's signals of MEMBERS members, a leading axis each."""
    rng = np.random.default_rng(5)
    z = rng.normal(size=(MEMBERS, 8, 6)) * 2
    z[:, :, 0] = -1.0  # a dead unit
    g = rng.normal(size=z.shape) * 1e-3
    slope = ACTIVATIONS["relu6"].slope(z)
    weight = rng.normal(size=(MEMBERS, 5, 6))
    values = {
        "pre_activation": z,
        "activation": ACTIVATIONS["relu6"].f(z),
        "slope": slope,
        "activation_grad": g,
        "delta": g * slope,
        "delta_next": rng.normal(size=(MEMBERS, 8, 4)),
        "weight": weight,
        "weight_grad": rng.normal(size=weight.shape),
        "update": weight * 1e-3,
        "max_slope": np.ones(MEMBERS),
    }
    arrays = {name: value.astype(dtype) for name, value in values.items()}
    return {**arrays, "saturates": np.ones(MEMBERS, bool)}


def of_member(values: dict[str, Any], member: int) -> dict[str, Any]:
    return {name: value[member] for name, value in values.items()}


def test_the_signals_above_are_all_that_gauges_need() -> None:
    assert sorted(signals("float32")) == FIELDS


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numpy_jax_and_pytorch_agree(dtype: str) -> None:
    values = signals(dtype)
    tolerance = 2e-6 if dtype == "float32" else 1e-13
    by_numpy = [measure(LayerSignals(**of_member(values, m))) for m in range(MEMBERS)]
    assert set(by_numpy[0]) == set(QUANTITIES)
    by_torch = [
        measure(
            LayerSignals(
                **{k: torch.from_numpy(np.asarray(v)) for k, v in of_member(values, m).items()}
            )
        )
        for m in range(MEMBERS)
    ]
    with jax.enable_x64(dtype == "float64"):
        arrays = {k: jnp.asarray(v) for k, v in values.items()}
        one = lambda values: measure(LayerSignals(**values))  # noqa: E731
        by_jax = jax.tree.map(np.asarray, jax.jit(jax.vmap(one))(arrays))
    for name in QUANTITIES:
        numpy_figures = np.array([by_numpy[m][name] for m in range(MEMBERS)])
        assert np.isfinite(numpy_figures).all(), name
        assert by_jax[name].dtype == np.dtype(dtype)
        np.testing.assert_allclose(by_jax[name], numpy_figures, rtol=tolerance, err_msg=name)
        torch_figures = [float(by_torch[m][name]) for m in range(MEMBERS)]
        np.testing.assert_allclose(torch_figures, numpy_figures, rtol=tolerance, err_msg=name)


def test_the_jacobians_gauge_agrees_too() -> None:
    matrices = np.random.default_rng(1).normal(size=(4, 3, 5))
    (gauge,) = NETWORK_GAUGES
    by_numpy = gauge.measure(LayerSignals(output_jacobian=matrices))
    by_torch = gauge.measure(LayerSignals(output_jacobian=torch.from_numpy(matrices)))
    with jax.enable_x64(True):
        by_jax = jax.jit(lambda m: gauge.measure(LayerSignals(output_jacobian=m)))(matrices)
    for name, figure in by_numpy.items():
        assert float(by_torch[name]) == pytest.approx(float(figure), rel=1e-12)
        assert float(by_jax[name]) == pytest.approx(float(figure), rel=1e-12)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_agree(name: str) -> None:
    z = np.linspace(-8, 8, 161)
    part = ACTIVATIONS[name]
    with jax.enable_x64(True):
        by_jax = [np.asarray(f(jnp.asarray(z))) for f in (part.f, part.slope)]
    by_torch = [f(torch.from_numpy(z)).numpy() for f in (part.f, part.slope)]
    by_numpy = [f(z) for f in (part.f, part.slope)]
    np.testing.assert_allclose(by_jax, by_numpy, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(by_torch, by_numpy, rtol=1e-12, atol=1e-14)
