"""What the engine is asked for, and what it answers. Knows nothing of JAX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gradgauge.engine.build import Adjust
from gradgauge.listening import Listener
from gradgauge.run import Run
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

OnRun = Callable[[int, Run], None]
"""Handed an entry's number and its Run, from a worker's thread."""

Listeners = Callable[[int, int], Sequence[Listener]]
"""(entry's number, seed) -> who is told while that network is trained with that seed."""


class Stop(Protocol):
    """What ends a training from outside, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether the training is to end."""
        ...


@dataclass(frozen=True)
class Entry:
    """One network, trained once for every seed of its training.

    Attributes:
        name: what the Run calls it.
        network, training: its specs.
        adjust: a change of its initial parameters; None: as drawn.
    """

    name: str
    network: NetworkSpec
    training: TrainingSpec
    adjust: Adjust | None = None


@dataclass
class TrainingResult:
    """What `train` gives.

    Attributes:
        runs: one an entry, in order.
        interrupted: whether it was stopped before the end; runs then hold what was done.
        seconds: `compile`, `train`, `evaluate`: wall time.
    """

    runs: list[Run]
    interrupted: bool
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class JacobianFigures:
    """The Jacobian's gauges of one network.

    Attributes:
        values: quantity -> figure.
        samples: over how many probe samples.
        estimated: whether by Lanczos instead of the matrix.
    """

    values: dict[str, float]
    samples: int
    estimated: bool


@dataclass(frozen=True)
class InitialReading:
    """What one random network shows on one batch.

    Attributes:
        gauges: every probed quantity by layer, (layers,), the output layer last; empty if not
            asked for.
        jacobian: singular values of d(logits)/d(input); None if not asked for.
    """

    gauges: dict[str, np.ndarray]
    jacobian: JacobianFigures | None
