"""Loop: what a framework must be able to do to train somebody's own network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gradgauge.own.data import Batches, Tree, rows_of
from gradgauge.run import Run

OnStep = Callable[[int], None]
"""Told how many steps are made."""


@dataclass(frozen=True)
class Facts:
    """What a network says of itself.

    Attributes:
        parameters: how many numbers learn, biases and all.
        optimizer: its name.
        learning_rate: its rate at the start; NaN where it does not say.
        loss: its name.
        loss_kind: as `score.loss_kind`.
        device: what it is trained on.
        answers: whether its outputs can be asked for.
        on_cpu: whether its weights lie in this machine's own memory.
    """

    parameters: int
    optimizer: str
    learning_rate: float
    loss: str
    loss_kind: str
    device: str
    answers: bool = True
    on_cpu: bool = True


@dataclass(frozen=True)
class Watching:
    """How a training is watched.

    Attributes:
        name: what the Run calls the network.
        x, y: the probe batch.
        every, norms_every: see `watch`.
    """

    name: str
    x: Tree
    y: np.ndarray
    every: int
    norms_every: int


class Loop(Protocol):
    """A network with loss and optimizer, and how they are trained."""

    def facts(self) -> Facts:
        """What it says of itself."""
        ...

    def takes(self, x: Tree, y: np.ndarray) -> str:
        """Empty if a forward pass and the loss take these samples; else what they answer.

        Nothing is changed but that what is not built is built.
        """
        ...

    def weights(self) -> list[np.ndarray]:
        """All that learns, as it is."""
        ...

    def train(
        self,
        batches: Batches,
        watching: Watching | None = None,
        on_step: OnStep | None = None,
        most: int | None = None,
    ) -> Run | None:
        """Train on all batches, or on the first `most`; the Run if it is watched.

        It ends early at a loss that is not finite.
        """
        ...

    def broke(self) -> bool:
        """Whether the last training ended at a loss that is not finite."""
        ...

    def outputs(self, x: Tree, size: int) -> np.ndarray | None:
        """What it answers in evaluation mode, `size` samples at once; None where it cannot be
        asked."""
        ...

    def loss(self, x: Tree, y: np.ndarray, size: int) -> float:
        """The mean loss in evaluation mode."""
        ...


def mean_loss(
    loss: Callable[[Tree, np.ndarray], float], x: Tree, y: np.ndarray, size: int
) -> float:
    """The mean over samples of a loss that is the mean of its batch."""
    total = 0.0
    for at in range(0, len(y), size):
        rows = slice(at, at + size)
        total += loss(rows_of(x, rows), y[rows]) * len(y[rows])
    return total / len(y)
