"""Whether there is something to learn: a simple learner on the same samples.

Kernel ridge regression with a linear and a Gaussian kernel, judged by leaving one sample out,
which has a closed form: with H = K (K + lambda I)^-1, the residual of a left-out sample is
(y_i - (H y)_i) / (1 - H_ii). A fraction of a second, and no rate, no depth, no luck.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gradgauge.diagnosis.facts import Data, Head

MOST = 400
_RIDGES = (1e-3, 1e-2, 1e-1, 1.0)
_WIDTHS = (0.5, 1.0)


@dataclass(frozen=True)
class Reference:
    """What the simple learner reaches: a skill, 1 being perfect; NaN where it cannot be asked."""

    skill: float


def reference_of(data: Data, heads: Sequence[Head]) -> Reference:
    """The least of what it reaches over the heads."""
    features = _features(data)
    if features is None or not heads:
        return Reference(math.nan)
    found = [_skill(features, head) for head in heads]
    return Reference(min(found)) if all(map(math.isfinite, found)) else Reference(math.nan)


def _features(data: Data) -> np.ndarray | None:
    parts = []
    for x in data.x:
        x = np.asarray(x[:MOST])
        if data.tokens and x.ndim == 2 and x.dtype.kind in "uif":
            parts.append(_counts(x))
            continue
        if x.dtype.kind not in "uifb":
            return None
        flat = x.reshape(len(x), -1).astype(np.float64)
        if not np.isfinite(flat).all():
            return None
        spread = flat.std(axis=0)
        parts.append((flat - flat.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
    return np.concatenate(parts, axis=1) if parts else None


def _counts(tokens: np.ndarray) -> np.ndarray:
    """How often each token occurs, and which stands first and last."""
    names, index = np.unique(tokens, return_inverse=True)
    index = index.reshape(tokens.shape)
    if len(names) > 4_000:
        return index.astype(np.float64)
    counts = np.zeros((len(tokens), len(names)))
    np.add.at(counts, (np.arange(len(tokens))[:, None], index), 1.0)
    ends = np.concatenate([np.eye(len(names))[index[:, 0]], np.eye(len(names))[index[:, -1]]], 1)
    both = np.concatenate([counts, ends], axis=1)
    spread = both.std(axis=0)
    return (both - both.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _skill(x: np.ndarray, head: Head) -> float:
    kind, y = head.loss.kind, np.asarray(head.y[: len(x)])
    if len(y) < 8:
        return math.nan
    labels = None
    if kind in ("categorical", "sparse_categorical"):
        if (kind == "categorical" and y.ndim != 2) or (y.size != len(x) and kind != "categorical"):
            return math.nan
        labels = np.argmax(y, axis=1) if kind == "categorical" else y.reshape(-1).astype(int)
        names, labels = np.unique(labels, return_inverse=True)
        targets = np.eye(len(names))[labels]
    else:
        if kind == "other" or y.ndim > 2 or not np.isfinite(y.astype(np.float64)).all():
            return math.nan
        targets = y.reshape(len(y), -1).astype(np.float64)
    spread = targets.std(axis=0)
    if not (spread > 0).any():
        return math.nan
    return _best(x, targets[:, spread > 0], labels)


def _best(x: np.ndarray, targets: np.ndarray, labels: np.ndarray | None) -> float:
    """The best skill over kernels and ridges."""
    scale = np.ones(targets.shape[1]) if labels is not None else targets.std(axis=0)
    y = (targets - targets.mean(axis=0)) / scale
    best = 0.0
    for kernel in _kernels(x):
        values, vectors = np.linalg.eigh(kernel)
        values, inside = np.maximum(values, 0.0), vectors.T @ y
        for ridge in _RIDGES:
            keep = values / (values + ridge * len(x))
            fit, own = (vectors * keep) @ inside, (vectors**2) @ keep
            left_out = (y - fit) / np.maximum(1 - own, 1e-9)[:, None]
            best = max(best, 1 - float((left_out**2).sum() / (y**2).sum()))
            if labels is not None:
                right = float(((y - left_out).argmax(axis=1) == labels).mean())
                right -= 2 * math.sqrt(right * (1 - right) / len(labels))
                most = np.bincount(labels).max() / len(labels)
                best = max(best, (right - most) / (1 - most))
    return best


def _kernels(x: np.ndarray) -> list[np.ndarray]:
    gram = x @ x.T
    square = np.diag(gram)
    distance = np.maximum(square[:, None] + square[None] - 2 * gram, 0.0)
    middle = float(np.median(distance)) or 1.0
    linear = gram / max(float(square.mean()), 1e-12)
    return [linear, *(np.exp(-distance / (width * middle)) for width in _WIDTHS)]
