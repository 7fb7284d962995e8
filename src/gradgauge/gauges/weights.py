"""Size of the weights, and of one step against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import norm_of
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def weight_norm(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """|W|.

    Args:
        signals: needs `weight`, (fan_in, units).

    Returns:
        One scalar.
    """
    return {"weight_norm": norm_of(signals, "weight")}


def update_ratio(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """|change of W in one step| / |W before it|: how far the optimizer moves the layer.

    Args:
        signals: needs `update` and `weight`, each (fan_in, units).

    Returns:
        One dimensionless scalar; NaN where all weights are zero.
    """
    return {"update_ratio": ratio(norm_of(signals, "update"), norm_of(signals, "weight"))}


WEIGHT_NORM = Gauge(weight_norm, ("weight_norm",), frozenset({"weight"}), over_seeds="geometric")
UPDATE_RATIO = Gauge(
    update_ratio, ("update_ratio",), frozenset({"update", "weight"}), over_seeds="geometric"
)
