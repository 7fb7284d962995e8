"""Composite Gauss-Legendre rules for integrals against a standard normal density.

An integrand g(sqrt(q) z) has structure at two scales at once: the density's, about 1 in z,
and the activation's, about 1 in u = sqrt(q) z, which is 1/sqrt(q) in z. Panels end at both:
at fixed z, at kinks, and at u = 0, +-1.5, +-4.5, +-13.5, ...: on such a panel the nearest
pole of any activation here (arctan: u = +-i) lies on a Bernstein ellipse of rho > 3, so that
sixteen nodes leave an error below 3^-32 = 5e-16, whatever q is.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from jaxtyping import Float64

Floats = NDArray[np.float64]

Array = Any
"""NumPy's arrays and its numbers, which are arrays without axes."""

NODES = 16
"""Nodes on a panel."""

PAIR_NODES = 12
"""Nodes on a panel where the integral is a double one: 3^-24 = 4e-12."""

REACH = 9.0
"""Largest abs z that is integrated: the density beyond holds 2e-19."""

HALF_DENSITY_BREAKS = (0.0, 2.25, 4.5, REACH)
"""Panels wide enough for the density itself: error 1e-16 with sixteen nodes."""

_FIRST_GRADE = 1.5
_GRADE_RATIO = 3.0


@functools.cache
def legendre(
    points: int,
) -> tuple[Float64[Array, " {points}"], Float64[Array, " {points}"]]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return 0.5 * (nodes + 1), 0.5 * weights


@functools.cache
def graded(reach: float, kinks: tuple[float, ...]) -> Float64[Array, " ends"]:
    """Panel ends in u up to abs u = reach: 0, the kinks and a geometric ladder."""
    ladder = [0.0]
    step = _FIRST_GRADE
    while step < reach:
        ladder += [step, -step]
        step *= _GRADE_RATIO
    return np.unique(np.array([*ladder, *kinks]))


def grade_reach(reach: float) -> float:
    """`reach` rounded up to a power of ten, so that `graded` is built once for many reaches."""
    return 10.0 ** math.ceil(math.log10(max(reach, 1.0)))


def density(z: Float64[Array, "*nodes"]) -> Float64[Array, "*nodes"]:
    """The standard normal density."""
    return np.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))


def fill(
    starts: Float64[Array, "*panels"], widths: Float64[Array, "*panels"], points: int = NODES
) -> tuple[Float64[Array, "*panels {points}"], Float64[Array, "*panels {points}"]]:
    """Nodes and weights of panels [start, start + width]; a trailing axis of length `points`."""
    nodes, weights = legendre(points)
    return starts[..., None] + widths[..., None] * nodes, widths[..., None] * weights
