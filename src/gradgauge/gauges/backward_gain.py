"""What a layer passes back, split into what the weights and what the slopes do to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.norms import norm, norm_of
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def backward_gain(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    r"""How much of the error signal a layer passes back, and what weakens it.

    With delta = dLoss/dz, g = dLoss/dh and * elementwise, backpropagation says
    delta = g * f'(z). In Frobenius norms over batch and units:

        backward_gain = |delta| / |delta_next|  =  weight_gain * slope_gain
        weight_gain   = |g| / |delta_next|
        slope_gain    = |g * f'(z)| / |g|       <= max |f'|  (sigmoid: 1/4)

    The right-hand sides use the activation's own slope, not delta, so the equality tests the
    taps. On a residual network g sums all paths.

    Args:
        signals: a hidden layer's. Needs `slope`, `activation_grad` (g) and `delta`, each
            (batch, units); `delta_next`, (batch, units of the next layer).

    Returns:
        Three dimensionless scalars. NaN where nothing arrived (0/0): then nothing was lost here.

    References:
        Glorot & Bengio (2010), section 4.2.1, eq. 2.
    """
    arrived = norm_of(signals, "delta_next")
    g = norm_of(signals, "activation_grad")
    sloped = norm(signals.activation_grad * signals.slope)
    return {
        "backward_gain": ratio(norm_of(signals, "delta"), arrived),
        "weight_gain": ratio(g, arrived),
        "slope_gain": ratio(sloped, g),
    }


def ratio(
    numerator: Float[Array, "*#shape"], denominator: Float[Array, "*#shape"]
) -> Float[Array, "*#shape"]:
    """numerator / denominator; NaN, without a warning, where the denominator is 0."""
    xp = array_namespace(denominator)
    zero = denominator == 0
    safe = xp.where(zero, xp.ones_like(denominator), denominator)
    return xp.where(zero, xp.full_like(denominator, float("nan")), numerator / safe)


BACKWARD_GAIN = Gauge(
    backward_gain,
    ("backward_gain", "weight_gain", "slope_gain"),
    frozenset({"slope", "activation_grad", "delta", "delta_next"}),
    hidden_only=True,
    over_seeds="geometric",
)
