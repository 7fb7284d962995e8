"""Mean and standard deviation of what goes into and comes out of the activation."""

from __future__ import annotations

from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.signals import Array, LayerSignals


def moments(signals: LayerSignals) -> dict[str, Array]:
    """Mean and standard deviation of z and h over batch and units.

    Args:
        signals: needs `pre_activation` and `activation`, each (batch, units).

    Returns:
        Four scalars, in the units of z and h.

    References:
        Glorot & Bengio (2010), section 3.
    """
    xp = array_namespace(signals.pre_activation)
    z, h = signals.pre_activation, signals.activation
    return {"z_mean": xp.mean(z), "z_std": xp.std(z), "h_mean": xp.mean(h), "h_std": xp.std(h)}


MOMENTS = Gauge(
    moments,
    ("z_mean", "z_std", "h_mean", "h_std"),
    frozenset({"pre_activation", "activation"}),
)
