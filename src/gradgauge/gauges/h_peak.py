"""How far the largest activation stands out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import norm_of
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def h_peak(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """The largest |h| over the root mean square of h, over batch and units.

    1 where all are equally large; about 4 or 5 for a Gaussian; hundreds where a few units carry
    outliers, which is what makes a transformer hard to compute in few bits.

    Args:
        signals: needs `activation` (h), (batch, units).

    Returns:
        One dimensionless scalar, at least 1; NaN where h is all zero.

    References:
        Dettmers et al. (2022), section 4; Sun et al. (2024), section 2.
    """
    h = signals.activation
    xp = array_namespace(h)
    count = math.prod(h.shape)
    return {"h_peak": ratio(xp.max(xp.abs(h)) * count**0.5, norm_of(signals, "activation"))}


H_PEAK = Gauge(h_peak, ("h_peak",), frozenset({"activation"}))
