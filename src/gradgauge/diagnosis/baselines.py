"""Losses and scores of outputs, and of the best constant answer: what learning is held against."""

from __future__ import annotations

import math

import numpy as np

from gradgauge.parts import losses

_TINY = 1e-7
"""Keras clips probabilities to this."""


def class_indices(y: np.ndarray, kind: str) -> np.ndarray:
    """Classes as whole numbers, flat."""
    if kind == "categorical":
        return np.argmax(y, axis=-1).reshape(-1)
    return np.asarray(y).reshape(-1).astype(np.int64)


def probabilities(outputs: np.ndarray, kind: str, logits: bool | None) -> np.ndarray:
    """What the outputs say, as probabilities."""
    z = np.asarray(outputs, np.float64)
    if kind == "binary":
        return 1 / (1 + np.exp(-np.clip(z, -60, 60))) if logits else np.clip(z, 0.0, 1.0)
    if logits or logits is None:
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
    p = np.clip(z, 0.0, None)
    return p / np.maximum(p.sum(axis=-1, keepdims=True), _TINY)


def skill(outputs: np.ndarray, y: np.ndarray, kind: str, logits: bool | None) -> float:
    """How much better than the best constant answer, 1 being perfect: the kindest of several
    scores. NaN where that has no meaning."""
    if not np.isfinite(outputs).all() or not np.isfinite(np.asarray(y, np.float64)).all():
        return -math.inf
    if kind in ("categorical", "sparse_categorical"):
        return _class_skill(outputs, y, kind, logits)
    if kind == "binary":
        return _binary_skill(outputs, y, logits)
    if kind in ("mse", "mae", "huber"):
        return _regression_skill(outputs, y)
    return math.nan


def _class_skill(outputs: np.ndarray, y: np.ndarray, kind: str, logits: bool | None) -> float:
    labels = class_indices(y, kind)
    if outputs.shape[-1] < 2:
        return 0.0
    p = probabilities(outputs, kind, logits).reshape(-1, outputs.shape[-1])
    known = (labels >= 0) & (labels < p.shape[1])
    if len(labels) != len(p) or not known.any():
        return math.nan
    labels, p = labels[known], p[known]
    said = p.argmax(axis=1)
    shares = np.bincount(labels, minlength=p.shape[1]) / len(labels)
    present = np.flatnonzero(shares)
    if len(present) < 2:
        return math.nan
    entropy = -np.sum(shares[present] * np.log(shares[present]))
    loss = -np.log(np.clip(p[np.arange(len(p)), labels], _TINY, 1)).mean()
    recalls = [(said[labels == c] == c).mean() for c in present]
    return max(
        1 - loss / entropy,
        _above((said == labels).mean(), shares.max()),
        _above(float(np.mean(recalls)), 1 / len(present)),
    )


def _binary_skill(outputs: np.ndarray, y: np.ndarray, logits: bool | None) -> float:
    y = np.asarray(y, np.float64).reshape(len(y), -1)
    p = probabilities(outputs, "binary", logits).reshape(len(outputs), -1)
    if p.shape != y.shape:
        return math.nan
    share = np.clip(y.mean(axis=0), _TINY, 1 - _TINY)
    constant = -(share * np.log(share) + (1 - share) * np.log(1 - share)).mean()
    p = np.clip(p, _TINY, 1 - _TINY)
    loss = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    right = ((p > 0.5) == (y > 0.5)).mean()
    balanced = [
        0.5 * ((p[y[:, j] > 0.5, j] > 0.5).mean() + (p[y[:, j] <= 0.5, j] <= 0.5).mean())
        for j in range(y.shape[1])
        if 0 < (y[:, j] > 0.5).mean() < 1
    ]
    if not balanced:
        return math.nan
    majority = np.maximum((y > 0.5).mean(axis=0), (y <= 0.5).mean(axis=0)).mean()
    return max(1 - loss / constant, _above(right, majority), 2 * float(np.mean(balanced)) - 1)


def _regression_skill(outputs: np.ndarray, y: np.ndarray) -> float:
    y = np.asarray(y, np.float64).reshape(len(y), -1)
    out = np.asarray(outputs, np.float64).reshape(len(outputs), -1)
    if y.shape != out.shape:
        return math.nan
    spread = ((y - y.mean(axis=0)) ** 2).mean()
    middle = np.abs(y - np.median(y, axis=0)).mean()
    if spread <= 0:
        return math.nan
    with np.errstate(over="ignore"):
        square = 1 - ((out - y) ** 2).mean() / spread
    return max(square, 1 - np.abs(out - y).mean() / middle if middle > 0 else -math.inf)


def _above(score: float, base: float) -> float:
    return (score - base) / (1 - base) if base < 1 else 0.0


def constant_loss(y: np.ndarray, kind: str, smoothing: float = 0.0) -> float:
    """The loss of the best constant answer; NaN where it is not known."""
    y = np.asarray(y)
    if not np.isfinite(y.astype(np.float64)).all():
        return math.nan
    if kind not in ("categorical", "sparse_categorical"):
        return losses.constant_loss(kind, y)
    labels = class_indices(y, kind)
    if smoothing or labels.min(initial=0) < 0:
        return math.nan
    return losses.constant_loss("cross_entropy", labels)
