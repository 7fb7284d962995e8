"""The loss depends on the outputs and, by a path, on every weight that is meant to learn."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

from gradgauge.diagnosis.limits import RuleLimits, shipped
from gradgauge.diagnosis.properties.experiment import Experiment

_SHIFTS = ((1, 0.1), (2, 0.5))
"""Seed and size of the moves at which gradients are asked again: a branch that begins at zero
has a gradient there, and so has a unit that was dead."""
_PARTS = (0.1, 0.02)
"""Shares of the weights at which they are asked once more: an output that was saturated, or a
probability that its loss clipped, has a gradient there."""
_MOST = 8
"""Weights that are moved one by one."""


@dataclass(frozen=True)
class Reach:
    """What the gradient of the loss reaches.

    Attributes:
        cut: weights with which the loss changes though its gradient is exactly 0, wherever the
            weights stand: places in `Experiment.names`.
        nothing: whether no weight at all gets a gradient, wherever the weights stand.
        within_model: where `nothing`: whether the outputs have no gradient either.
        constant: where `nothing`: whether the loss does not change with any weight or output.
        reason: why it cannot be told; empty: it can.
    """

    cut: tuple[int, ...] = ()
    nothing: bool = False
    within_model: bool = False
    constant: bool = False
    reason: str = ""


def reach(experiment: Experiment, limits: RuleLimits | None = None) -> Reach:
    """Gradients at the weights and beside them; where there is none, whether the loss moves.

    A gradient that is exactly 0 is no fault: units may be dead, a branch may begin at zero, an
    expert may be idle. It is one where the loss changes with the weight all the same, for then
    something on the way has no gradient: argmax, rounding, detaching, a way through NumPy.

    Args:
        experiment: the model, its loss and a batch.
        limits: of `unreached-layer`; None: the shipped ones.
    """
    moved = (shipped()["unreached-layer"] if limits is None else limits)["moved"].value
    loss, slopes = experiment.slopes()
    still = {i for i, slope in enumerate(slopes) if _none(slope)}
    if not math.isfinite(loss):
        return Reach(reason="non_finite_loss")
    for seed, scale, part in (
        *((*shift, 1.0) for shift in _SHIFTS),
        *((1, 0.1, p) for p in _PARTS),
    ):
        if not still:
            return Reach()
        with experiment.shifted(seed, scale, part=part):
            _, there = experiment.slopes()
        still = {i for i in still if _none(there[i])}
    if not still:
        return Reach()
    if experiment.loss() != experiment.loss():
        return Reach(reason="not_repeatable")
    if len(still) == len(slopes):
        return _nothing(experiment, slopes, moved)
    if not _stays_without(experiment, still, moved):
        return Reach()
    return Reach(cut=tuple(i for i in _some(still) if _stays_without(experiment, {i}, moved)))


def _nothing(experiment: Experiment, slopes: tuple[float | None, ...], moved: float) -> Reach:
    """That no weight gets a gradient is beyond doubt where no path leads to one, or where the
    loss changes with the weights all the same, or does not even look at the outputs. A network
    whose units are all dead does none of that."""
    no_path = all(slope is None for slope in slopes)
    if _stays_without(experiment, range(len(slopes)), moved):
        _, outputs = experiment.slopes(of="outputs")
        return Reach(nothing=True, within_model=all(map(_none, outputs)))
    if experiment.ignores_outputs() or no_path:
        return Reach(nothing=True, constant=True)
    return Reach(reason="nothing_moves")


def _stays_without(experiment: Experiment, only: Collection[int], moved: float) -> bool:
    """Whether the loss changes with these weights and still has no gradient where it went.

    From the weights as they are, and from weights that were moved all together: with the others
    at zero nothing might change. A unit that was dead and comes alive has a gradient.
    """
    for beside in (0.0, *(scale for _, scale in _SHIFTS)):
        with experiment.shifted(3, beside):
            plain = experiment.loss()
            with experiment.shifted(4, 1.0, only):
                if _apart(plain, experiment.loss(), moved):
                    return _still_none(experiment, only)
    return False


def _still_none(experiment: Experiment, only: Collection[int]) -> bool:
    _, slopes = experiment.slopes()
    return all(_none(slopes[i]) for i in only)


def _apart(a: float, b: float, moved: float) -> bool:
    return math.isfinite(a) and math.isfinite(b) and abs(b - a) > moved * max(abs(a), 1e-6)


def _none(slope: float | None) -> bool:
    return slope is None or slope == 0


def _some(places: Collection[int]) -> list[int]:
    """Some of many places, evenly."""
    ordered = sorted(places)
    stride = -(-len(ordered) // _MOST)
    return ordered[::stride]
