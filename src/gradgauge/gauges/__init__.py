"""Every gauge. To add one: a file here, a line in GAUGES (or, where it is of the whole network
and not of a layer, in NETWORK_GAUGES), a row in docs/gauges.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradgauge.gauges._gauge import Gauge
from gradgauge.gauges.backward_gain import BACKWARD_GAIN
from gradgauge.gauges.error_signal import DELTA_NORM, G_NORM
from gradgauge.gauges.h_peak import H_PEAK
from gradgauge.gauges.jacobian import JACOBIAN
from gradgauge.gauges.moments import H_MOMENTS, Z_MOMENTS
from gradgauge.gauges.signal_spread import SIGNAL_SPREAD
from gradgauge.gauges.stream_norm import STREAM_NORM
from gradgauge.gauges.unit_states import DEAD, INACTIVE, SATURATED
from gradgauge.gauges.weight_grad import WEIGHT_GRAD
from gradgauge.gauges.weights import UPDATE_RATIO, WEIGHT_NORM
from gradgauge.signals import Array, LayerSignals

if TYPE_CHECKING:
    from jaxtyping import Float

GAUGES: tuple[Gauge, ...] = (
    WEIGHT_GRAD,
    DELTA_NORM,
    G_NORM,
    BACKWARD_GAIN,
    WEIGHT_NORM,
    UPDATE_RATIO,
    Z_MOMENTS,
    H_MOMENTS,
    SIGNAL_SPREAD,
    SATURATED,
    INACTIVE,
    DEAD,
)
"""Of a layer."""

NETWORK_GAUGES: tuple[Gauge, ...] = (JACOBIAN,)
"""Of the whole network: one figure a member. They cost more than a pass, so that nothing takes
them unless asked (`engine/initial.py`); no Run keeps them."""

WATCHED_GAUGES: tuple[Gauge, ...] = (H_PEAK, STREAM_NORM)
"""Of a layer of somebody's own network: what nobody needs to know of a plain dense one, and what
the engine's programs therefore do not compute."""

QUANTITIES: dict[str, Gauge] = {name: gauge for gauge in GAUGES for name in gauge.quantities}

WATCHED_QUANTITIES: dict[str, Gauge] = {
    name: gauge for gauge in WATCHED_GAUGES for name in gauge.quantities
}

LAYER_QUANTITIES: dict[str, Gauge] = {**QUANTITIES, **WATCHED_QUANTITIES}
"""Of a layer, whoever measures them."""

STEP_QUANTITIES = ("weight_grad_norm", "weight_norm", "update_ratio")
"""Taken at every step, on the training batch; the rest at probes."""

PROBE_QUANTITIES: tuple[str, ...] = tuple(
    name for gauge in GAUGES if "update" not in gauge.needs for name in gauge.quantities
)
"""What a probe shows of every layer: all that needs no update."""

PROBE_SAMPLES = 1_000
"""The probe batch: the first so many training samples, or all if fewer."""


def measure(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """All quantities that `signals` allow."""
    values: dict[str, Array] = {}
    for gauge in GAUGES:
        if gauge.can_read(signals):
            values.update(gauge.measure(signals))
    return values


def measure_watched(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """All quantities of a watched layer that `signals` allow."""
    values = measure(signals)
    for gauge in WATCHED_GAUGES:
        if gauge.can_read(signals):
            values.update(gauge.measure(signals))
    return values


def measure_network_gauges(signals: LayerSignals) -> dict[str, Float[Array, ""]]:
    """All quantities of the whole network that `signals` allow."""
    values: dict[str, Array] = {}
    for gauge in NETWORK_GAUGES:
        if gauge.can_read(signals):
            values.update(gauge.measure(signals))
    return values
