"""How large the residual stream has become."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.norms import norm_of
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def stream_norm(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """The norm of the residual stream right after a layer whose output is added to it.

    In a pre-norm network every block adds to the stream, so that it grows with depth, and what a
    block adds weighs less and less.

    Args:
        signals: needs `stream`, (batch, units).

    Returns:
        One scalar, a Frobenius norm over batch and units.

    References:
        Xiong et al. (2020), section 3.
    """
    return {"stream_norm": norm_of(signals, "stream")}


STREAM_NORM = Gauge(stream_norm, ("stream_norm",), frozenset({"stream"}), over_seeds="geometric")
