"""A network at its initial weights, read once: gauges by layer and Jacobian, without training."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.engine import runtime  # noqa: F401  starts JAX: before anything imports it
from gradgauge.engine.build import initial_parameters, layer_tables
from gradgauge.engine.jacobian import JacobianFigures, jacobian_figures
from gradgauge.engine.probe import probe
from gradgauge.engine.program_key import Plan, plan_for
from gradgauge.engine.programs import precision
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

import jax  # isort: skip


@dataclass(frozen=True)
class InitialReading:
    """What one random network shows on one batch.

    Attributes:
        gauges: every probed quantity by layer, (layers,), the output layer last; empty if not
            asked for.
        jacobian: singular values of d(logits)/d(input); None if not asked for.
    """

    gauges: dict[str, np.ndarray]
    jacobian: JacobianFigures | None


def read_initial(
    network: NetworkSpec,
    seed: int,
    x: np.ndarray,
    labels: np.ndarray,
    jacobian: bool = False,
    gauges: bool = True,
    dtype: str = "float64",
) -> InitialReading:
    """Draw a network's weights and read it on one batch.

    Args:
        network: any spec.
        seed: of the weights, as in a training.
        x: the batch, (samples, inputs).
        labels: classes of the samples, (samples,).
        jacobian: whether to take the Jacobian: it costs `outputs` passes back.
        gauges: whether to take the gauges by layer.
        dtype: float32 or float64.
    """
    training = TrainingSpec(batch_size=len(x), dtype=dtype)
    activations = frozenset(network.activations)
    plan = plan_for(network, training, len(x), activations)
    with precision(dtype):
        as_dtype = functools.partial(_as, dtype=dtype)
        params = jax.tree.map(as_dtype, initial_parameters(network, seed))
        tables = jax.tree.map(as_dtype, layer_tables(network, plan.activations))
        rows = as_dtype(x)
        values = _probe_program(plan)(params, tables, rows, labels) if gauges else {}
        return InitialReading(
            {name: np.asarray(value) for name, value in values.items()},
            jacobian_figures(plan, params, tables, rows) if jacobian else None,
        )


def with_jacobian(run: Run, members: Sequence[JacobianFigures], moment: str = "first") -> Run:
    """A Run with the Jacobian's figures in its root group, `jacobian_sv_mean_first` and so on.

    Args:
        run: any.
        members: one a member, in its order.
        moment: "first" or "last", the weights that they were taken at.
    """
    axes = ("member",)
    added = {
        f"{name}_{moment}": (axes, np.array([figures.values[name] for figures in members]))
        for name in members[0].values
    }
    estimated = np.array([int(figures.estimated) for figures in members])
    added[f"jacobian_estimated_{moment}"] = (axes, estimated)
    variables = {**run.members.variables, **added}
    return dataclasses.replace(run, members=dataclasses.replace(run.members, variables=variables))


@functools.cache
def _probe_program(plan: Plan) -> Callable[..., dict[str, jax.Array]]:
    return jax.jit(functools.partial(probe, plan))


def _as(x: np.ndarray, dtype: str) -> jax.Array:
    array = np.asarray(x)
    return jax.device_put(array.astype(dtype) if array.dtype.kind == "f" else array)
