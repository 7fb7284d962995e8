"""Random search over the space that remedies and learning rates span: the control that a repair
has to stand beside.

The space, written down: none, one or two of the remedies that can be applied here, each number as
likely, two only where they go together; every knob from its range, and the factor of the learning
rate from that of the rates that the training as it is is tried at, both on a logarithmic scale. It
knows nothing of the findings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from gradgauge.remedies.known import Remedy
from gradgauge.remedies.trainer import RANDOM_SEARCH, Candidate, Dose

_MOST_TOGETHER = 2
_TRIES = 100


def draw(
    count: int,
    space: Sequence[Remedy],
    rate_range: tuple[float, float],
    rng: np.random.Generator,
    applies: Callable[[tuple[Dose, ...]], bool],
) -> list[Candidate]:
    """Candidates from the space.

    Args:
        count: how many.
        space: remedies that can be applied.
        rate_range: lowest and highest factor of the learning rate.
        rng: of its own.
        applies: whether doses can be applied together.
    """
    return [_draw_one(space, rate_range, rng, applies) for _ in range(count)]


def _draw_one(
    space: Sequence[Remedy],
    rate_range: tuple[float, float],
    rng: np.random.Generator,
    applies: Callable[[tuple[Dose, ...]], bool],
) -> Candidate:
    lowest, highest = rate_range
    factor = float(np.exp(rng.uniform(math.log(lowest), math.log(highest))))
    wanted = int(rng.integers(min(_MOST_TOGETHER, len(space)) + 1))
    for _ in range(_TRIES):
        picked = [space[i] for i in rng.choice(len(space), wanted, replace=False)]
        doses = tuple(Dose(remedy.key, remedy.knob.draw(rng)) for remedy in picked)
        together = len(picked) < _MOST_TOGETHER or picked[0].goes_with(picked[1])
        if together and applies(doses):
            return Candidate(RANDOM_SEARCH, doses, factor)
    return Candidate(RANDOM_SEARCH, (), factor)
