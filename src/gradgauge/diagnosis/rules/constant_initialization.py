"""Units that begin equal and stay equal: a layer of one unit, however wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradgauge.diagnosis.facts import Layer
from gradgauge.diagnosis.rule import (
    FAULT,
    NOTE,
    Evidence,
    Found,
    Rule,
    RuleLimits,
    Silent,
)

_KINDS = ("dense", "convolution", "recurrent", "attention", "embedding")


def check(evidence: Evidence, limits: RuleLimits) -> Iterator[Found | Silent]:
    """Hidden layers whose units all have the same incoming weights."""
    hidden = [layer for layer in evidence.layers if _counts(layer)]
    if not hidden:
        yield Silent("one_layer")
    for layer in hidden:
        spread = units_spread(layer.before, layer.biases, layer.info.kind)
        if spread > 0:
            yield from _biases_alone(evidence, layer)
            continue
        after = units_spread(layer.after, layer.biases_after, layer.info.kind)
        stays = not layer.after or after <= limits["spread"].value
        yield Found(
            "stays" if stays else "parted",
            severity=FAULT if stays or evidence.failing else NOTE,
            layer=layer.name,
            value=after if layer.after else spread,
            limit="spread",
            remedies=("random_init",),
            facts={"units": layer.info.units},
            certainty=0.95 if stays else 0.7,
        )


def _biases_alone(evidence: Evidence, layer: Layer) -> Iterator[Found]:
    """Units whose weights are equal and whose biases are not: all see the same projection of the
    inputs, and part slowly. A fault where the training lags; zeros in some layers may be meant (a
    branch that begins shut), so they must make it fail."""
    biases = (b for b in layer.biases if b.ndim == 1 and b.size > 1)
    if (
        not any(np.ptp(b) > 0 for b in biases)
        or units_spread(layer.before, (), layer.info.kind) > 0
    ):
        return
    meant = layer.is_zero and not _all_zero(evidence)
    if not (evidence.failing if meant else evidence.lagging):
        return
    yield Found(
        "biases",
        layer=layer.name,
        value=units_spread(layer.after, (), layer.info.kind),
        limit="spread",
        remedies=("random_init",),
        facts={"units": layer.info.units},
        certainty=0.8,
    )


def _all_zero(evidence: Evidence) -> bool:
    """Whether every hidden layer begins at zero: then no branch is left that would be open."""
    return all(layer.is_zero for layer in evidence.layers if _counts(layer))


def _counts(layer: Layer) -> bool:
    info = layer.info
    wide = any(w.ndim > 1 and w.shape[-1] > 1 for w in layer.before)
    return info.kind in _KINDS and not info.output and info.trainable and wide


def units_spread(weights: Sequence[np.ndarray], biases: Sequence[np.ndarray], kind: str) -> float:
    """The largest difference between units' incoming weights, relative to the weights' size."""
    arrays = [w for w in weights if w.ndim > 1]
    if kind not in ("recurrent", "attention"):
        arrays += [b.reshape(1, -1) for b in biases if b.ndim == 1 and b.size > 1]
    largest = 0.0
    for w in arrays:
        matrix = w.reshape(-1, w.shape[-1]).astype(np.float64)
        if kind in ("attention", "embedding"):
            matrix = matrix.reshape(1, -1)
        if kind == "recurrent" and len(arrays) > 1 and matrix.shape[1] % len(arrays[1]) == 0:
            # Columns are gates times units: units are compared gate by gate.
            matrix = matrix.reshape(-1, len(arrays[1]))
        if not np.isfinite(matrix).all():
            continue
        apart = float(np.max(matrix.max(axis=1) - matrix.min(axis=1), initial=0.0))
        size = float(np.abs(matrix).max(initial=0.0))
        largest = max(largest, apart / size if size else 0.0)
    return largest


RULE = Rule(
    "constant-initialization",
    check,
    paper="Goodfellow, Bengio & Courville (2016), section 8.4",
    static=True,
    needs="weights",
)
