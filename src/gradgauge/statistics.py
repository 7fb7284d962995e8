"""Means, spreads and intervals over the members of an ensemble."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


@dataclass(frozen=True)
class Summary:
    """One quantity over several seeds.

    Attributes:
        values: one per seed.
        mean: arithmetic mean.
        std: sample standard deviation; 0 for one seed.
        interval: 95% interval of the mean, Student's t; None for one seed.
    """

    values: tuple[float, ...]
    mean: float
    std: float
    interval: tuple[float, float] | None


def summarize(values: ArrayLike, within: tuple[float, float] = (-math.inf, math.inf)) -> Summary:
    """Mean, standard deviation and 95% interval (Student's t over seeds) of `values`.

    Without any values, all of them are NaN.

    Args:
        values: one per seed.
        within: the possible range of the quantity; the interval is clipped to it.
    """
    x = np.asarray(values, dtype=np.float64)
    if not len(x):
        return Summary((), math.nan, math.nan, None)
    if len(x) < 2:
        return Summary(tuple(x.tolist()), float(x.mean()), 0.0, None)
    mean, std = float(x.mean()), float(x.std(ddof=1))
    half = _t_quantile(len(x) - 1) * std / math.sqrt(len(x))
    interval = max(mean - half, within[0]), min(mean + half, within[1])
    return Summary(tuple(x.tolist()), mean, std, interval)


@dataclass(frozen=True)
class Difference:
    """The difference of two means.

    Attributes:
        mean: first minus second.
        interval: 95% interval, Welch; None if a side has only one value, or one not finite.
        decided: whether the interval excludes 0; None without an interval.
    """

    mean: float
    interval: tuple[float, float] | None
    decided: bool | None


def difference(first: ArrayLike, second: ArrayLike, comparisons: int = 1) -> Difference:
    """First minus second, with Welch's interval.

    Args:
        first, second: the two samples.
        comparisons: number of such differences judged together; the interval is widened so
            that all of them hold jointly at the 95% level (Bonferroni).

    References:
        Welch (1947), The generalization of "Student's" problem.
    """
    a, b = np.asarray(first, np.float64), np.asarray(second, np.float64)
    mean = float(a.mean() - b.mean()) if len(a) and len(b) else math.nan
    if len(a) < 2 or len(b) < 2 or not math.isfinite(mean):
        return Difference(mean, None, None)
    va, vb = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    if va + vb == 0:
        return Difference(mean, (mean, mean), mean != 0)
    freedom = (va + vb) ** 2 / (va**2 / (len(a) - 1) + vb**2 / (len(b) - 1))
    half = _t_quantile(freedom, comparisons) * math.sqrt(va + vb)
    interval = (mean - half, mean + half)
    return Difference(mean, interval, not interval[0] <= 0 <= interval[1])


def _t_quantile(freedom: float, comparisons: int = 1) -> float:
    """Student's two-sided quantile. `scipy.special` alone: `scipy.stats` takes a second."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - (1 - LEVEL) / comparisons / 2))


def geometric_mean(values: np.ndarray, axis: int = 0) -> np.ndarray:
    """Geometric mean over `axis`; NaN where a value is NaN, 0 where one is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.exp(np.mean(np.log(np.asarray(values, np.float64)), axis=axis))
