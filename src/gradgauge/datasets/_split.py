"""Training and test rows out of data that has no such parts of its own."""

from __future__ import annotations

import numpy as np

TEST_SHARE = 0.2
_SEED = 0


def split(x: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """A fifth of the rows to test, the others to train; the same ones at every call.

    Args:
        x: (samples, ...).
        y: (samples, ...).

    Returns:
        x_train, y_train, x_test, y_test, each in shuffled order.
    """
    order = np.random.default_rng(_SEED).permutation(len(x))
    held = max(1, round(TEST_SHARE * len(x)))
    test, train = order[:held], order[held:]
    return {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}
