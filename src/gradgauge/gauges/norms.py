"""Norms that are right down to the smallest normal number of the dtype.

A float32 of 1e-25 squares to zero, and an instrument for vanishing gradients must not vanish
itself. `norm` divides by the largest entry first, always; where that costs too much, `is_safe`
says whether a naive sum of squares can be trusted (the engine asks it at every step).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from array_api_compat import array_namespace

from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

Axes = int | Sequence[int] | None


def norm(x: Float[Array, ...], axis: Axes = None) -> Float[Array, ...]:
    """Frobenius norm over `axis` (all axes if None). NaN or infinite where an entry is."""
    xp = array_namespace(x)
    if isinstance(axis, list):
        axis = tuple(axis)
    largest = xp.max(xp.abs(x), axis=axis, keepdims=True)
    finite_and_some = (largest > 0) & xp.isfinite(largest)
    divisor = xp.where(finite_and_some, largest, xp.ones_like(largest))
    scaled = x / divisor
    root = xp.sqrt(xp.sum(scaled * scaled, axis=axis, keepdims=True)) * divisor
    return xp.reshape(root, _kept_shape(x.shape, axis))


def norm_of(signals: LayerSignals, name: str) -> Float[Array, ""]:
    """Norm of a signal; taken once, however many gauges ask."""
    if name not in signals.norms:
        signals.norms[name] = norm(getattr(signals, name))
    return signals.norms[name]


def sum_of_squares(x: Float[Array, ...], axis: Axes = None) -> Float[Array, ...]:
    """Naive sum of squares over `axis`: trust it only where `is_safe` says so."""
    return array_namespace(x).sum(x * x, axis=axis)


def is_safe(total: Float[Array, "*shape"]) -> Bool[Array, "*shape"]:
    """Whether the root of a naive sum of squares is right to rounding, entry by entry.

    The sum must be finite, and so large that entries whose squares were lost to underflow
    (each below the smallest normal number) could not have changed it. An exact zero is
    not safe: it may be a lost signal.
    """
    xp = array_namespace(total)
    info = xp.finfo(total.dtype)
    least = float(info.smallest_normal) / float(info.eps) ** 2
    return (total > least) & xp.isfinite(total)


def decades(first: float, last: float) -> float:
    """log10(first / last) of two norms, however far apart; the quotient itself is never formed.

    Returns:
        -inf where nothing is left at the first, inf where nothing was sent; NaN where a norm is
        NaN, or both are 0.
    """
    return _log10(first) - _log10(last)


def _log10(x: float) -> float:
    if x == 0:
        return -math.inf
    return math.log10(x) if x > 0 else math.nan


def _kept_shape(shape: Sequence[int], axis: Axes) -> tuple[int, ...]:
    if axis is None:
        return ()
    axes = {a % len(shape) for a in ((axis,) if isinstance(axis, int) else axis)}
    return tuple(n for i, n in enumerate(shape) if i not in axes)
