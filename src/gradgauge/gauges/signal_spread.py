"""Whether inputs are still distinguishable after a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import norm, norm_of
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def signal_spread(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """The share of the activations' power that differs from input to input.

        signal_spread = sum over units Var_inputs(h) / sum over units Mean_inputs(h^2)

    In [0, 1]; near 0 all inputs look alike after this layer, and no optimizer can help.
    For two inputs of equal length it is (1 - c) / 2, c their correlation.

    Args:
        signals: needs `activation` (h), (batch, units).

    Returns:
        One dimensionless scalar; NaN where h is all zero.

    References:
        Poole et al. (2016), section 3; Schoenholz et al. (2017), section 3 (the correlation map).
    """
    h = signals.activation
    mean = array_namespace(h).mean
    centered = h - mean(h, axis=0, keepdims=True)
    # The mean of many rows is itself rounded; what it missed would count as spread.
    centered = centered - mean(centered, axis=0, keepdims=True)
    spread = ratio(norm(centered), norm_of(signals, "activation"))
    return {"signal_spread": spread * spread}


def resolution(dtype: np.dtype | str) -> float:
    """The smallest signal_spread that arithmetic in `dtype` can tell from none at all.

    Rounding alone makes equal outputs differ by about eps times their size, so the share of their
    power that differs is about eps^2 whatever the inputs; eight times that (float32: 1.1e-13)
    leaves room for sums over a layer's inputs.

    Args:
        dtype: of the training: `float32`, `float64`.
    """
    return 8 * float(np.finfo(dtype).eps) ** 2


SIGNAL_SPREAD = Gauge(signal_spread, ("signal_spread",), frozenset({"activation"}))
