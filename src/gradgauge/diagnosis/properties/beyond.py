"""A loss of probabilities has nothing to give beyond 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

_PERFECT = 1e-3
"""Loss of outputs equal to the targets, relative to that of one half everywhere: a smoothing term
leaves as much."""
_BELOW = 1e-2
"""How far below that a loss must fall to show that it goes on, on the same scale."""


def rewards_beyond_targets(
    loss: Callable[[np.ndarray], float], outputs: np.ndarray, targets: np.ndarray
) -> bool:
    """Whether a loss that has its zero where outputs are the targets falls below it beyond them.

    Overlaps such as Dice, Jaccard and Tversky do: their zero is at probabilities of 0 and 1, and
    outputs without a bound go past it. A distance has its least value there, a loss of logits has
    no zero there, and a sigmoid within the loss none either.

    Args:
        loss: of outputs, for the targets.
        outputs: of the model; some must lie outside of 0 to 1.
        targets: 0 and 1, of the shape of the outputs.
    """
    y = np.asarray(targets)
    if y.shape != outputs.shape or y.dtype.kind not in "iufb" or not np.isfinite(outputs).all():
        return False
    if set(np.unique(y)) != {0, 1} or (outputs.min() >= 0 and outputs.max() <= 1):
        return False
    y = y.astype(outputs.dtype)
    perfect, half = loss(y), loss(np.full_like(y, 0.5))
    if not (math.isfinite(perfect) and half > 0 and abs(perfect) <= _PERFECT * half):
        return False
    past = (loss(2 * y), loss(2 * y - 1), loss(1.5 * y))
    return any(math.isfinite(value) and value < perfect - _BELOW * half for value in past)
