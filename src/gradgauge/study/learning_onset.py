"""When a network began to learn: the length of its plateau."""

from __future__ import annotations

import numpy as np

from gradgauge.run import Run

BELOW = 0.9
"""A network has begun to learn when its loss is below this share of the best constant's."""

WINDOW = 20
"""Steps over which the training loss is averaged: one batch's loss is too noisy."""

PARTS = 10
"""Of a short training the window is this part: a mean over all of it would hide when it began."""


def began_to_learn(run: Run, baseline: float) -> float | None:
    """Steps until the median member began to learn.

    Args:
        run: the network's.
        baseline: loss of the best prediction that does not look at its input.

    Returns:
        A number of steps; None if half of the members or more never did.
    """
    losses = run.values("steps", "loss")
    steps = run.groups["steps"].coords["step"]
    found = [_first_below(row, steps, BELOW * baseline) for row in losses]
    median = float(np.median(found)) if found else np.inf
    return median if np.isfinite(median) else None


def _first_below(losses: np.ndarray, steps: np.ndarray, limit: float) -> float:
    stride = int(steps[1] - steps[0]) if len(steps) > 1 else 1
    window = max(1, min(WINDOW // stride, len(losses) // PARTS))
    means = np.convolve(losses, np.ones(window) / window, mode="valid")
    below = np.flatnonzero(means < limit)
    return float(steps[below[0]]) if len(below) else np.inf
