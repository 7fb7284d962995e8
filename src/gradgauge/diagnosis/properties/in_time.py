"""What outputs take from earlier places of a sequence, the gradient reaches, too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradgauge.diagnosis.limits import RuleLimits, shipped

LEAST_PLACES = 3


class InTime(Protocol):
    """A model whose inputs are sequences."""

    def along(self) -> tuple[np.ndarray, np.ndarray] | None:
        """By place: the relative change of the outputs with a small move of what stands there,
        and the largest entry of their gradient; None: there is no sequence."""
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


def cut_in_time(model: InTime, limits: RuleLimits | None = None) -> Cut | None:
    """How many of the first places are cut off; None where there is no sequence.

    A pool takes one place of many, so a single place without a gradient is nothing: it is all the
    places before some moment, and all of them change the outputs.

    Args:
        model: asked place by place.
        limits: of `unreached-layer`; None: the shipped ones.
    """
    changed = (shipped()["unreached-layer"] if limits is None else limits)["changed"].value
    found = model.along()
    if found is None or len(found[0]) < LEAST_PLACES:
        return None
    changes, slopes = found
    length = len(slopes)
    reached = np.flatnonzero(slopes != 0)
    if not reached.size or not np.isfinite(changes).all():
        return Cut(0, length)
    cut = int(reached[0])
    return Cut(cut if cut > 1 and bool((changes[:cut] > changed).all()) else 0, length)
