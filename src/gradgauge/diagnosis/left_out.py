"""Samples that a training is not given: whether what it learned is true of them as well.

A network can learn targets by heart that have nothing to do with its inputs, so the loss of the
training says nothing there. Outputs on samples that it has not seen do: they are held against the
same outputs with the targets in another order (a permutation test, Fisher 1935).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradgauge.diagnosis.baselines import skill
from gradgauge.diagnosis.facts import Head

SHARE = 4
"""One of so many probe samples is left out."""
LEAST = 50
"""Samples left out, below which nothing can be told."""
_ORDERS = 200
_QUANTILE = 0.95


@dataclass(frozen=True)
class Agreement:
    """Outputs and targets of samples that were not trained on.

    Attributes:
        skill: how much better than the best constant answer, 1 being perfect.
        by_chance: what outputs that know nothing of the targets stay below in 95 of 100 orders.
        samples: how many.
    """

    skill: float
    by_chance: float
    samples: int

    @property
    def related(self) -> bool:
        """Whether the outputs know something of the targets."""
        return not self.skill <= self.by_chance


def rows_left_out(samples: int) -> np.ndarray:
    """Places of the probe samples that are left out: the last ones."""
    return np.arange(samples - samples // SHARE, samples)


def of_rows(heads: Sequence[Head], rows: np.ndarray) -> tuple[Head, ...]:
    """The same outputs and targets, of some samples alone; none where they are not one a sample."""
    if any(h.after is None or len(h.after) != len(h.y) or rows[-1] >= len(h.y) for h in heads):
        return ()
    return tuple(
        dataclasses.replace(
            head,
            y=np.asarray(head.y)[rows],
            before=head.before[rows],
            after=None if head.after is None else head.after[rows],
            trained=None,
        )
        for head in heads
    )


def row_keys(inputs: Sequence[np.ndarray]) -> np.ndarray:
    """The bytes of every sample: equal samples have equal ones."""
    flat = [np.ascontiguousarray(x).reshape(len(x), -1) for x in inputs]
    return np.array([b"".join(x[i].tobytes() for x in flat) for i in range(len(flat[0]))], object)


def agreement(head: Head) -> Agreement:
    """Outputs on samples that were not trained on, against their targets."""
    y, after = np.asarray(head.y), head.before if head.after is None else head.after
    kind, logits = head.loss.kind, head.loss.logits
    draw = np.random.default_rng(0)
    chance = [skill(after, y[draw.permutation(len(y))], kind, logits) for _ in range(_ORDERS)]
    return Agreement(skill(after, y, kind, logits), float(np.quantile(chance, _QUANTILE)), len(y))
