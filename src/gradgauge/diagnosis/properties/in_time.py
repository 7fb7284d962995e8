"""What outputs take from earlier places of a sequence, the gradient reaches, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradgauge.diagnosis.limits import RuleLimits, shipped

LEAST_PLACES = 3
MOST_ASKED = 4
"""Places without a gradient that are moved one by one."""


class InTime(Protocol):
    """A model whose inputs are sequences."""

    def slopes(self) -> np.ndarray | None:
        """By place, the largest entry of the outputs' gradient; None: not known."""
        ...

    def change(self, place: int) -> float:
        """The change of the outputs, relative to their size, with a small move of a place."""
        ...


@dataclass(frozen=True)
class Cut:
    """A sequence that the gradient follows only part of the way back.

    Attributes:
        places: how many places from the first one get no gradient though the outputs change
            with them; 0: none.
        length: places in all.
    """

    places: int = 0
    length: int = 0


def cut_in_time(model: InTime | None, limits: RuleLimits | None = None) -> Cut | None:
    """How many of the first places are cut off; None where there is no sequence.

    A pool takes one place of many, so a single place without a gradient is nothing: it is all the
    places before some moment, and they change the outputs.

    Args:
        model: asked place by place; None: it has no sequence.
        limits: of `unreached-layer`; None: the shipped ones.
    """
    changed = (shipped()["unreached-layer"] if limits is None else limits)["changed"].value
    slopes = None if model is None else model.slopes()
    if model is None or slopes is None or len(slopes) < LEAST_PLACES:
        return None
    reached = np.flatnonzero(slopes != 0)
    cut = int(reached[0]) if reached.size else 0
    if cut < 2:
        return Cut(0, len(slopes))
    some = np.unique(np.linspace(0, cut - 1, MOST_ASKED).astype(int))
    changes = [model.change(int(place)) for place in some]
    return Cut(cut if all(changed < c < np.inf for c in changes) else 0, len(slopes))
