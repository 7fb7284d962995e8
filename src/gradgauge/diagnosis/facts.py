"""What is known of a training, in NumPy, whatever the framework: model, loss, data, history."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.layers import LayerInfo
from gradgauge.run import Run

CLASS_LOSSES = ("categorical", "sparse_categorical")

IGNORED = -100
"""The label that PyTorch's losses pass over, unless they are told another one."""


@dataclass(frozen=True)
class Loss:
    """What is minimized.

    Attributes:
        kind: `categorical`, `sparse_categorical`, `binary`, `mse`, `mae`, `huber` or `other`.
        name: as the framework calls it.
        logits: whether it takes logits (True), probabilities (False), log-probabilities (None)
            or, for regression, plain numbers (False).
        smoothing: label smoothing.
    """

    kind: str
    name: str
    logits: bool | None = False
    smoothing: float = 0.0


@dataclass(frozen=True)
class Head:
    """An output of the model, its loss and its targets.

    Attributes:
        layer: name of the layer it comes from; None where that is not known.
        activation: `softmax`, `log_softmax`, `sigmoid`, `linear`, another name; empty: unknown.
        loss: what is minimized of it.
        y: targets of the probe samples.
        before, after: outputs on the probe samples in inference mode, before and after training.
        trained: the same in training mode after training; None: not known.
        passed_over: share of the targets that name a class of the outputs which the loss ignores.
        pure: whether they are what the loss sees: there is no other mode in training.
        strict_shapes: whether the framework broadcasts targets to outputs (PyTorch does).
    """

    layer: str | None
    activation: str
    loss: Loss
    y: np.ndarray
    before: np.ndarray
    after: np.ndarray | None = None
    trained: np.ndarray | None = None
    strict_shapes: bool = False
    passed_over: float = 0.0
    pure: bool = False

    @property
    def units(self) -> int:
        """Size of the last axis of the outputs."""
        return int(self.before.shape[-1]) if self.before.ndim > 1 else 1


@dataclass(frozen=True)
class Optimizer:
    """What moves the weights.

    Attributes:
        name: `sgd`, `adam`, ...; lower case.
        rate: the learning rate at the start.
        can_vary: whether its rate can be set to try another one.
    """

    name: str
    rate: float
    can_vary: bool = True


@dataclass(frozen=True)
class Layer:
    """A layer's weights and place, beside what the Run says.

    Attributes:
        info: the Run's.
        before, after: its weight arrays, the first as (fan_in, units) where it is a matrix.
        biases, biases_after: its bias arrays.
        fresh: whether the weights look as an initializer left them; None: cannot be told.
        in_optimizer: whether the optimizer has its weights.
        block: name of the part of the model that was frozen as a whole; empty: none.
        moves: whether training changes its weights, where those are not at hand; None: not known.
        empty: whether its weights begin at zero, where those are not at hand.
        rate: its learning rate at the start, where the optimizer has several; NaN: not known.
    """

    info: LayerInfo
    before: tuple[np.ndarray, ...]
    after: tuple[np.ndarray, ...] = ()
    biases: tuple[np.ndarray, ...] = ()
    biases_after: tuple[np.ndarray, ...] = ()
    fresh: bool | None = None
    in_optimizer: bool = True
    block: str = ""
    moves: bool | None = None
    empty: bool = False
    rate: float = math.nan

    @property
    def name(self) -> str:
        """As the framework calls it."""
        return self.info.name

    @property
    def moved(self) -> bool | None:
        """Whether training changed its weights; None: not known."""
        if not self.after:
            return self.moves
        pairs = zip(self.before, self.after, strict=True)
        return any(not np.array_equal(a, b, equal_nan=True) for a, b in pairs)

    @property
    def is_zero(self) -> bool:
        """Whether all its weights begin at zero."""
        return not any(np.any(w) for w in self.before) if self.before else self.empty

    @property
    def stays_zero(self) -> bool:
        """Whether all its weights are zero and stay so."""
        still = not any(np.any(w) for w in self.after) if self.after else not self.moved
        return self.is_zero and still


@dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
        x: arrays of the probe samples, one an input of the model.
        samples: how many samples there are in all.
        batch_size: samples a step.
        x_bad, y_bad: how many of all samples hold a value that is not finite.
        tokens: whether x are indices into an embedding.
        divisible: whether single samples can be left out of the training.
    """

    x: tuple[np.ndarray, ...]
    samples: int
    batch_size: int
    x_bad: int = 0
    y_bad: int = 0
    tokens: bool = False
    divisible: bool = False

    @property
    def epoch(self) -> int:
        """Steps of one pass; 0: not known."""
        return -(-self.samples // self.batch_size) if self.batch_size > 0 else 0


@dataclass(frozen=True)
class Schedule:
    """The learning rate over a training: as it was, or as it will be.

    Attributes:
        steps: at which it is known, counted from 0.
        rates: there; of several groups of weights the largest.
        base: what the schedule starts from: the rate that the optimizer was given.
        sure: whether it is known when the schedule steps, not guessed.
        recorded: whether it is what was, not what will be.
        top: of a recorded one-cycle schedule the rate that it rises to; NaN: not known.
    """

    steps: np.ndarray
    rates: np.ndarray
    base: float
    sure: bool = True
    recorded: bool = False
    top: float = math.nan


@dataclass(frozen=True)
class TrainingHistory:
    """A training, step by step.

    Attributes:
        losses: of every training batch, without penalties on weights.
        planned: steps that the user's own training would take.
        non_finite_step: the first step whose loss or weights were not finite; None: none.
        non_finite_where: the layer and what of it was not finite first, where that was seen.
        sharpness: step -> rate times curvature along the step: 1 goes just as far as is best,
            above 2 the loss rises.
        weighted: whether samples or classes are weighted, so that losses are not comparable
            with those of a constant answer.
        made: steps of which `losses` are some; None: they are all.
        rounded: step -> share of the entries of low precision that have a gradient and that the
            step left as they were.
    """

    losses: np.ndarray
    planned: int
    non_finite_step: int | None = None
    non_finite_where: tuple[str, str] | None = None
    sharpness: Mapping[int, float] = field(default_factory=dict)
    weighted: bool = False
    made: int | None = None
    rounded: Mapping[int, float] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """How many have a loss."""
        return len(self.losses)

    @property
    def last(self) -> int:
        """The last one that was made, counted from 0."""
        return (self.steps if self.made is None else self.made) - 1


@dataclass(frozen=True)
class Facts:
    """What is known before any training.

    Attributes:
        framework: `keras`, `pytorch` or `jax`.
        heads: the outputs, with losses and targets.
        optimizer: what moves the weights.
        data: what is trained on.
        reach: how much more the outputs answer to the first position of a sequence than to the
            last; None: no sequence.
        properties: what the experiments on the model said.
        schedule: the learning rate over the user's whole training; None: not known.
    """

    framework: str
    heads: tuple[Head, ...]
    optimizer: Optimizer
    data: Data
    reach: float | None = None
    properties: Properties = field(default_factory=Properties)
    schedule: Schedule | None = None


@dataclass(frozen=True)
class WatchedTraining:
    """What a watched training showed.

    Attributes:
        history: its losses.
        run: the gauges.
        layers: in the order of the Run's layer axis.
        heads: the outputs, before and after it.
        saturated_at_init: share of saturated values by layer before it, where a bounded
            activation is known from the model itself.
    """

    history: TrainingHistory
    run: Run
    layers: tuple[Layer, ...]
    heads: tuple[Head, ...]
    saturated_at_init: Mapping[str, float] = field(default_factory=dict)
