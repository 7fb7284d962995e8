"""Size of the error signal before and after the activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.norms import norm_of
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def delta_norm(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """|delta|, delta = dLoss/dz: the error signal that arrives at the layer's pre-activation.

    Args:
        signals: needs `delta`, (batch, units).

    Returns:
        One scalar. Loss is the batch mean, so it falls as 1 / sqrt(batch).

    References:
        Rumelhart, Hinton & Williams (1986), eq. 6.
    """
    return {"delta_norm": norm_of(signals, "delta")}


def g_norm(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """|g|, g = dLoss/dh over all paths that leave h, skips included.

    Args:
        signals: needs `activation_grad`, (batch, units).

    Returns:
        One scalar.

    References:
        Rumelhart, Hinton & Williams (1986), eq. 8.
    """
    return {"g_norm": norm_of(signals, "activation_grad")}


DELTA_NORM = Gauge(delta_norm, ("delta_norm",), frozenset({"delta"}), over_seeds="geometric")
G_NORM = Gauge(g_norm, ("g_norm",), frozenset({"activation_grad"}), over_seeds="geometric")
