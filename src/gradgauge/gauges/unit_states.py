"""Units that have stopped passing the error signal on: saturated, inactive, dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

SATURATED_BELOW = 0.05
"""A unit is saturated where abs f' is below this share of the largest abs f'."""


def saturated(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """Share of (sample, unit) entries whose slope is below 5 % of the largest slope.

    Args:
        signals: needs `slope`, (batch, units); `max_slope` and `saturates`, scalars.

    Returns:
        One scalar in [0, 1]; NaN where f is not bounded on both sides.

    References:
        Glorot & Bengio (2010), section 3.1.
    """
    xp = array_namespace(signals.slope)
    low = xp.abs(signals.slope) < SATURATED_BELOW * signals.max_slope
    share = _share(low, signals.slope)
    unknown = xp.full_like(share, float("nan"))
    return {"saturated": xp.where(xp.asarray(signals.saturates), share, unknown)}


def inactive(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """Share of (sample, unit) entries whose slope is exactly 0.

    Args:
        signals: needs `slope`, (batch, units).

    Returns:
        One scalar in [0, 1].
    """
    return {"inactive": _share(signals.slope == 0, signals.slope)}


def dead(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """Share of units whose slope is exactly 0 on every sample.

    Args:
        signals: needs `slope`, (batch, units).

    Returns:
        One scalar in [0, 1].

    References:
        Lu et al. (2019), section 2.
    """
    xp = array_namespace(signals.slope)
    return {"dead": _share(xp.all(signals.slope == 0, axis=0), signals.slope)}


def _share(condition: Bool[Array, "*entries"], like: Float[Array, ...]) -> Float[Array, ""]:
    xp = array_namespace(like)
    return xp.mean(xp.astype(condition, like.dtype))


SATURATED = Gauge(
    saturated, ("saturated",), frozenset({"slope", "max_slope", "saturates"}), hidden_only=True
)
INACTIVE = Gauge(inactive, ("inactive",), frozenset({"slope"}), hidden_only=True)
DEAD = Gauge(dead, ("dead",), frozenset({"slope"}), hidden_only=True)
