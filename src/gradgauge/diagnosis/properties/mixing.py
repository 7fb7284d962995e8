"""A sample's output does not depend on the other samples of its batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradgauge.diagnosis.limits import RuleLimits, shipped
from gradgauge.diagnosis.properties.experiment import LEAST_ROWS, Experiment


@dataclass(frozen=True)
class Mixing:
    """How far outputs depend on other samples, or on the place among them.

    Attributes:
        share: share of the other rows whose outputs change with one sample, the largest of
            those tried; 0: no output depends on another sample.
        place: share of the samples whose outputs change with their place in the batch alone.
        reason: why it cannot be told; empty: it can.
    """

    share: float = 0.0
    reason: str = ""
    place: float = 0.0


def batch_mixing(experiment: Experiment, limits: RuleLimits | None = None) -> Mixing:
    """Exchange one sample, and look at the outputs of the others.

    An exchange alone proves nothing: a router that sends a sample to another expert because the
    first one is full depends on the batch, and is meant to. Where inputs can be differentiated,
    one row's output must also have a gradient with respect to another row's input.

    Args:
        experiment: the model and a batch.
        limits: of `batch-mixing`; None: the shipped ones.
    """
    limits = shipped()["batch-mixing"] if limits is None else limits
    changed, rows = limits["changed"].value, limits["rows"].value
    plain = experiment.outputs()
    reason = _unfit(experiment, plain, changed)
    if reason:
        return Mixing(reason=reason)
    shares = {axis: _share(experiment, plain, axis, changed) for axis in experiment.axes}
    share = min(shares.values())
    if share == 0:
        place = _by_place(experiment, plain, changed)
        return Mixing(place=place if place >= rows else 0.0)
    slopes = [experiment.row_slopes(row) for row in (0, experiment.rows - 1)]
    known = [np.delete(s, row) for s, row in zip(slopes, (0, -1), strict=True) if s is not None]
    if known:
        mixed = any(bool((other > 0).any()) for other in known)
        return Mixing(share) if mixed else Mixing()
    return Mixing(share) if share >= rows else Mixing()


def _unfit(experiment: Experiment, plain: tuple[np.ndarray, ...], limit: float) -> str:
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
    if _changed(plain, again, limit).any():
        return "not_repeatable"
    return ""


def _share(experiment: Experiment, plain: tuple[np.ndarray, ...], axis: int, limit: float) -> float:
    """The largest share of other places on an axis that change with one of them."""
    places = plain[0].shape[axis] if all(out.ndim > axis for out in plain) else 0
    if places < LEAST_ROWS:
        return 1.0 if axis else 0.0
    found = []
    for row in (0, places // 2, places - 1):
        changed = _changed(plain, experiment.outputs((row,), axis), limit, axis)
        found.append(float(np.delete(changed, row).mean()))
    return max(found)


def _by_place(experiment: Experiment, plain: tuple[np.ndarray, ...], limit: float) -> float:
    """The share of samples whose outputs change when all move on by one place."""
    if experiment.axes != (0,) or _changed(plain, experiment.outputs(seed=1), limit).any():
        return 0.0  # the place decides which random numbers a sample gets
    order = np.roll(np.arange(experiment.rows), 1)
    moved = experiment.outputs(order=order)
    return float(_changed(tuple(out[order] for out in plain), moved, limit).mean())


def _changed(
    plain: tuple[np.ndarray, ...], other: tuple[np.ndarray, ...], limit: float, axis: int = 0
) -> np.ndarray:
    """Which places on an axis differ, by more than `limit` of the outputs' size."""
    found = np.zeros(plain[0].shape[axis], bool)
    for a, b in zip(plain, other, strict=True):
        a, b = (np.moveaxis(np.asarray(v, np.float64), axis, 0) for v in (a, b))
        apart = np.abs(b - a).reshape(len(a), -1).max(axis=1, initial=0.0)
        found |= ~(apart <= limit * max(float(np.abs(a).max(initial=0.0)), 1e-30))
    return found
