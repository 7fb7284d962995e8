"""From what a watcher has seen of every layer to the gauges, by the gauges' own definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

# Here, where a watcher is made: `array_namespace` would load it in the user's first step, and half
# a second there would be taken for the price of a measurement.
import array_api_compat.numpy  # noqa: F401
import numpy as np
from array_api_compat import array_namespace

from gradgauge.gauges import PROBE_QUANTITIES, WATCHED_QUANTITIES, measure_watched
from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import norm
from gradgauge.layers import LayerInfo
from gradgauge.parts.activations import Activation
from gradgauge.signals import LayerSignals
from gradgauge.watchers.recognition import EPS_FLOAT32

Array = Any
NoteDown = Callable[[str, str, str], None]
"""(subject, reason, layer): that something is not applicable."""

_SLOPE_WITHIN = 1e-2
"""Half floats round, and at a kink frameworks may choose another one-sided slope."""

_ROUNDINGS = 4
"""Roundings between z and f'(z): 1 - h^2 of a saturated tanh is some of them away from f'(z)."""

EPS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float64": 2.0**-52}
"""Distance from 1 to the next number, by dtype."""

_TINY = float(np.finfo(np.float32).tiny)


@dataclass
class Seen:
    """What one layer showed on one batch; None: it could not be seen.

    Attributes:
        info: the layer.
        z, h, g, delta: see LayerSignals, each (rows, units); positions are rows.
        activation: None: f' is not known.
        weight, weight_grad: (fan_in, units), or all entries in a column.
        above: indices of the layers that read it first; None: the framework does not show them,
            and the order of calls has to do.
        source: identity of what went in: neighbors with one source stand side by side, as the
            query, key and value of attention do.
        stream: the residual stream after it, (rows, units); None: there is none, or it is not seen.
        eps: rounding of the numbers that the framework computed delta in.
    """

    info: LayerInfo
    z: Array = None
    h: Array = None
    g: Array = None
    delta: Array = None
    activation: Activation | None = None
    weight: Array = None
    weight_grad: Array = None
    above: tuple[int, ...] | None = None
    source: int | None = None
    stream: Array = None
    eps: float = EPS_FLOAT32

    @property
    def derived(self) -> bool:
        """Whether `slope_gain` can only be backward_gain / weight_gain, f' being unknown."""
        known = self.activation is not None and self.z is not None
        return not (known or self.info.output or self.delta is None or self.g is None)


def eps_of(dtype: Any) -> float:
    """A dtype's rounding; of what is no known float that of float32."""
    return EPS.get(str(dtype).rpartition(".")[2], EPS_FLOAT32)


def rows_of(x: Array, unit_axis: int = -1) -> Array:
    """Positions folded into the batch: (B, ..., units, ...) -> (rows, units)."""
    if x.ndim == 0:
        return x.reshape(1, 1)
    if x.ndim == 1:
        return x.reshape(-1, 1)
    axis = unit_axis % x.ndim
    if axis != x.ndim - 1:
        order = [*(i for i in range(x.ndim) if i != axis), axis]
        x = x.permute(order) if hasattr(x, "permute") else x.transpose(order)
    return x.reshape(-1, x.shape[-1])


def measure_layers(seen: Sequence[Seen]) -> dict[str, np.ndarray]:
    """PROBE_QUANTITIES and WATCHED_QUANTITIES of every layer, (layers,); NaN without meaning.

    The layer above a layer are those that read it first, together. Where the framework does not
    show them it is the next one in the order of calls whose delta is seen, together with those
    side by side with it; before the outputs it is all of them together.
    """
    values = {name: np.full(len(seen), np.nan) for name in (*PROBE_QUANTITIES, *WATCHED_QUANTITIES)}
    # A training that diverges is measured, not complained about.
    with np.errstate(all="ignore"):
        for index, row in enumerate(seen):
            arrived = _arrived(seen, index)
            found = {**measure_watched(_signals(row, arrived)), **_derived(row, arrived)}
            for name, value in found.items():
                values[name][index] = float(value)
    return values


def explained(seen: Sequence[Seen], note: Callable[[str, str, str], None]) -> list[Seen]:
    """The same, without the activations that do not explain what came back.

    There z leaves by another way, too: what comes after it is not this activation alone, and
    neither h nor g is one thing.

    Args:
        seen: what the framework showed.
        note: told (subject, reason, layer).
    """
    found = []
    with np.errstate(all="ignore"):
        for row in seen:
            if row.activation is not None and not slope_explains(row):
                note("slope", "branches", row.info.name)
                row = replace(row, activation=None, h=None, g=None)
            found.append(row)
    return found


def describe_slopes(seen: Sequence[Seen]) -> None:
    """Enter into the layers' descriptions what only their signals tell: whose f' is not known."""
    for row in seen:
        if row.z is not None and row.activation is None:
            row.info.activation = ""
        row.info.derived = row.derived


def slope_explains(row: Seen) -> bool:
    """Whether delta = g * f'(z), in norm: that nothing but the activation stands between.

    The framework rounds its f'(z), which lies in [0, max |f'|], to its own precision: what is
    smaller than that, of units in saturation, says nothing about what stands between.
    """
    if row.z is None or row.g is None or row.delta is None or row.activation is None:
        return True
    g, delta = row.g, row.delta
    for kink in row.activation.kinks:  # There each framework chooses a slope of its own.
        away = row.z != kink
        g, delta = g * away, delta * away
    expected = float(norm(g * row.activation.slope(row.z)))
    real = float(norm(delta))
    larger = max(expected, real)
    if not np.isfinite(larger) or larger < _TINY:
        return True
    steepest = row.activation.max_slope if np.isfinite(row.activation.max_slope) else 1.0
    rounded = _ROUNDINGS * row.eps * max(1.0, steepest) * float(norm(row.g))
    return abs(expected - real) <= _SLOPE_WITHIN * larger + rounded


def _arrived(seen: Sequence[Seen], index: int) -> Array | None:
    """The norms of delta above a layer, (1, layers): only their norm is read."""
    me = seen[index]
    if me.above is not None:
        return _together([seen[i] for i in me.above]) if not me.info.output else None
    end = index + 1
    while end < len(seen) and _beside(me, seen[end]):
        end += 1
    above = [row for row in seen[end:] if row.delta is not None and not row.info.output]
    used = [row for row in above if row is above[0] or _beside(above[0], row)]
    used = used or [row for row in seen if row.info.output and row.delta is not None]
    if me.info.output or not used:
        return None
    return _together(used)


def _together(rows: Sequence[Seen]) -> Array | None:
    """The norms of several layers' deltas, (1, layers); None where one is not seen."""
    if not rows or any(row.delta is None for row in rows):
        return None
    xp = array_namespace(rows[0].delta)
    return xp.reshape(xp.stack([norm(row.delta) for row in rows]), (1, -1))


def _beside(one: Seen, other: Seen) -> bool:
    return one.source is not None and one.source == other.source


def _signals(row: Seen, arrived: Array | None) -> LayerSignals:
    hidden = not row.info.output
    known = row.activation if hidden else None
    slope = known.slope(row.z) if known is not None and row.z is not None else None
    return LayerSignals(
        pre_activation=row.z,
        activation=row.h,
        slope=slope,
        activation_grad=row.g if hidden else None,
        delta=row.delta,
        delta_next=arrived,
        weight=row.weight,
        weight_grad=row.weight_grad,
        max_slope=known.max_slope if known else None,
        saturates=known.saturates if known else None,
        stream=row.stream,
    )


def _derived(row: Seen, arrived: Array | None) -> dict[str, Array]:
    """The gains of a layer whose f' is not known, as far as their ingredients are seen."""
    if arrived is None or (row.activation is not None and row.z is not None):
        return {}
    above = norm(arrived)
    gains: dict[str, Array] = {}
    if row.delta is not None:
        gains["backward_gain"] = ratio(norm(row.delta), above)
    if row.g is not None:
        gains["weight_gain"] = ratio(norm(row.g), above)
    if row.derived and len(gains) == 2:
        gains["slope_gain"] = ratio(gains["backward_gain"], gains["weight_gain"])
    return gains
