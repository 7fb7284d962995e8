"""What `why` found. Reading it needs no engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.datasets.facts import majority_share
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.notation import write
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.learning_onset import began_to_learn
from gradgauge.study.why.verdict import TrainedArm, control_fails, find_causes


@dataclass
class Why:
    """A network and its counterfactuals, trained with every optimizer and seed.

    Attributes:
        network: the control.
        training: shared by all arms, except optimizer and learning rate.
        arms: every arm with every optimizer, the controls first.
        baseline: loss of the best constant prediction, which a model that has learned must beat.
        dataset: the data.
        seconds: `total`, `compile`, `train`, `evaluate`.
        interrupted: whether the experiment was stopped by Ctrl-C.
    """

    network: NetworkSpec
    training: TrainingSpec
    arms: list[TrainedArm]
    baseline: float
    dataset: Dataset
    seconds: dict[str, float]
    interrupted: bool = False

    def __repr__(self) -> str:
        found = [f"{o}: {', '.join(c) or 'no cause'}" for o, c in self.causes.items()]
        return f"<Why {write(self.network)!r}: {'; '.join(found)}>"

    @property
    def optimizers(self) -> list[str]:
        """Labels of the optimizers."""
        return list(dict.fromkeys(arm.optimizer for arm in self.arms))

    def of(self, optimizer: str) -> dict[str, TrainedArm]:
        """The arms with one optimizer, by name."""
        return {a.arm.name: a for a in self.arms if a.optimizer == optimizer}

    @property
    def causes(self) -> dict[str, list[str]]:
        """The causes for each optimizer; empty if the control does not fail."""
        return {optimizer: find_causes(self.of(optimizer)) for optimizer in self.optimizers}

    def fails(self, optimizer: str) -> bool | None:
        """Whether the control fails; None if the seeds cannot tell."""
        return control_fails(self.of(optimizer))

    def learned_at(self, arm: TrainedArm) -> float | None:
        """Steps until the median member began to learn; None if it did not."""
        return began_to_learn(arm.run, self.baseline)

    @property
    def input_square(self) -> float:
        """Mean square of the data's inputs, on the probe batch."""
        return float(np.mean(self.dataset.floats(self.dataset.x_train[:PROBE_SAMPLES]) ** 2))

    @property
    def majority(self) -> float | None:
        """Test accuracy of always predicting the most frequent class; None for regression."""
        return majority_share(self.dataset.y_test) if self.dataset.has_classes else None

    def to_json(self) -> dict[str, Any]:
        """The document printed by `gradgauge why --json`."""
        from gradgauge.study.why.json import why_json

        return why_json(self)
