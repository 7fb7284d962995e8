r"""d(logits)/d(input) of a network, sample by sample; by Lanczos where the matrix is too large.

Where a batch normalization couples the samples, the statistics of the batch are held fixed:
each sample then has a Jacobian of its own.

The estimate is that of Golub and Kahan: k steps of bidiagonalisation from a random start give
an upper bidiagonal B whose singular values s_i approximate those of the Jacobian from both ends,
and by Gauss quadrature mean s = sum over i of (first row of B's left vectors)_i^2 s_i, on
average over starts. jacobian_sv_max is then slightly too small, jacobian_sv_min too large.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.engine.build import LayerTable, Params
from gradgauge.engine.forward import hidden_layers, outputs
from gradgauge.engine.program_key import ProgramKey
from gradgauge.engine.programs import MOST_PROGRAMS
from gradgauge.engine.terms import JacobianFigures
from gradgauge.gauges import measure_network_gauges
from gradgauge.signals import LayerSignals

Array = Any
Product = Callable[[np.ndarray], np.ndarray]

SAMPLES = 32
"""Probe samples whose Jacobian is taken, at most."""

MOST_ENTRIES = 2**22
"""Entries of all samples' matrices together: 32 MiB in float64. Fewer samples where they are
larger; a single matrix beyond this is never formed, but estimated."""

_STEPS, _STARTS, _ESTIMATED_SAMPLES = 32, 4, 4


def jacobian_figures(
    key: ProgramKey,
    params: tuple[Params, ...],
    tables: tuple[LayerTable, ...],
    x: Array,
    estimate: bool | None = None,
) -> JacobianFigures:
    """Singular values of d(logits)/d(input), mean over the first samples of a batch.

    Args:
        key, params, tables: the network; parameters in the key's dtype.
        x: the probe batch, (batch, inputs); all of it gives a batch normalization's statistics.
        estimate: whether to estimate; None: if one matrix has more than MOST_ENTRIES.

    References:
        Golub & Kahan (1965); Ubaru, Chen & Saad (2017) for the quadrature.
    """
    entries = key.outputs * x.shape[1]
    running = _statistics(key, params, tables, x)
    if estimate or (estimate is None and entries > MOST_ENTRIES):
        rows = x[:_ESTIMATED_SAMPLES]
        found = [_estimated(o) for o in _operators(key, params, tables, running, rows)]
        values = {name: float(np.mean([f[name] for f in found])) for name in found[0]}
        return JacobianFigures(values, len(rows), True)
    rows = x[: max(1, min(SAMPLES, MOST_ENTRIES // entries))]
    matrices = np.asarray(_program(key)(params, tables, running, rows))
    figures = measure_network_gauges(LayerSignals(output_jacobian=matrices))
    return JacobianFigures({k: float(v) for k, v in figures.items()}, len(rows), False)


def _logits(key: ProgramKey, params: Any, tables: Any, running: Any, row: Array) -> Array:
    """The outputs of one sample, (outputs,)."""
    stream, _ = hidden_layers(key, params, tables, row[None], running=running, keep=False)
    return outputs(params, stream)[0]


def _jacobians(key: ProgramKey, params: Any, tables: Any, running: Any, x: Array) -> Array:
    """(samples, outputs, inputs): one vector-Jacobian product an output, all samples at once."""
    one = jax.jacrev(functools.partial(_logits, key, params, tables, running))
    return jax.vmap(one)(x)


@functools.lru_cache(maxsize=MOST_PROGRAMS)
def _program(key: ProgramKey) -> Callable[..., Array]:
    return jax.jit(functools.partial(_jacobians, key))


def _statistics(key: ProgramKey, params: Any, tables: Any, x: Array) -> Any:
    """The batch's own mean and variance in every layer, for a batch normalization."""
    if key.norm != "batch":
        return None
    _, taps = hidden_layers(key, params, tables, x)
    return tuple(
        {"mean": tap.statistics[0], "variance": tap.statistics[1]}
        for tap in taps
        if tap is not None and tap.statistics is not None
    )


@dataclass(frozen=True)
class _Operator:
    """A matrix that is never formed: its products, and the length of what `ahead` takes."""

    ahead: Product
    after: Product
    size: int


def _operators(
    key: ProgramKey, params: Any, tables: Any, running: Any, rows: Array
) -> Iterator[_Operator]:
    """Every sample's Jacobian or its transpose, whichever takes the shorter vectors: there no
    direction is lost by shape alone."""

    def logits(row: Array) -> Array:
        return _logits(key, params, tables, running, row)

    forward = jax.jit(lambda row, v: jax.jvp(logits, (row,), (v,))[1])
    back = jax.jit(lambda row, u: jax.vjp(logits, row)[1](u)[0])
    for row in rows:

        def ahead(v: np.ndarray, row: Array = row) -> np.ndarray:
            return np.asarray(forward(row, jnp.asarray(v, row.dtype)), np.float64)

        def after(u: np.ndarray, row: Array = row) -> np.ndarray:
            return np.asarray(back(row, jnp.asarray(u, row.dtype)), np.float64)

        if key.outputs <= row.shape[0]:
            yield _Operator(after, ahead, key.outputs)
        else:
            yield _Operator(ahead, after, row.shape[0])


def _estimated(operator: _Operator) -> dict[str, float]:
    """The three figures of one sample, over random starts."""
    rng, means, tops, ends = np.random.default_rng(0), [], [], []
    for _ in range(_STARTS):
        values, weights = _bidiagonal_values(operator, rng)
        means.append(float(weights @ values))
        tops.append(float(values.max()))
        ends.append(float(values.min()))
    return {
        "jacobian_sv_mean": float(np.mean(means)),
        "jacobian_sv_max": max(tops),
        "jacobian_sv_min": min(ends),
    }


def _bidiagonal_values(
    operator: _Operator, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Singular values after at most _STEPS steps, and their weights in the start vector.

    A V = U B with B upper bidiagonal; the first column of V is the start.
    """
    steps = min(_STEPS, operator.size)
    v = rng.standard_normal(operator.size)
    right, left = [v / np.linalg.norm(v)], []
    alphas: list[float] = []
    betas: list[float] = []
    for step in range(steps):
        u = operator.ahead(right[-1]) - (betas[-1] * left[-1] if betas else 0.0)
        u = _orthogonal(u, left)
        alphas.append(float(np.linalg.norm(u)))
        if not alphas[-1] > 0:
            break
        left.append(u / alphas[-1])
        v = _orthogonal(operator.after(left[-1]) - alphas[-1] * right[-1], right)
        beta = float(np.linalg.norm(v))
        if step + 1 == steps or beta <= 1e-12 * max(alphas):
            break
        betas.append(beta)
        right.append(v / beta)
    matrix = np.diag(alphas) + np.diag(betas[: len(alphas) - 1], 1)
    _, values, transposed = np.linalg.svd(matrix)
    return values, transposed[:, 0] ** 2


def _orthogonal(x: np.ndarray, basis: list[np.ndarray]) -> np.ndarray:
    """x without its parts along `basis`, taken out twice: rounding leaves some the first time."""
    for _ in range(2):
        for direction in basis:
            x = x - (direction @ x) * direction
    return x
