"""Initial weights whose scale no standard initializer gives, and that theory says is wrong here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.diagnosis.facts import Layer
from gradgauge.diagnosis.rule import (
    FAULT,
    WARNING,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)
from gradgauge.diagnosis.signals import nothing_reached, rms_decades
from gradgauge.diagnosis.steps import tried_rates
from gradgauge.errors import UnknownName
from gradgauge.theory import init_advice

_KINDS = ("dense", "convolution", "recurrent")
_STANDARD_GAINS = (1 / math.sqrt(3), 1.0, math.sqrt(2))
"""PyTorch's default, LeCun and Glorot, He."""
_PLAIN_STD = 0.05
"""Keras's RandomNormal and RandomUniform."""
_PERIODIC = ("sin", "cos")
"""Sines are taken of a multiple of the layer's output, often 30: weights are made smaller by that
factor, which stands outside of the layer; Sitzmann et al. (2020), section 3.2."""


@dataclass(frozen=True)
class Scale:
    """A layer's initial scale.

    Attributes:
        layer: the layer.
        sigma_w: root of fan_in times the variance of its weights.
        off: its factor to the nearest standard initializer, above 1 too large, below too small.
        right: the sigma_w that theory asks for.
    """

    layer: Layer
    sigma_w: float
    off: float
    right: float

    @property
    def factor(self) -> float:
        """How far off, whichever way, at least 1."""
        return max(self.off, 1 / self.off) if self.off > 0 else math.inf


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """The layer that is furthest off, if it does harm."""
    scales = [s for layer in evidence.layers if (s := scale_of(layer)) is not None]
    if not scales:
        yield Silent("no_fresh_weights")
        return
    off = [s for s in scales if s.factor > limits["factor"].value]
    if not off:
        return
    harm = _harm(evidence, limits)
    worst = max(s.factor for s in off)
    gross = worst > limits["gross"].value
    fails = evidence.failing or nothing_reached(evidence)
    # Where nothing shows it at the start, and a lower rate alone brings the training back, the
    # weights are not what is wrong.
    rate_alone = any(trial.learns for trial in tried_rates(evidence, lower=True))
    blamed = ((evidence.lagging or gross) and harm) or (fails and not rate_alone)
    severity = FAULT if blamed else WARNING
    if severity == WARNING and not (harm or gross):
        return
    first = next(s for s in off if s.factor >= worst / 1.5 or math.isinf(worst))
    for scale in _order(off, first):
        yield _found(scale, severity, 0.9 if scale is first else 0.6, len(off), len(scales))


def _order(off: Sequence[Scale], first: Scale) -> list[Scale]:
    """The worst one alone, unless there are few: a list of every layer helps nobody."""
    return [first] if len(off) > 3 else [first, *(s for s in off if s is not first)]


def _found(scale: Scale, severity: str, certainty: float, off: int, layers: int) -> Found:
    fan_in = _fan_in(scale.layer)
    return Found(
        "too_large" if scale.off > 1 else "too_small",
        severity=severity,
        layer=scale.layer.name,
        value=scale.sigma_w,
        limit="factor",
        limit_value=scale.right,
        remedies=("right_gain", "standard_init"),
        facts={
            "gain": scale.right,
            "std": scale.right / math.sqrt(fan_in),
            "factor": scale.factor,
            "fan_in": fan_in,
            "activation": scale.layer.info.activation or "-",
            "off": off,
            "layers": layers,
        },
        certainty=certainty,
    )


def _harm(evidence: Evidence, limits: RuleLimits) -> bool:
    """Whether signals at the initial weights or the first loss show it."""
    decades = rms_decades(evidence, 0)
    if math.isfinite(decades) and abs(decades) > limits["decades"].value:
        return True
    saturated = [*evidence.saturated_at_init.values(), *np.nan_to_num(evidence.first("saturated"))]
    if max(saturated, default=0.0) >= evidence.limits["saturated-units"]["share"].value:
        return True
    learning = evidence.learning
    if not math.isfinite(learning.constant) or not learning.before < limits["ignorant"].value:
        return False
    return learning.initial > limits["initial_loss"].value * learning.constant


def scale_of(layer: Layer) -> Scale | None:
    """The initial scale of a layer's first matrix, or of a recurrent layer's worse one."""
    info = layer.info
    if info.kind not in _KINDS or layer.fresh is False or not info.called or not info.trainable:
        return None
    if info.activation in _PERIODIC:
        return None
    found = [s for w in layer.before[:2] if w.ndim > 1 and (s := _scale(layer, w)) is not None]
    if info.output:
        # Outputs may begin at 0: nothing lies above that would have to tell inputs apart.
        found = [s for s in found if s.off > 1]
    return max(found, key=lambda s: s.factor, default=None)


def _scale(layer: Layer, weight: np.ndarray) -> Scale | None:
    matrix = weight.reshape(-1, weight.shape[-1]).astype(np.float64)
    if matrix.size < 8 or not np.isfinite(matrix).all() or matrix.std() == 0:
        return None
    if np.ptp(matrix, axis=1).max() == 0:
        return None
    fan_in, fan_out = matrix.shape[0], _fan_out(layer, weight)
    std = float(np.sqrt(np.mean(matrix**2)))
    sigma_w = std * math.sqrt(fan_in)
    standard = [gain / math.sqrt(fan_in) for gain in _STANDARD_GAINS]
    standard += [math.sqrt(2 / (fan_in + fan_out)), 1 / math.sqrt(max(fan_in, fan_out)), _PLAIN_STD]
    # Sampling a small matrix leaves its own spread of 1 / sqrt(2 n).
    room = 1 + 3 / math.sqrt(2 * matrix.size)
    low, high = min(standard) / room, max(standard[:-1]) * room
    off = std / high if std > high else std / low if std < low else 1.0
    if layer.info.kind == "recurrent" and matrix.shape[0] == matrix.shape[1]:
        # The state is multiplied by it at every step: its largest eigenvalue is what grows.
        off = max(off, float(np.abs(np.linalg.eigvals(matrix)).max()))
    right = right_gain(layer.info.activation)
    if abs(math.log(sigma_w / right)) < abs(math.log(off)):
        # Unusual for an initializer, right for this activation: sigma_w = 10 for a sigmoid.
        off = math.copysign(1, 1)
    return Scale(layer, sigma_w, off, right)


def right_gain(activation: str) -> float:
    """The sigma_w that theory asks for after an activation; 1 for a linear or unknown one."""
    if activation in ("", "linear", "softmax"):
        return 1.0
    try:
        return init_advice(activation).sigma_w
    except UnknownName:
        return 1.0


def _fan_in(layer: Layer) -> int:
    return max(int(layer.before[0].reshape(-1, layer.before[0].shape[-1]).shape[0]), 1)


def _fan_out(layer: Layer, weight: np.ndarray) -> int:
    units = weight.shape[-1]
    receptive = int(np.prod(weight.shape[:-2])) if layer.info.kind == "convolution" else 1
    return units * max(receptive, 1)


RULE = Rule(
    "bad-initial-scale",
    check,
    paper="Glorot & Bengio (2010); He et al. (2015); Poole et al. (2016)",
    needs="weights",
)
