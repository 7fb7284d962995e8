"""What the engine measures of a small network: the figures every watcher must repeat."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from gradgauge.engine.build import initial_parameters, layer_tables
from gradgauge.engine.probe import probe
from gradgauge.engine.program_key import program_key
from gradgauge.engine.programs import precision
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import parse
from gradgauge.spec.training import TrainingSpec

import jax  # isort: skip
import jax.numpy as jnp  # isort: skip

INPUTS, OUTPUTS, SAMPLES = 12, 5, 64
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Compiles in half the time; the arithmetic is the same."""

TOLERANCE = {"float32": 1e-5, "float64": 1e-10}


@dataclass(frozen=True)
class Reference:
    """A network, its data, its parameters, and the engine's gauges of it.

    Attributes:
        weights, biases: of every layer, (fan_in, units) and (units,).
        gauges: quantity -> (layers,); NaN without meaning.
    """

    network: NetworkSpec
    x: np.ndarray
    y: np.ndarray
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    gauges: dict[str, np.ndarray]


@functools.cache
def reference(notation: str, dtype: str) -> Reference:
    network = parse(notation)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(SAMPLES, INPUTS)).astype(dtype)
    y = rng.integers(0, OUTPUTS, SAMPLES)
    key = program_key(
        network,
        TrainingSpec(dtype=dtype, batch_size=SAMPLES),
        SAMPLES,
        frozenset(network.activations),
    )
    drawn = initial_parameters(network, 0)
    with precision(dtype):
        params = jax.tree.map(lambda a: jnp.asarray(a, dtype), drawn)
        tables = tuple(
            jax.tree.map(lambda a: jnp.asarray(a, dtype if a.dtype.kind == "f" else a.dtype), t)
            for t in layer_tables(network, key.activations)
        )
        arguments = (params, tables, jnp.asarray(x), jnp.asarray(y))
        traced = jax.jit(lambda *a: probe(key, *a)).lower(*arguments)
        found = traced.compile(compiler_options=QUICK)(*arguments)
        gauges = {name: np.asarray(value) for name, value in found.items()}
    weights = [w for block in drawn for w in block["weight"]]
    biases = [b for block in drawn for b in block["bias"]]
    return Reference(network, x, y, weights, biases, gauges)


def disagreement(ref: Reference, run: Run, probe_step: int = 0) -> dict[str, float]:
    """By quantity: the largest relative difference, infinite where the watcher has no figure."""
    worst = {}
    for name, expected in ref.gauges.items():
        got = run.values("probes", name)[0, probe_step]
        there = np.isfinite(expected)
        if not there.any():
            continue
        # A mean near zero is as exact as the values that it is the mean of.
        spread = ref.gauges[name.replace("mean", "std")][there] if name.endswith("mean") else 0.0
        scale = np.maximum(np.maximum(np.abs(expected[there]), spread), 1e-30)
        worst[name] = float(np.max(np.abs(got[there] - expected[there]) / scale))
        worst[name] = worst[name] if np.isfinite(worst[name]) else np.inf
    return worst
