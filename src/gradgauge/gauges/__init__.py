"""Every gauge. To add one: a file here, a line in GAUGES, a row in docs/gauges.md."""

from __future__ import annotations

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.backward_gain import BACKWARD_GAIN
from gradgauge.gauges.error_signal import DELTA_NORM, G_NORM
from gradgauge.gauges.moments import MOMENTS
from gradgauge.gauges.signal_spread import SIGNAL_SPREAD
from gradgauge.gauges.unit_states import DEAD, INACTIVE, SATURATED
from gradgauge.gauges.weight_grad import WEIGHT_GRAD
from gradgauge.gauges.weights import UPDATE_RATIO, WEIGHT_NORM
from gradgauge.signals import Array, LayerSignals

GAUGES: tuple[Gauge, ...] = (
    WEIGHT_GRAD,
    DELTA_NORM,
    G_NORM,
    BACKWARD_GAIN,
    WEIGHT_NORM,
    UPDATE_RATIO,
    MOMENTS,
    SIGNAL_SPREAD,
    SATURATED,
    INACTIVE,
    DEAD,
)

QUANTITIES: dict[str, Gauge] = {name: gauge for gauge in GAUGES for name in gauge.quantities}

STEP_QUANTITIES = ("weight_grad_norm", "weight_norm", "update_ratio")
"""Taken at every step, on the training batch; the rest at probes."""


def measure(signals: LayerSignals) -> dict[str, Array]:
    """All quantities that `signals` allow."""
    values: dict[str, Array] = {}
    for gauge in GAUGES:
        if gauge.can_read(signals):
            values.update(gauge.measure(signals))
    return values
