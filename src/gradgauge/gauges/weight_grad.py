"""Size of a layer's weight gradient."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.norms import norm_of
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def weight_grad(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    r"""How large the gradient is that the optimizer gets for this layer's weights.

        weight_grad_norm = |dLoss/dW|,   weight_grad_rms = |dLoss/dW| / sqrt(number of entries)

    A flat profile of it over depth proves nothing: in bias-free ReLU networks
    <W, dLoss/dW> is the same number in every layer. Look at delta beside it.

    Args:
        signals: needs `weight_grad`, (fan_in, units).

    Returns:
        Two scalars, in units of loss per unit of weight.

    References:
        Glorot & Bengio (2010), section 4.2.
    """
    size = norm_of(signals, "weight_grad")
    return {
        "weight_grad_norm": size,
        "weight_grad_rms": size / math.prod(signals.weight_grad.shape) ** 0.5,
    }


WEIGHT_GRAD = Gauge(
    weight_grad,
    ("weight_grad_norm", "weight_grad_rms"),
    frozenset({"weight_grad"}),
    over_seeds="geometric",
)
