"""What rules look at, in NumPy, whatever the framework: model, data, course of the training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from gradgauge.diagnosis.learning import LEAST_STEPS, Learning, judge, on_its_way
from gradgauge.diagnosis.limits import Limits, shipped
from gradgauge.diagnosis.reference import Reference, reference_of
from gradgauge.layers import LayerInfo
from gradgauge.run import Run

CLASS_LOSSES = ("categorical", "sparse_categorical")


@dataclass(frozen=True)
class Loss:
    """What is minimised.

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
        loss: what is minimised of it.
        y: targets of the probe samples.
        before, after: outputs on the probe samples in inference mode, before and after training.
        strict_shapes: whether the framework broadcasts targets to outputs (PyTorch does).
    """

    layer: str | None
    activation: str
    loss: Loss
    y: np.ndarray
    before: np.ndarray
    after: np.ndarray | None = None
    strict_shapes: bool = False

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

    @property
    def adaptive(self) -> bool:
        """Whether a step's length does not follow the gradient's."""
        return not any(part in self.name for part in ("sgd", "momentum", "nesterov"))


@dataclass(frozen=True)
class Layer:
    """A layer's weights and place, beside what the Run says.

    Attributes:
        info: the Run's.
        before, after: its weight arrays, the first as (fan_in, units) where it is a matrix.
        biases, biases_after: its bias arrays.
        fresh: whether the weights look as an initializer left them; None: cannot be told.
        in_optimizer: whether the optimiser has its weights.
        block: name of the part of the model that was frozen as a whole; empty: none.
    """

    info: LayerInfo
    before: tuple[np.ndarray, ...]
    after: tuple[np.ndarray, ...] = ()
    biases: tuple[np.ndarray, ...] = ()
    biases_after: tuple[np.ndarray, ...] = ()
    fresh: bool | None = None
    in_optimizer: bool = True
    block: str = ""

    @property
    def name(self) -> str:
        """As the framework calls it."""
        return self.info.name

    @property
    def moved(self) -> bool | None:
        """Whether training changed its weights; None: not known."""
        if not self.after:
            return None
        pairs = zip(self.before, self.after, strict=True)
        return any(not np.array_equal(a, b, equal_nan=True) for a, b in pairs)


@dataclass(frozen=True)
class Data:
    """What is trained on.

    Attributes:
        x: arrays of the probe samples, one an input of the model.
        samples: how many samples there are in all.
        batch_size: samples a step.
        x_bad, y_bad: how many of all samples hold a value that is not finite.
        tokens: whether x are indices into an embedding.
    """

    x: tuple[np.ndarray, ...]
    samples: int
    batch_size: int
    x_bad: int = 0
    y_bad: int = 0
    tokens: bool = False


@dataclass(frozen=True)
class Trial:
    """The same training once more, with one thing changed.

    Attributes:
        change: `rate` or `inputs`.
        factor: of the rate.
        losses: of its steps.
        learns: whether this one learns, or at least gets much further.
    """

    change: str
    factor: float
    losses: np.ndarray
    learns: bool

    @property
    def final(self) -> float:
        """The loss at its end."""
        return float(np.mean(self.losses[-5:])) if len(self.losses) else float("nan")


@dataclass(frozen=True)
class Course:
    """A training, step by step.

    Attributes:
        losses: of every training batch, without penalties on weights.
        planned: steps that the user's own training would take.
        non_finite_step: the first step whose loss or weights were not finite; None: none.
        non_finite_where: the layer and what of it was not finite first, where that was seen.
        overshoot: step -> rate times curvature along the step: 1 goes just as far as is best,
            above 2 the loss rises.
        weighted: whether samples or classes are weighted, so that losses are not comparable
            with those of a constant answer.
    """

    losses: np.ndarray
    planned: int
    non_finite_step: int | None = None
    non_finite_where: tuple[str, str] | None = None
    overshoot: Mapping[int, float] = field(default_factory=dict)
    weighted: bool = False

    @property
    def steps(self) -> int:
        """How many were made."""
        return len(self.losses)


@dataclass
class Evidence:
    """Everything that rules look at.

    Attributes:
        framework: `keras`, `pytorch` or `jax`.
        heads: the outputs, with losses and targets.
        layers: in the order of the Run's layer axis.
        run: probes before, during and after the training; None before any.
        course: the training; None before any.
        trials: other trainings that were tried because this one failed.
        seeds: redrawn weights: for each, the share of dead units by layer at the end.
        reach: how much more the outputs answer to the first position of a sequence than to the
            last, before training; None: no sequence.
        born_saturated: share of saturated values by layer before training, where a bounded
            activation is known from the model itself.
        limits: what figures are held against.
    """

    framework: str
    heads: tuple[Head, ...]
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    data: Data
    run: Run | None = None
    course: Course | None = None
    trials: list[Trial] = field(default_factory=list)
    seeds: list[dict[str, float]] = field(default_factory=list)
    reach: float | None = None
    born_saturated: Mapping[str, float] = field(default_factory=dict)
    limits: Limits = field(default_factory=shipped)

    @cached_property
    def reference(self) -> Reference:
        """What a simple learner gets out of the same samples."""
        return reference_of(self.data, self.heads)

    @cached_property
    def learning(self) -> Learning:
        """Whether the training learns."""
        limits = self.limits["learning"]
        found = judge(self.heads, self.course, self.reference, limits)
        broke = self.course is not None and self.course.non_finite_step is not None
        if found.verdict == "failing" and not broke and on_its_way(found, self.looks, limits):
            return replace(found, verdict="learning")
        return found

    @property
    def looks(self) -> np.ndarray:
        """Losses on the probe samples, over the training."""
        return self.probes("loss")

    @property
    def failing(self) -> bool:
        """Whether there is something to learn and it is not learnt."""
        return self.learning.verdict == "failing"

    @property
    def lagging(self) -> bool:
        """Whether it fails, or has not got far: then what is gross at its start may be why."""
        learning = self.learning
        if learning.verdict == "failing":
            return True
        if self.course is None or self.course.steps < LEAST_STEPS:
            return False
        if not np.isfinite(learning.skill):
            return learning.verdict == "unknown"
        limits = self.limits["learning"]
        if not learning.target >= limits["learnable"].value:
            return bool(learning.skill < limits["gain"].value)
        return bool(learning.skill < limits["well"].value * learning.target)

    @property
    def infos(self) -> list[LayerInfo]:
        """The Run's layers."""
        return self.run.layers if self.run is not None else []

    def probes(self, name: str) -> np.ndarray:
        """A gauge over the training, (probe, layer); empty without a Run."""
        if self.run is None or name not in self.run.groups["probes"].variables:
            return np.zeros((0, 0))
        return self.run.values("probes", name)[0]

    def first(self, name: str) -> np.ndarray:
        """A gauge before training, (layer,)."""
        values = self.probes(name)
        return values[0] if len(values) else np.zeros(0)

    def last(self, name: str) -> np.ndarray:
        """A gauge at the end, (layer,)."""
        values = self.probes(name)
        return values[-1] if len(values) else np.zeros(0)

    def probe_steps(self) -> np.ndarray:
        """The steps before which probes were taken."""
        return self.run.groups["probes"].coords["probe_step"] if self.run else np.zeros(0, int)

    @property
    def gradient_layers(self) -> list[int]:
        """Places of the layers whose weights get a gradient by themselves, norms left out."""
        return [
            i
            for i, layer in enumerate(self.layers)
            if layer.info.kind != "normalization" and layer.info.called and not layer.info.shares
        ]
