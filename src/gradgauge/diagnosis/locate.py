"""Where values stopped being finite: one order for all frameworks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradgauge.watchers.measure import Seen


def first_non_finite(
    shown: Sequence[Seen], names: Sequence[str], loss: float
) -> tuple[str, str] | None:
    """The layer and the operation that were not finite first; None: everything is finite.

    Forward in the order of the layers (weights, what goes into the activation, what comes out of
    it), then the loss, then backward from the last layer to the first.

    Args:
        shown: what the layers showed on one batch, in the order of the pass.
        names: the layers' names.
        loss: of that batch.
    """
    for name, row in zip(names, shown, strict=True):
        for value, operation in (
            (row.weight, "weights"),
            (row.z, "pre_activation"),
            (row.h, "activation"),
        ):
            if not _finite(value):
                return name, operation
    if not math.isfinite(loss):
        return names[-1], "loss"
    for name, row in zip(reversed(names), reversed(shown), strict=True):
        if not _finite(row.weight_grad):
            return name, "gradient"
    return None


def _finite(value: object) -> bool:
    return value is None or bool(np.isfinite(np.asarray(value, np.float64)).all())
