"""Trials: the same training once more with one thing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradgauge.diagnosis.facts import Head, TrainingHistory


@dataclass(frozen=True)
class Change:
    """What is done otherwise than in the user's own training; by default nothing.

    Attributes:
        rate_factor: the learning rate is multiplied by this.
        scaled_inputs: every feature gets mean 0 and spread 1.
        weight_factors: layer's name -> what its initial matrices are multiplied by.
        clip_norm: the gradient's norm over all parameters is cut to this.
        activation: what the hidden layers' activations are replaced by, in lower case (`relu`).
        optimizer: a new optimizer of this name in lower case (`sgd`, `adam`), over everything
            that can learn, at the user's rate times `rate_factor`.
        seed: the initial weights are redrawn: every array's own entries in another order.
        left_out: a quarter of the probe samples is not trained on; outputs are of those alone.
    """

    rate_factor: float = 1.0
    scaled_inputs: bool = False
    weight_factors: Mapping[str, float] = field(default_factory=dict)
    clip_norm: float | None = None
    activation: str | None = None
    optimizer: str | None = None
    seed: int | None = None
    left_out: bool = False


UNCHANGED = Change()


@dataclass(frozen=True)
class TrialResult:
    """A training that was not watched."""

    history: TrainingHistory
    heads: tuple[Head, ...]


@dataclass(frozen=True)
class Trial:
    """A change that was tried, and what became of it.

    Attributes:
        change: what was done otherwise.
        losses: of its steps.
        learns: whether this one learns, or at least gets much further.
        heads: its outputs on the samples that were left out; empty: none were.
    """

    change: Change
    losses: np.ndarray
    learns: bool
    heads: tuple[Head, ...] = ()

    @property
    def final(self) -> float:
        """The loss at its end."""
        return float(np.mean(self.losses[-5:])) if len(self.losses) else float("nan")
