"""TrainingSpec: how to train it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from gradgauge.errors import InvalidValue, UnknownName
from gradgauge.parts.losses import LOSSES, loss
from gradgauge.parts.optimizers import OPTIMIZERS, optimizer
from gradgauge.parts.spelling import known_name
from gradgauge.spec.checks import (
    fraction,
    name_among,
    not_negative,
    positive,
    seed_count,
    whole_number,
)

SCHEDULES = ("constant", "cosine")
DTYPES = ("float32", "float64")

MOST_EPOCHS = 1_000_000
"""More is a slip: what is written down once an epoch would fill the memory."""

_NAMED = {"optimizer": OPTIMIZERS, "loss": LOSSES, "schedule": SCHEDULES, "dtype": DTYPES}
"""Fields that hold a name -> the names there are."""


@dataclass(frozen=True)
class TrainingSpec:
    """Training settings shared by all networks of a comparison.

    Attributes:
        optimizer: name of the optimizer (`parts.optimizers`).
        learning_rate: the learning rate, above 0.
        batch_size: samples per step; the last step of an epoch uses the remaining samples.
        epochs: passes over the training data, which is reshuffled in every epoch.
        seeds: one training run per seed; a seed determines initial weights and shuffling.
        loss: name of the loss (`parts.losses`).
        momentum: for optimizers that use it.
        weight_decay: for adamw.
        schedule: `constant`, or `cosine` decay of the learning rate to 0.
        warmup_steps: steps over which the learning rate first rises linearly from 0.
        clip_norm: maximum global norm of the gradients; 0 disables clipping.
        dtype: float32 or float64.

    Raises:
        InvalidValue, UnknownName: a field has an invalid value.
    """

    optimizer: str = "adam"
    learning_rate: float = 1e-3
    batch_size: int = 400
    epochs: int = 5
    seeds: tuple[int, ...] = (0,)
    loss: str = "cross_entropy"
    momentum: float = 0.9
    weight_decay: float = 0.004
    schedule: str = "constant"
    warmup_steps: int = 0
    clip_norm: float = 0.0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for field, known in _NAMED.items():
            name_among(field, getattr(self, field), known)
            object.__setattr__(self, field, known_name(getattr(self, field), known))
        optimizer(self.optimizer)
        positive("learning_rate", self.learning_rate)
        whole_number("batch_size", self.batch_size, 1)
        whole_number("epochs", self.epochs, 1, MOST_EPOCHS)
        seed_count("seeds", len(self.seeds))
        for seed in self.seeds:
            whole_number("seed", seed, 0)
        if len(set(self.seeds)) < len(self.seeds):
            raise InvalidValue("seeds", list(self.seeds), "distinct")
        loss(self.loss)
        fraction("momentum", self.momentum)
        not_negative("weight_decay", self.weight_decay)
        whole_number("warmup_steps", self.warmup_steps, 0)
        not_negative("clip_norm", self.clip_norm)
        for kind, name, known in (
            ("schedule", self.schedule, SCHEDULES),
            ("dtype", self.dtype, DTYPES),
        ):
            if name not in known:
                raise UnknownName(kind, name, known)

    def replace(self, **fields: Any) -> TrainingSpec:
        """A copy with some fields changed."""
        return dataclasses.replace(self, **fields)

    def steps_per_epoch(self, samples: int) -> int:
        """Number of steps in one epoch of `samples`.

        Raises:
            InvalidValue: the batch is larger than the data.
        """
        if self.batch_size > samples:
            raise InvalidValue("batch_size", self.batch_size, "at_most_samples", samples=samples)
        return -(-samples // self.batch_size)
