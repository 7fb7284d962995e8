"""Evidence: everything that rules look at, gathered once and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gradgauge.diagnosis.facts import (
    Data,
    Facts,
    Head,
    Layer,
    Optimizer,
    Schedule,
    TrainingHistory,
    WatchedTraining,
)
from gradgauge.diagnosis.learning import FAILING, LEARNED, UNKNOWN, Learning, judge, too_short
from gradgauge.diagnosis.limits import Limits
from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.reference import Reference, reference_of
from gradgauge.diagnosis.trial import Trial
from gradgauge.run import Run


@dataclass(frozen=True)
class Evidence:
    """Everything that rules look at; made by `gathered`.

    Attributes:
        framework: `keras`, `pytorch` or `jax`.
        heads: the outputs, with losses and targets.
        layers: in the order of the Run's layer axis.
        optimizer: what moves the weights.
        data: what is trained on.
        limits: what figures are held against.
        reference: what a simple learner gets out of the same samples.
        learning: whether the training learns.
        run: probes before, during and after the training; None before any.
        history: the training; None before any.
        trials: the same training with one thing changed, where this one fails or lags.
        seeds: redrawn weights: for each, the share of dead units by layer at the end.
        reach, properties: see Facts.
        saturated_at_init: see WatchedTraining.
        schedule: see Facts.
        recorded: whether all of it comes from a Run that was recorded: there are no weights, no
            samples, no outputs and no trials.
    """

    framework: str
    heads: tuple[Head, ...]
    layers: tuple[Layer, ...]
    optimizer: Optimizer
    data: Data
    limits: Limits
    reference: Reference
    learning: Learning
    run: Run | None = None
    history: TrainingHistory | None = None
    trials: tuple[Trial, ...] = ()
    seeds: tuple[Mapping[str, float], ...] = ()
    reach: float | None = None
    properties: Properties = field(default_factory=Properties)
    saturated_at_init: Mapping[str, float] = field(default_factory=dict)
    schedule: Schedule | None = None
    recorded: bool = False

    @property
    def last_step(self) -> int:
        """The last step that was made, counted from 0; -1: none."""
        return self.history.last if self.history is not None else -1

    @property
    def steps(self) -> int:
        """How many steps were watched."""
        return self.history.steps if self.history is not None else 0

    @property
    def broke_off(self) -> bool:
        """Whether the training ended in values that are not finite."""
        return self.history is not None and self.history.non_finite_step is not None

    @property
    def saturated_outputs(self) -> bool:
        """Whether every output sits on a flat end of a bounded activation before training."""
        bounded = [h for h in self.heads if h.activation in ("sigmoid", "tanh", "softmax")]
        return bool(bounded) and all(
            h.before.size > 0 and bool(np.isin(h.before, (-1.0, 0.0, 1.0)).all()) for h in bounded
        )

    @property
    def failing(self) -> bool:
        """Whether there is something to learn and it is not learned."""
        return self.learning.verdict == FAILING

    @property
    def lagging(self) -> bool:
        """Whether it fails, or has not got far: then what is gross at its start may be why."""
        learning, limits = self.learning, self.limits["learning"]
        if learning.verdict == FAILING or self.recorded:
            return learning.verdict == FAILING
        if self.too_short:
            return False
        if not np.isfinite(learning.skill):
            return learning.verdict == UNKNOWN
        if not learning.target >= limits["learnable"].value:
            return bool(learning.skill < limits["gain"].value)
        return bool(learning.skill < limits["well"].value * learning.target)

    @property
    def too_short(self) -> bool:
        """Whether the training is too short to be blamed for what it has not learned."""
        if self.history is None:
            return True
        return too_short(self.history, self.data.epoch, self.limits["learning"])

    @property
    def learned(self) -> bool:
        """Whether it has got what there is to get."""
        return self.learning.verdict == LEARNED

    @property
    def probe_losses(self) -> np.ndarray:
        """Losses on the probe samples, over the training."""
        if self.run is not None and self.run.attributes.get("batch") == "training":
            return np.zeros(0)  # of another batch each
        return self.probes("loss")

    def probes(self, name: str) -> np.ndarray:
        """A gauge over the training, (probe, layer); empty without a Run."""
        return _probes(self.run, name)

    def first(self, name: str) -> np.ndarray:
        """A gauge before training, (layer,)."""
        values = self.probes(name)
        return values[0] if len(values) else np.zeros(0)

    def probe_steps(self) -> np.ndarray:
        """The steps before which probes were taken."""
        return self.run.groups["probes"].coords["probe_step"] if self.run else np.zeros(0, int)

    @property
    def gradient_layers(self) -> list[int]:
        """Places of the layers whose weights get a gradient by themselves, norms left out."""
        return [
            i
            for i, layer in enumerate(self.layers)
            if layer.info.kind not in ("normalization", "bias")
            and layer.info.called
            and not layer.info.shares
        ]


def gathered(facts: Facts, watched: WatchedTraining | None, limits: Limits) -> Evidence:
    """Evidence of a training: what was known before it and what was seen of it.

    Args:
        facts: known before.
        watched: the training; None: there was none.
        limits: what figures are held against.
    """
    heads = facts.heads if watched is None else watched.heads
    reference = reference_of(facts.data, heads)
    history = None if watched is None else watched.history
    run = None if watched is None else watched.run
    learning = judge(
        heads, history, _probes(run, "loss"), reference, limits["learning"], facts.data.epoch
    )
    return Evidence(
        framework=facts.framework,
        heads=heads,
        layers=() if watched is None else watched.layers,
        optimizer=facts.optimizer,
        data=facts.data,
        limits=limits,
        reference=reference,
        learning=learning,
        run=run,
        history=history,
        reach=facts.reach,
        properties=facts.properties,
        schedule=facts.schedule,
        saturated_at_init={} if watched is None else watched.saturated_at_init,
    )


def _probes(run: Run | None, name: str) -> np.ndarray:
    if run is None or name not in run.groups["probes"].variables:
        return np.zeros((0, 0))
    values = run.values("probes", name)[0]
    weights = run.values("probes", "weight_norm")[0]
    # What broken weights give says nothing of the network: no unit is dead for that.
    broken = (~np.isfinite(weights) & np.isfinite(weights[:1])).any(axis=1)
    if not broken.any():
        return values
    kept = values.astype(float)
    kept[broken] = np.nan
    return kept
