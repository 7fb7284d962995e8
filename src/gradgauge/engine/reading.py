"""Reads a network at its initial weights. Imports JAX; `initial.py` is the door."""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import numpy as np

from gradgauge.engine.build import initial_parameters, layer_tables
from gradgauge.engine.jacobian import jacobian_figures
from gradgauge.engine.probe import probe
from gradgauge.engine.program_key import ProgramKey, program_key
from gradgauge.engine.programs import MOST_PROGRAMS, precision
from gradgauge.engine.terms import JacobianFigures
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec


class InitialNetwork:
    """A network with its weights drawn, and the batch that it is read on.

    Args:
        network, seed, x, dtype: as for `read_initial`.
    """

    def __init__(self, network: NetworkSpec, seed: int, x: np.ndarray, dtype: str):
        training = TrainingSpec(batch_size=len(x), dtype=dtype)
        self._dtype = dtype
        self._key = program_key(network, training, len(x), frozenset(network.activations))
        with precision(dtype):
            as_dtype = functools.partial(_as, dtype=dtype)
            self._params = jax.tree.map(as_dtype, initial_parameters(network, seed))
            self._tables = jax.tree.map(as_dtype, layer_tables(network, self._key.activations))
            self._rows = as_dtype(x)

    def gauges(self, labels: np.ndarray) -> dict[str, np.ndarray]:
        """Every probed quantity by layer, (layers,)."""
        with precision(self._dtype):
            values = _probe_program(self._key)(self._params, self._tables, self._rows, labels)
            return {name: np.asarray(value) for name, value in values.items()}

    def jacobian(self) -> JacobianFigures:
        """Singular values of d(logits)/d(input)."""
        with precision(self._dtype):
            return jacobian_figures(self._key, self._params, self._tables, self._rows)


@functools.lru_cache(maxsize=MOST_PROGRAMS)
def _probe_program(key: ProgramKey) -> Callable[..., dict[str, jax.Array]]:
    return jax.jit(functools.partial(probe, key))


def _as(x: np.ndarray, dtype: str) -> jax.Array:
    array = np.asarray(x)
    return jax.device_put(array.astype(dtype) if array.dtype.kind == "f" else array)
