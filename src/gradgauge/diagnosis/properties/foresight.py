"""What a model is to predict of a sequence, it does not read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

LEAST_PLACES = 3
MOST_ASKED = 4
"""Places that are changed one by one."""
_LEAST_KINDS = 3
"""Values that a sequence must have: of two, many agree by chance."""
_CHANGED = 1e-4
"""Relative change of outputs or slopes: a thousand times float32's rounding error."""


class Predicted(Protocol):
    """A model of sequences whose targets are its inputs, and its loss.

    All arrays are (rows, places, ...).
    """

    @property
    def inputs(self) -> np.ndarray: ...

    @property
    def targets(self) -> np.ndarray: ...

    def outputs(self, place: int | None = None) -> np.ndarray:
        """In evaluation mode; what stands at `place` of the inputs exchanged between rows."""
        ...

    def slopes(self, place: int | None = None) -> np.ndarray:
        """d(loss)/d(outputs); what stands at `place` of the targets exchanged between rows."""
        ...


@dataclass(frozen=True)
class Foresight:
    """What outputs know of their targets.

    Attributes:
        case: `sees_ahead`: an output depends on a later input that is its target; `not_shifted`:
            outputs of a causal model, whose targets are the inputs of the same place; empty:
            neither.
        share: share of the places tried for which it is so.
    """

    case: str = ""
    share: float = 0.0


def foresight(model: Predicted | None, ignored: int | None = None) -> Foresight | None:
    """Whether outputs see their targets; None: targets are not the inputs, moved or not.

    Which output a target belongs to is read off the loss, which may shift them itself: with
    another target at one place, the loss's slope changes at one place of the outputs. A model that
    reads in both directions and says its inputs again is an autoencoder, and may be meant.

    Args:
        model: asked place by place; None: it has no sequence.
        ignored: a target that the loss passes over.
    """
    shift = None if model is None else _shift(model.inputs, model.targets, ignored)
    if model is None or shift is None:
        return None
    found = list(_looked_at(model, shift, ignored))
    if len(found) < 2:
        return None
    ahead = [sees for apart, sees, _ in found if apart > 0]
    if len(ahead) == len(found) and any(ahead):
        return Foresight("sees_ahead", float(np.mean(ahead)))
    if all(apart == 0 and sees and causal for apart, sees, causal in found):
        return Foresight("not_shifted", 1.0)
    return Foresight()


def _shift(x: np.ndarray, y: np.ndarray, ignored: int | None) -> int | None:
    """How many places later the inputs are the targets: 0 or 1; None: they are not."""
    if x.shape != y.shape or x.ndim < 2 or x.shape[1] < LEAST_PLACES:
        return None
    fitting = []
    for shift in (0, 1):
        there, wanted = x[:, shift:], y[:, : y.shape[1] - shift]
        known = np.ones(wanted.shape, bool) if ignored is None else wanted != ignored
        kinds = len(np.unique(wanted[known]))
        if kinds >= _LEAST_KINDS and np.array_equal(there[known], wanted[known]):
            fitting.append(shift)
    return fitting[0] if len(fitting) == 1 else None


def _looked_at(
    model: Predicted, shift: int, ignored: int | None
) -> Iterator[tuple[int, bool, bool]]:
    """Of some targets: how far behind its output the target stands among the inputs, whether the
    output sees it, and whether no earlier output does."""
    y = model.targets
    last = y.shape[1] - 1 - shift
    known = [p for p in range(1, last + 1) if ignored is None or (y[:, p] != ignored).all()]
    places = [known[i] for i in np.unique(np.linspace(0, len(known) - 1, MOST_ASKED).astype(int))]
    outputs, slopes = model.outputs(), model.slopes()
    for place in places if known else ():
        of = np.flatnonzero(_changed(slopes, model.slopes(place)))
        if len(of) != 1:
            continue
        seen = _changed(outputs, model.outputs(place + shift))
        yield place + shift - int(of[0]), bool(seen[of[0]]), not seen[: place + shift].any()


def _changed(plain: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Which places differ."""
    apart = np.moveaxis(np.abs(np.asarray(other, np.float64) - plain), 1, 0)
    size = float(np.abs(plain).max(initial=0.0))
    return apart.reshape(len(apart), -1).max(axis=1) > _CHANGED * max(size, 1e-30)
