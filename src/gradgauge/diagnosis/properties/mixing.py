"""A sample's output does not depend on the other samples of its batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradgauge.diagnosis.properties.experiment import LEAST_ROWS, Experiment

_CHANGED = 1e-4
"""A change of an output, relative to the outputs' size, that rounding does not make."""
_MOST_ROWS = 0.5
"""Share of the other rows that must change where no gradient can be asked: a place in a full
expert is taken from one row only."""


@dataclass(frozen=True)
class Mixing:
    """How far outputs depend on other samples.

    Attributes:
        share: share of the other rows whose outputs change with one sample, the largest of
            those tried; 0: no output depends on another sample.
        reason: why it cannot be told; empty: it can.
    """

    share: float = 0.0
    reason: str = ""


def batch_mixing(experiment: Experiment) -> Mixing:
    """Exchange one sample, and look at the outputs of the others.

    An exchange alone proves nothing: a router that sends a sample to another expert because the
    first one is full depends on the batch, and is meant to. Where inputs can be differentiated,
    one row's output must also have a gradient with respect to another row's input.
    """
    plain = experiment.outputs()
    reason = _unfit(experiment, plain)
    if reason:
        return Mixing(reason=reason)
    shares = {axis: _share(experiment, plain, axis) for axis in experiment.axes}
    share = min(shares.values())
    if share == 0:
        return Mixing()
    slopes = [experiment.row_slopes(row) for row in (0, experiment.rows - 1)]
    known = [np.delete(s, row) for s, row in zip(slopes, (0, -1), strict=True) if s is not None]
    if known:
        mixed = any(bool((other > 0).any()) for other in known)
        return Mixing(share) if mixed else Mixing()
    return Mixing(share) if share >= _MOST_ROWS else Mixing()


def _unfit(experiment: Experiment, plain: tuple[np.ndarray, ...]) -> str:
    rows = experiment.rows
    if rows < LEAST_ROWS:
        return "few_rows"
    if not plain or any(out.ndim == 0 or out.shape[0] != rows for out in plain):
        return "no_rows"
    if any(out.ndim > 1 and rows in out.shape[1:] for out in plain):
        # Outputs that hold a batch against itself, such as a matrix of similarities.
        return "pairs_of_rows"
    if not all(np.isfinite(out).all() for out in plain):
        return "non_finite_outputs"
    again = experiment.outputs()
    if _changed(plain, again).any():
        return "not_repeatable"
    return ""


def _share(experiment: Experiment, plain: tuple[np.ndarray, ...], axis: int) -> float:
    """The largest share of other places on an axis that change with one of them."""
    places = plain[0].shape[axis] if all(out.ndim > axis for out in plain) else 0
    if places < LEAST_ROWS:
        return 1.0 if axis else 0.0
    found = []
    for row in (0, places // 2, places - 1):
        changed = _changed(plain, experiment.outputs((row,), axis), axis)
        found.append(float(np.delete(changed, row).mean()))
    return max(found)


def _changed(
    plain: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...], axis: int = 0
) -> np.ndarray:
    """Which places on an axis differ."""
    found = np.zeros(plain[0].shape[axis], bool)
    for a, b in zip(plain, other, strict=True):
        a, b = (np.moveaxis(np.asarray(v, np.float64), axis, 0) for v in (a, b))
        apart = np.abs(b - a).reshape(len(a), -1).max(axis=1, initial=0.0)
        found |= ~(apart <= _CHANGED * max(float(np.abs(a).max(initial=0.0)), 1e-30))
    return found
