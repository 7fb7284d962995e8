"""Mean and standard deviation of what goes into and comes out of the activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def z_moments(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """Mean and standard deviation of z over batch and units.

    Args:
        signals: needs `pre_activation` (z), (batch, units).

    Returns:
        Two scalars, in the units of z.

    References:
        Glorot & Bengio (2010), section 3.
    """
    return _mean_and_std("z", signals.pre_activation)


def h_moments(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """Mean and standard deviation of h over batch and units.

    Args:
        signals: needs `activation` (h), (batch, units).

    Returns:
        Two scalars, in the units of h.

    References:
        Glorot & Bengio (2010), section 3.
    """
    return _mean_and_std("h", signals.activation)


def _mean_and_std(name: str, x: Float[Array, "batch units"]) -> dict[str, Float[Array, ""]]:
    xp = array_namespace(x)
    return {f"{name}_mean": xp.mean(x), f"{name}_std": xp.std(x)}


Z_MOMENTS = Gauge(z_moments, ("z_mean", "z_std"), frozenset({"pre_activation"}))
H_MOMENTS = Gauge(h_moments, ("h_mean", "h_std"), frozenset({"activation"}))
