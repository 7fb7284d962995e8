"""How well outputs meet what was meant: figures between 0 and 1, larger is better."""

from __future__ import annotations

from typing import Any

import numpy as np


def accuracy(out: Any, truth: Any) -> float:
    """Share of right classes; one column: probabilities where all lie in 0..1, else logits."""
    out, truth = np.asarray(out), np.asarray(truth).reshape(-1)
    if out.shape[1] > 1:
        return float(np.mean(out.argmax(1) == truth))
    column = out[:, 0]
    inside = bool(np.all((column >= 0) & (column <= 1)))
    return float(np.mean((column > (0.5 if inside else 0.0)) == (truth > 0)))


def explained(out: Any, truth: Any) -> float:
    """Share of the variance that is explained."""
    truth = np.asarray(truth, np.float64)
    error = np.mean((np.asarray(out, np.float64).reshape(truth.shape) - truth) ** 2)
    return float(1 - error / np.mean((truth - truth.mean(0)) ** 2))


def bits(out: Any, truth: Any) -> float:
    """Share of right bits."""
    out = np.asarray(out)
    inside = bool(np.all((out >= 0) & (out <= 1)))
    return float(np.mean((out > (0.5 if inside else 0.0)) == (np.asarray(truth) > 0)))


def neighbors(out: Any, truth: Any) -> float:
    """Share of rows whose nearest other row is of their class: how well an embedding sorts."""
    out, truth = np.asarray(out, np.float64), np.asarray(truth).reshape(-1)
    squares = (out**2).sum(1)
    distance = squares[:, None] + squares[None] - 2 * out @ out.T
    np.fill_diagonal(distance, np.inf)
    return float(np.mean(truth[distance.argmin(1)] == truth))


SKILLS = {
    "multi-class": accuracy,
    "binary": accuracy,
    "regression": explained,
    "multi-label": bits,
}
