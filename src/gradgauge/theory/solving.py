"""Roots and minima in one dimension, by SciPy.

SciPy's optimizers are imported when one is asked for: most of theory needs none of them, and they
take as long to import as all else that a page of theory needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LEAST_RTOL = 1e-14


def root(f: Callable[[float], float], low: float, high: float, xtol: float) -> float:
    """Where f changes its sign between two points.

    Args:
        f: has different signs at `low` and `high`.
        low, high: the ends.
        xtol: how near to the root in absolute terms; relative to the root, 1e-14 is enough.

    Raises:
        ValueError: f has the same sign at both ends.

    References:
        Brent (1973), Algorithms for Minimization without Derivatives, chapter 4.
    """
    from scipy.optimize import brentq

    options: Any = {"xtol": xtol, "rtol": _LEAST_RTOL}
    found: Any = brentq(f, low, high, **options)
    return float(found)


def least(
    f: Callable[[float], float], low: float, high: float, xatol: float
) -> tuple[float, float]:
    """A minimum between two points: where, and how much f is there.

    Args:
        f: is asked between `low` and `high` only.
        low, high: the ends.
        xatol: how near to the minimum.
    """
    from scipy.optimize import minimize_scalar

    best: Any = minimize_scalar(f, bounds=(low, high), method="bounded", options={"xatol": xatol})
    return float(best.x), float(best.fun)
