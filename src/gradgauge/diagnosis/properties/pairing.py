"""The batch axis of the outputs never meets another axis of the targets in an elementwise loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gradgauge.diagnosis.properties.experiment import Experiment, Pairing

_SAME = 1e-5
"""Relative change of the loss that the order of a sum makes."""


def mispaired(experiment: Experiment, met: Sequence[Pairing], by_intent: bool) -> Pairing | None:
    """The first operation that holds every output against every target without being meant to.

    What was made to meet on purpose has an axis inserted in outputs and targets; that is never
    a fault. Where an axis was inserted in one of the two, the loss is asked: it is a fault if
    it does not care which target belongs to which output.

    Args:
        experiment: asked for losses with targets in another order.
        met: operations in the loss in which the batch axis met another axis.
        by_intent: whether the loss compares pairs of rows elsewhere on purpose.
    """
    plain = [p for p in met if not p.inserted]
    if plain:
        return plain[0]
    if not met or by_intent or experiment.rows < 3:
        return None
    loss = experiment.loss()
    order = np.roll(np.arange(experiment.rows), 1)
    other = experiment.loss(order)
    return met[0] if _same(other, loss) else None


def axes_met(outputs: Sequence[int], targets: Sequence[int], rows: int) -> tuple[int, int] | None:
    """Places, from the right, of the batch axes of two shapes that broadcast apart.

    None where there is no such place in one of them, or where they meet each other.
    """
    a, b = _batch_axis(outputs, rows), _batch_axis(targets, rows)
    if a is None or b is None or a == b:
        return None
    return a, b


def _batch_axis(shape: Sequence[int], rows: int) -> int | None:
    places = [len(shape) - i for i, size in enumerate(shape) if size == rows]
    return places[0] if len(places) == 1 else None


def shape_of(shape: Sequence[int], rows: int) -> tuple[str, ...]:
    """A shape as text, the batch axis as B."""
    return tuple("B" if size == rows else str(size) for size in shape)


def held_against_all(
    loss: Callable[[np.ndarray, np.ndarray], float], outputs: np.ndarray, targets: np.ndarray
) -> Pairing | None:
    """A loss that holds every output against every target, told by its values alone.

    It does not care which target belongs to which output, but does care, and gives another
    value, where targets have the shape of the outputs. A loss that compares distributions, or
    sorts both, cares in neither.

    Args:
        loss: of outputs and targets.
        outputs, targets: of a batch of at least three rows, as many numbers in both.
    """
    rows = len(outputs)
    if rows < 3 or outputs.size != targets.size or outputs.shape == targets.shape:
        return None
    order = np.roll(np.arange(rows), 1)
    alike = targets.reshape(outputs.shape)
    plain, fitting = loss(outputs, targets), loss(outputs, alike)
    unmoved = _same(loss(outputs, targets[order]), plain)
    if not unmoved or _same(loss(outputs, alike[order]), fitting):
        return None
    return Pairing("", shape_of(outputs.shape, rows), shape_of(targets.shape, rows))


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= _SAME * max(abs(b), 1e-6)
