"""Figures that several rules read off a Run: attenuation, spread, shares of dead units."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.diagnosis.evidence import Evidence
from gradgauge.diagnosis.facts import Layer
from gradgauge.gauges.norms import decades

ALL = 0.999
"""Share of a layer's dead units from which on nothing passes it."""
_CHAIN = ("dense", "convolution", "recurrent", "attention", "other")


def chain(evidence: Evidence) -> list[int]:
    """Places of the layers along which the error signal is followed."""
    return [
        i
        for i in evidence.gradient_layers
        if evidence.layers[i].info.kind in _CHAIN and evidence.layers[i].info.called
    ]


def deltas(evidence: Evidence, probe: int) -> tuple[list[int], np.ndarray]:
    """Places and norms of delta per entry's root, of the layers that show one, at a probe.

    Norms are divided by the root of the layer's units: a wide layer's norm is larger for that
    alone.
    """
    values = evidence.probes("delta_norm")
    if not len(values):
        return [], np.zeros(0)
    row = values[probe]
    places = [i for i in chain(evidence) if math.isfinite(row[i])]
    units = np.array([max(evidence.layers[i].info.units, 1) for i in places], float)
    return places, row[places] / np.sqrt(units) if places else np.zeros(0)


def rms_decades(evidence: Evidence, probe: int) -> float:
    """Decades that are lost from the last layer to the first, -inf where nothing arrives.

    Of delta over the roots of their units: root mean squares, so that a narrow output layer's is
    no smaller for its width.

    `study.by_layer.attenuation` has the decades of the norms themselves.
    """
    places, norms = deltas(evidence, probe)
    if len(places) < 3 or not norms[-1] > 0:
        return math.nan
    return decades(float(norms[0]), float(norms[-1]))


def input_spread(evidence: Evidence) -> float:
    """The share of the inputs' power that differs from sample to sample."""
    shares = []
    for x in evidence.data.x:
        if x.dtype.kind not in "uif":
            continue
        flat = x.reshape(len(x), -1).astype(np.float64)
        power = float((flat**2).mean())
        if power > 0 and math.isfinite(power):
            shares.append(float(flat.var(axis=0).mean()) / power)
    return max(shares, default=1.0)


def worst_layer(values: np.ndarray) -> int | None:
    """The place of the largest value, the first of equals; None where there is none."""
    if not values.size or not np.isfinite(values).any():
        return None
    return int(np.nanargmax(np.where(np.isfinite(values), values, -np.inf)))


def last_seen(values: np.ndarray) -> int:
    """The last probe that shows anything, of (probe, layer)."""
    return int(np.flatnonzero(np.isfinite(values).any(axis=1))[-1])


def is_gated(layer: Layer) -> bool:
    """Whether a recurrent layer is an LSTM or a GRU: it has three or four matrices in one."""
    square = [w for w in layer.before if w.ndim == 2]
    return len(square) > 1 and square[1].shape[1] >= 3 * square[1].shape[0]


def learning_layers(evidence: Evidence) -> list[int]:
    """Places of the layers that should learn."""
    return [
        i
        for i in evidence.gradient_layers
        if evidence.layers[i].info.trainable and evidence.layers[i].in_optimizer
    ]


def cannot_move(evidence: Evidence) -> bool:
    """Whether no step of any rate can teach anything: no weight gets a gradient, or the optimizer
    has none of the weights."""
    reach = evidence.properties.reach
    without = bool(evidence.layers) and not learning_layers(evidence)
    return without or nothing_reached(evidence) or (reach is not None and reach.nothing)


def nothing_reached(evidence: Evidence) -> bool:
    """Whether no layer at all ever gets a gradient, and nothing else explains that.

    Dead or saturated units and weights of 0 have rules of their own, and what was learned before
    may have nothing left to learn.
    """
    places = learning_layers(evidence)
    if not places or evidence.run is None or born_broken(evidence):
        return False
    learning = evidence.learning
    if learning.before > evidence.limits["learning"]["had"].value:
        return False
    grads = evidence.probes("weight_grad_norm")
    if not len(grads) or np.any(np.nan_to_num(grads[:, places]) != 0):
        return False
    moved = [evidence.layers[i].moved for i in places]
    if evidence.steps and any(m is not False for m in moved):
        return False
    dead = evidence.first("dead")
    flat = np.nan_to_num(dead) if dead.size else np.zeros(1)
    shut = [i for i in places if evidence.layers[i].is_zero]
    return bool(flat.max(initial=0.0) <= ALL and not shut and not evidence.saturated_outputs)


def born_broken(evidence: Evidence) -> bool:
    """Whether the first step was not finite: a NaN is not the absence of a gradient."""
    history = evidence.history
    broke = history.non_finite_step if history is not None else None
    return broke is not None and broke <= 1
