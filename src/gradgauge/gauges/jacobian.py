"""The singular values of the whole network's Jacobian: one figure a network, not a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from array_api_compat import array_namespace

from gradgauge.gauges._gauge import Gauge
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float


def jacobian(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    r"""How much the outputs move when an input does, in the strongest, weakest and mean direction.

        s_1 >= s_2 >= ... of d(logits)/d(input), for every sample;
        jacobian_sv_max = mean over samples of s_1, _min of the last, _mean of their mean

    There are min(outputs, inputs) of them, zeros counted. Where all are 1 (dynamical isometry)
    the way through the network turns a small change, but neither stretches nor loses it.

    Args:
        signals: of the network. Needs `output_jacobian`, (samples, outputs, inputs): of the
            output layer before its softmax.

    Returns:
        Three scalars in units of output over input. NaN where an entry is not finite.

    References:
        Saxe, McClelland & Ganguli (2014), section 3; Pennington, Schoenholz & Ganguli (2017).
    """
    matrices = signals.output_jacobian
    xp = array_namespace(matrices)
    largest = xp.max(xp.abs(matrices), axis=(1, 2))
    finite = xp.isfinite(largest)
    divisor = xp.where(finite & (largest > 0), largest, xp.ones_like(largest))
    # Entries so small that their squares vanish are scaled up first; what is not finite would
    # keep the decomposition from ending.
    scaled = xp.where(finite[:, None, None], matrices, xp.zeros_like(matrices))
    values = xp.linalg.svdvals(scaled / divisor[:, None, None])
    values = xp.where(finite, divisor, xp.full_like(largest, xp.nan))[:, None] * values
    return {
        "jacobian_sv_mean": xp.mean(values),
        "jacobian_sv_max": xp.mean(xp.max(values, axis=1)),
        "jacobian_sv_min": xp.mean(xp.min(values, axis=1)),
    }


JACOBIAN = Gauge(
    jacobian,
    ("jacobian_sv_mean", "jacobian_sv_max", "jacobian_sv_min"),
    frozenset({"output_jacobian"}),
    over_seeds="geometric",
)
