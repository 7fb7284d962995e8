"""Expectations of functions of one and of two correlated Gaussian variables.

Composite quadrature, exact at kinks, good to 1e-10 or better from q = 0 (a limit) to
q = 1e30: `_panels` says why. Closed forms are in `closed_forms`, both reached through `activation_moments`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.theory._panels import (
    HALF_DENSITY_BREAKS,
    NODES,
    PAIR_NODES,
    REACH,
    Array,
    Floats,
    density,
    fill,
    grade_reach,
    graded,
)

if TYPE_CHECKING:
    from jaxtyping import Float64, Int

Function = Callable[[Floats], Floats]
PairFunction = Callable[[Floats, Floats], Floats]

_SMALLEST_SCALE = 1e-100
"""Stands for sqrt(q) = 0: far below any structure, so one-sided slopes at 0 come out right."""

_DENSITY_BREAKS = np.array([*(-z for z in reversed(HALF_DENSITY_BREAKS[1:])), *HALF_DENSITY_BREAKS])


def scale_of(q: float | Float64[Array, "*lengths"]) -> Float64[Array, "*lengths"]:
    """sqrt(q), kept above zero so that q = 0 is the limit q -> 0."""
    return np.maximum(np.sqrt(np.asarray(q, dtype=np.float64)), _SMALLEST_SCALE)


def expectation(
    g: Function,
    q: float | Float64[Array, "*lengths"],
    kinks: tuple[float, ...] = (),
    points: int = NODES,
) -> Float64[Array, "*lengths"]:
    r"""E[g(u)], u ~ N(0, q), by composite Gauss-Legendre quadrature.

        E[g] = sum over panels of  int g(sqrt(q) z) exp(-z^2 / 2) / sqrt(2 pi) dz

    Args:
        g: elementwise on an array; smooth between `kinks`, growing at most as a power.
        q: variance(s), at least 0; at 0 the limit from above.
        kinks: the points u where g or a derivative of it jumps.
        points: nodes per panel; the error is about 1e-14 with 16, and 1e-8 with 8.

    Returns:
        One expectation for every q, in q's shape.

    References:
        Poole et al. (2016), eq. 3: the Gaussian integrals of the length map. The rule is
        ours; see `_panels`.
    """
    scale = scale_of(q)[..., None]
    inner = graded(grade_reach(REACH * float(scale.max())), kinks) / scale
    breaks = np.concatenate(
        [np.broadcast_to(_DENSITY_BREAKS, (*scale.shape[:-1], _DENSITY_BREAKS.size)), inner],
        axis=-1,
    )
    breaks = np.sort(np.clip(breaks, -REACH, REACH), axis=-1)
    z, weights = fill(breaks[..., :-1], np.diff(breaks, axis=-1), points)
    values = g(scale[..., None] * z)
    return np.sum(values * density(z) * weights, axis=(-2, -1))


def pair_expectation(
    g: PairFunction,
    q: float,
    decorrelation: float,
    kinks: tuple[float, ...] = (),
    points: int = PAIR_NODES,
) -> float:
    r"""E[g(u1, u2)] for Gaussian u1, u2 of variance q and correlation c = 1 - decorrelation.

    In the independent variables p and m, with eps = 1 - c,

        u1, u2 = sqrt(q (1 - eps / 2)) p +- sqrt(q eps / 2) m,

    the integral over m is split where u1 or u2 meets a kink, for every p, and the one over p
    where two such lines cross. eps instead of c keeps all digits where c is close to 1.

    Args:
        g: elementwise on two arrays, and symmetric: g(a, b) = g(b, a).
        q: the common variance, above 0.
        decorrelation: 1 - c, in [0, 1].
        kinks: the points where g jumps or bends in either argument.
        points: nodes on a panel, in both directions.

    Returns:
        The expectation.

    References:
        Poole et al. (2016), eq. 5: the integrals of the correlation map. The rule is ours.
    """
    scale = float(scale_of(q))
    common = scale * np.sqrt(1 - decorrelation / 2)
    apart = max(scale * np.sqrt(decorrelation / 2), _SMALLEST_SCALE)
    ladder = graded(grade_reach(REACH * (common + apart)), kinks)
    p, p_weights = _outer_rule(ladder, kinks, common, apart, points)
    row, m, m_weights = _inner_rule(ladder, common * p, apart, points)
    middle = (common * p)[row][:, None]
    values = g(middle + apart * m, middle - apart * m)
    panel = np.sum(values * density(m) * m_weights, axis=-1)
    return float(2 * np.sum(panel * (p_weights * density(p))[row]))


def _outer_rule(
    ladder: Float64[Array, " steps"],
    kinks: tuple[float, ...],
    common: float,
    apart: float,
    points: int,
) -> tuple[Float64[Array, " nodes"], Float64[Array, " nodes"]]:
    """Nodes and weights in p: kinks are blurred there over a width of about `apart`."""
    corners = np.array([0.0, *kinks])
    crossings = (corners[:, None] + corners[None, :]).ravel() / 2
    blurred = (corners[:, None] + apart * _DENSITY_BREAKS[None, :]).ravel()
    places = np.concatenate([ladder, crossings, blurred]) / common
    breaks = np.unique(np.clip(np.concatenate([_DENSITY_BREAKS, places]), -REACH, REACH))
    nodes, weights = fill(breaks[:-1], np.diff(breaks), points)
    return nodes.ravel(), weights.ravel()


def _inner_rule(
    ladder: Float64[Array, " steps"], middle: Float64[Array, " nodes"], apart: float, points: int
) -> tuple[
    Int[Array, " panels"], Float64[Array, "panels {points}"], Float64[Array, "panels {points}"]
]:
    """For every p, nodes and weights in m >= 0 on the panels that are not empty.

    Returns:
        The row (index of p) of each panel, and its nodes and weights, (panels, points).
    """
    places = (ladder[None, :] - middle[:, None]) / apart
    fixed = np.broadcast_to(HALF_DENSITY_BREAKS, (middle.size, len(HALF_DENSITY_BREAKS)))
    breaks = np.sort(np.clip(np.concatenate([np.abs(places), fixed], axis=1), 0.0, REACH), axis=1)
    widths = np.diff(breaks, axis=1)
    row, column = np.nonzero(widths > 0)
    nodes, weights = fill(breaks[row, column], widths[row, column], points)
    return row, nodes, weights
