"""Which activation stands between z and h, by what it does to values and to gradients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

import numpy as np

from gradgauge.parts.activations import Activation
from gradgauge.watchers.activations import KNOWN, elu, leaky_relu, shrunk

_EXACT = 2e-5
"""How closely f and f' must repeat what was seen, in shares of it: the arithmetic of float32."""

_ROUNDINGS = 3
"""Roundings of the framework's own dtype between z and h, or between g and delta."""

EPS_FLOAT32 = 2.0**-23

_LEAST_CHANGES = 16
"""Full changes of a drawn factor, by chance, from which on their absence says something."""

_FEW = 64
"""Entries that most activations are ruled out by: an error there is one of all entries, too."""

_MADE_OF = {"gelu": "erf", "gelu_tanh": "tanh"}
"""Operations that tell apart activations whose values half floats do not."""


@dataclass(frozen=True)
class Sample:
    """Some entries of what was seen on both sides of an activation.

    Attributes:
        z: pre-activations.
        h: values after it; None: not seen.
        g, delta: gradients after and before it; None: not seen.
        eps: rounding of the dtype that the framework computed them in.
    """

    z: np.ndarray
    h: np.ndarray | None = None
    g: np.ndarray | None = None
    delta: np.ndarray | None = None
    eps: float = EPS_FLOAT32

    @property
    def tells(self) -> bool:
        """Whether there is anything to recognize an activation by: at one z alone, as a layer of
        zeros has it, many have one value and one slope."""
        if not self.z.size or np.all(self.z == self.z.flat[0]):
            return False
        values = self.h is not None and bool(np.any(self.h != 0))
        slopes = self.g is not None and self.delta is not None and bool(np.any(self.g != 0))
        return values or slopes


def recognized(
    sample: Sample, hint: Activation | None = None, parts: Collection[str] = ()
) -> Activation | None:
    """The known f with f(z) = h and g f'(z) = delta, entry by entry, or None.

    Where several ones would do (a ReLU and a ReLU6 whose z stay below 6), the first in the table.

    Args:
        sample: some entries; half floats are compared within their own rounding.
        hint: to try first.
        parts: the names of the operations between z and h, as far as they are known.
    """
    if not sample.tells:
        return hint
    with np.errstate(all="ignore"):
        if hint is not None and _fits(hint, sample) <= 1.0:
            return hint
        found = [(_fits(known, sample), known) for known in _candidates(sample)]
    best = min((fit for fit, _ in found), default=np.inf)
    if not best <= 1.0:
        return None
    close = [known for fit, known in found if fit <= max(2 * best, 0.05)]
    fitting = [known for fit, known in found if fit <= 1.0]
    made_so = [known for known in fitting if _MADE_OF.get(known.name) in parts]
    return next(iter(made_so or close))


def is_function(sample: Sample) -> bool:
    """Whether the factor between z and h follows from z, as that of a threshold written by hand
    does, and is not drawn, as a dropout's is, or laid over positions.

    In the order of z such a factor changes seldom, or little by little; a drawn one changes to and
    fro. Where too few entries would tell the two apart, it counts as drawn.
    """
    if sample.h is None:
        return False
    there = sample.z != 0
    order = np.argsort(sample.z[there], kind="stable")
    factors = (sample.h[there] / sample.z[there])[order]
    if not factors.size or not np.isfinite(factors).all():
        return False
    by_chance = _mean_difference(factors) * (factors.size - 1)
    rise = float(np.ptp(factors))
    telling = by_chance >= _LEAST_CHANGES * rise > 0
    return bool(telling and np.abs(np.diff(factors)).sum() <= by_chance / 4)


def _mean_difference(values: np.ndarray) -> float:
    """Gini's mean difference: |a - b| on average over all pairs, an entry with itself included."""
    count = values.size
    ranks = 2 * np.arange(count) - count + 1
    return float(2 * (ranks @ np.sort(values)) / count**2)


def _candidates(sample: Sample) -> Iterator[Activation]:
    yield from KNOWN.values()
    for fitted in (_fitted_leaky, _fitted_elu, _fitted_threshold):
        known = fitted(sample)
        if known is not None:
            yield known


def _fitted(sample: Sample, shape: Callable[[np.ndarray], np.ndarray]) -> float | None:
    """The factor of a slope that is `shape` below 0: the median over what was seen there."""
    if sample.g is None or sample.delta is None:
        return None
    below = (sample.z < 0) & (sample.g != 0)
    if not below.any():
        return None
    ratios = sample.delta[below] / sample.g[below] / shape(sample.z[below])
    value = float(np.median(ratios))
    return value if np.isfinite(value) else None


def _fitted_leaky(sample: Sample) -> Activation | None:
    slope = _fitted(sample, np.ones_like)
    return leaky_relu(slope) if slope is not None else None


def _fitted_elu(sample: Sample) -> Activation | None:
    alpha = _fitted(sample, np.exp)
    return elu(alpha) if alpha else None


def _fitted_threshold(sample: Sample) -> Activation | None:
    if sample.h is None:
        return None
    gone = np.abs(sample.z[sample.h == 0])
    width = float(gone.max(initial=0.0))
    return shrunk(width, soft=False) if 0 < width < np.inf else None


def _fits(known: Activation, sample: Sample) -> float:
    """The larger of the errors of value and slope, in shares of what is allowed."""
    away = np.ones(sample.z.shape, bool)
    for kink in known.kinks:
        away &= np.abs(sample.z - kink) > 4 * sample.eps * max(1.0, abs(kink))
    worst = 0.0
    if sample.h is not None:
        scale = float(np.max(np.abs(sample.h), initial=0.0))
        allowed = (_EXACT + _ROUNDINGS * sample.eps) * scale
        some = slice(None, None, max(1, sample.z.size // _FEW))
        if _largest_error(known, sample.z[some], sample.h[some]) > allowed:
            return np.inf
        worst = _share(_largest_error(known, sample.z, sample.h), allowed)
    if sample.g is not None and sample.delta is not None:
        g, delta = sample.g[away], sample.delta[away]
        error = float(np.linalg.norm(g * known.slope(sample.z[away]) - delta))
        steepest = known.max_slope if np.isfinite(known.max_slope) else 1.0
        # In norm, roundings of many entries do not add up as they do in the worst one of all.
        allowed = (_EXACT + sample.eps) * float(np.linalg.norm(delta))
        allowed += 0.5 * sample.eps * max(1.0, steepest) * float(np.linalg.norm(g))
        worst = max(worst, _share(error, allowed))
    return worst


def _largest_error(known: Activation, z: np.ndarray, h: np.ndarray) -> float:
    return float(np.max(np.abs(known.f(z) - h), initial=0.0))


def _share(error: float, allowed: float) -> float:
    if not np.isfinite(error):
        return np.inf
    return error / allowed if allowed > 0 else (0.0 if error == 0 else np.inf)
