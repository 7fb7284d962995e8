"""Whether inputs are still distinguishable behind a layer."""

from __future__ import annotations

from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import norm, norm_of
from gradgauge.signals import Array, LayerSignals


def signal_spread(signals: LayerSignals) -> dict[str, Array]:
    """The share of the activations' power that differs from input to input.

        signal_spread = sum over units Var_inputs(h) / sum over units Mean_inputs(h^2)

    In [0, 1]; near 0 all inputs look alike behind this layer, and no optimiser can help.
    For two inputs of equal length it is (1 - c) / 2, c their correlation.

    Args:
        signals: needs `activation` (h), (batch, units).

    Returns:
        One dimensionless scalar; NaN where h is all zero.

    References:
        Poole et al. (2016), section 3; Schoenholz et al. (2017), section 3 (the correlation map).
    """
    h = signals.activation
    centred = h - array_namespace(h).mean(h, axis=0, keepdims=True)
    spread = ratio(norm(centred), norm_of(signals, "activation"))
    return {"signal_spread": spread * spread}


SIGNAL_SPREAD = Gauge(signal_spread, ("signal_spread",), frozenset({"activation"}))
