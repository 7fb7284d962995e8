"""Paired comparisons of several arms with one reference, over few seeds: sign flips, max-T.

If an arm is no better than the reference by more than delta, its differences less delta are as
likely with either sign, seed by seed: every one of the 2^n ways to flip them is as likely as the
one seen. The statistic of an arm is the cosine between its differences and the flips,

    u(s) = |sum_i s_i (d_i - delta)| / sqrt(n sum_i (d_i - delta)^2)  in [0, 1],

a monotone function of Student's t, for flips leave the sum of squares alone. Over all arms the
largest u of a flip is taken (max-T), with the same flip for all: seeds are shared, and so the
dependence between arms is kept.

References:
    Westfall & Young (1993), Resampling-Based Multiple Testing, section 2.6; Ernst (2004),
    Permutation Methods: A Basis for Exact Inference.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

LEVEL = 0.95
EXACT_UP_TO = 12
"""Seeds up to which all flips are gone through; above, FLIPS of them are drawn."""
FLIPS = 4_096
_ROUNDING = 1e-9
_HALVINGS = 40


@dataclass(frozen=True)
class Paired:
    """An arm against a reference, judged together with other arms.

    Attributes:
        mean: of the differences, arm minus reference.
        interval: all delta that are not rejected: simultaneous over the arms, 95 %.
        p: of delta = 0, adjusted for the number of arms.
        decided: whether the interval leaves out 0.
    """

    mean: float
    interval: tuple[float, float]
    p: float
    decided: bool


def least_seeds(arms: int) -> int:
    """Seeds from which so many arms can be decided at all: 2 / 2^n must reach .05 / arms; at
    least seven."""
    return max(7, math.ceil(math.log2(40 * max(arms, 1))))


def compare_paired(differences: Sequence[Sequence[float]], level: float = LEVEL) -> list[Paired]:
    """Every arm against the reference, all together.

    Args:
        differences: one row an arm: arm minus reference, one number a seed; the seeds the same
            in all rows.
        level: of the simultaneous intervals.
    """
    if not len(differences):
        return []
    d = np.asarray(differences, np.float64)
    flips = all_flips(d.shape[1])
    centered = d - d.mean(axis=1, keepdims=True)
    # What the other arms add to the largest statistic of each flip, each at its own mean.
    largest = _cosines(centered, flips)
    found: list[Paired] = []
    for arm, row in enumerate(d):
        others = np.delete(largest, arm, axis=0).max(axis=0, initial=0.0)
        found.append(_judged(row, others, flips, level))
    return found


def all_flips(seeds: int) -> np.ndarray:
    """Signs, (flips, seeds): every combination of few seeds, else drawn ones; none flipped
    first. A flip and its opposite have the same statistic, so that half of them are enough."""
    if seeds <= EXACT_UP_TO:
        rest = itertools.product((1.0, -1.0), repeat=seeds - 1)
        return np.array([(1.0, *signs) for signs in rest])
    rng = np.random.default_rng(seeds)
    drawn = rng.choice((1.0, -1.0), size=(FLIPS, seeds))
    drawn[0] = 1.0
    return drawn


def _cosines(rows: np.ndarray, flips: np.ndarray) -> np.ndarray:
    """u of every row and flip, (rows, flips); 0 where all differences are 0."""
    size = np.sqrt(rows.shape[1] * (rows**2).sum(axis=1, keepdims=True))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(size > 0, np.abs(rows @ flips.T) / size, 0.0)


def _judged(row: np.ndarray, others: np.ndarray, flips: np.ndarray, level: float) -> Paired:
    mean = float(row.mean())

    def p_at(delta: float) -> float:
        own = _cosines((row - delta)[None], flips)[0]
        if own[0] == 0:
            return 1.0
        return float((np.maximum(own, others) >= own[0] - _ROUNDING).mean())

    alpha = 1 - level
    low = _edge(p_at, mean, row, -1, alpha)
    high = _edge(p_at, mean, row, +1, alpha)
    return Paired(mean, (low, high), p_at(0.0), not low <= 0 <= high)


def _edge(
    p_at: Callable[[float], float], mean: float, row: np.ndarray, side: int, alpha: float
) -> float:
    """The end of the interval on one side of the mean, found by halving; infinite where no delta,
    however far, is rejected: too few seeds."""
    spread = float(np.ptp(row))
    if spread == 0:
        return mean
    reach = spread
    for _ in range(_HALVINGS):
        if p_at(mean + side * reach) <= alpha:
            break
        reach *= 2
    else:
        return side * math.inf
    inside, outside = 0.0, reach
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if p_at(mean + side * middle) <= alpha:
            outside = middle
        else:
            inside = middle
    return mean + side * outside
