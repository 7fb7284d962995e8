"""A loss of the user's own is told to be a known one by its values, whoever computes it and how."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gradgauge.diagnosis.properties.experiment import LossCall

_SAME = 1e-4
"""Relative difference of two values that float32 and the order of a sum make."""
_CLIP = 1e-7
"""What probabilities are kept away from 0 and 1 by; Keras's epsilon."""

Values = tuple[float, np.ndarray, np.ndarray]
"""A loss with the outputs and targets that it is of."""


def known_call(seen: Sequence[Values]) -> LossCall | None:
    """The one known loss that gives the same value for every one of several outputs.

    Args:
        seen: two or more values, of outputs that differ; (rows, classes) or (rows, 1).
    """
    names = [set(_agreeing(*values)) for values in seen]
    common = set.intersection(*names) if len(names) > 1 else set()
    if len(common) != 1:
        return None
    (name,), (_, outputs, targets) = common, seen[0]
    return LossCall(name, outputs, targets)


def _agreeing(value: float, outputs: np.ndarray, targets: np.ndarray) -> Iterator[str]:
    o, y = np.asarray(outputs, np.float64), np.asarray(targets)
    if not np.isfinite(value) or not np.isfinite(o).all() or y.dtype.kind not in "iufb":
        return
    for name, of in _candidates(o, y):
        if abs(of() - value) <= _SAME * max(abs(value), 1e-3):
            yield name


def _candidates(o: np.ndarray, y: np.ndarray) -> Iterator[tuple[str, Callable[[], float]]]:
    labels = y.reshape(-1)
    if o.ndim == 2 and o.shape[1] > 1:
        weights = _weights(o.shape, y, labels)
        if weights is not None:
            yield "cross_entropy", lambda: _mean_of(weights, -_log_softmax(o))
            yield "cross_entropy_of_energies", lambda: _mean_of(weights, -_log_softmax(-o))
            yield "cross_entropy_over_rows", lambda: _mean_of(weights, -_log_softmax(o.T).T)
            if y.shape != o.shape and o.max() > 0 and not _are_distributions(o):
                # Targets of the outputs' shape may be vectors, and this their cosine; the mean
                # probability of the label is a loss, too.
                yield "nll_loss", lambda: _mean_of(weights, -o)
            # Some divide by the sum before they clip, some after.
            for p in (_clipped(o / _sums(o)), _clipped(o) / _sums(_clipped(o))):
                yield "categorical_crossentropy", lambda p=p: _mean_of(weights, -np.log(p))
    if o.size == y.size == len(o) > 2:
        apart = o.reshape(-1, 1) - labels.astype(np.float64)
        yield "mse_of_all_pairs", lambda: float(np.mean(apart**2))
        yield "mae_of_all_pairs", lambda: float(np.mean(np.abs(apart)))
    if o.size == y.size and y.min(initial=0) >= 0 and y.max(initial=0) <= 1:
        logits, true = o.reshape(-1), labels.astype(np.float64)
        yield (
            "binary_cross_entropy_with_logits",
            lambda: float(np.mean(np.logaddexp(0, logits) - true * logits)),
        )
        yield "binary_cross_entropy", lambda: _binary(_clipped(logits), true)


def _weights(shape: tuple[int, ...], y: np.ndarray, labels: np.ndarray) -> np.ndarray | None:
    """What every class of every row counts: targets as they are, or labels as one-hot rows."""
    if y.shape == shape:
        return y.astype(np.float64)
    whole = bool(np.all(labels == np.round(labels))) if labels.dtype.kind == "f" else True
    if labels.size != shape[0] or not whole:
        return None
    if labels.min() < 0 or labels.max() >= shape[1]:
        return None
    return np.eye(shape[1])[labels.astype(int)]


def _mean_of(weights: np.ndarray, costs: np.ndarray) -> float:
    return float((weights * costs).sum(axis=1).mean())


def _binary(p: np.ndarray, true: np.ndarray) -> float:
    return float(-np.mean(true * np.log(p) + (1 - true) * np.log(1 - p)))


def _log_softmax(o: np.ndarray) -> np.ndarray:
    shifted = o - o.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _are_distributions(o: np.ndarray) -> bool:
    return bool(o.min() >= 0 and np.abs(o.sum(axis=1) - 1).max() <= _SAME)


def _sums(o: np.ndarray) -> np.ndarray:
    sums = o.sum(axis=1, keepdims=True)
    return np.where(sums == 0, 1.0, sums)


def _clipped(p: np.ndarray) -> np.ndarray:
    # 1 - 1e-7 is another number in float32, and its distance from 1 is what counts.
    return np.clip(p.astype(np.float32), np.float32(_CLIP), np.float32(1 - _CLIP))
