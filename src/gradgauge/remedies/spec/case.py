"""SpecCase: a network of a notation and its training, to which remedies are applied."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.engine.build import Adjust
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.why.counterfactuals import Weights

Adjustment = Callable[[NetworkSpec, Weights, np.ndarray], Weights]
"""(network, its drawn parameters, a sample of its inputs) -> the parameters to begin with."""


@dataclass(frozen=True)
class SpecCase:
    """What is trained, and what is done to it before.

    Attributes:
        network, training: the specs.
        adjustments: of the initial parameters, one after the other.
        standardized: whether every input feature gets mean 0 and spread 1.
        prepared: samples that one preparation sends forward, over all its passes.
        steps: how many the training has, for what is a share of them.
    """

    network: NetworkSpec
    training: TrainingSpec
    adjustments: tuple[Adjustment, ...] = ()
    standardized: bool = False
    prepared: int = 0
    steps: int = 0

    def replace(self, **fields: Any) -> SpecCase:
        """The same with some fields changed."""
        return dataclasses.replace(self, **fields)

    def train_with(self, **fields: object) -> SpecCase:
        """The same with some fields of its training changed."""
        return self.replace(training=self.training.replace(**fields))

    def built_with(self, **fields: object) -> SpecCase:
        """The same with some fields of its network changed."""
        return self.replace(network=self.network.replace(**fields))

    def adjusted(self, adjustment: Adjustment, prepared: int = 0) -> SpecCase:
        """The same with one more adjustment of its initial parameters."""
        return self.replace(
            adjustments=(*self.adjustments, adjustment), prepared=self.prepared + prepared
        )

    def adjust(self, sample: np.ndarray) -> Adjust | None:
        """All adjustments as one, on a sample of the inputs; None: there are none."""
        if not self.adjustments:
            return None

        def adjust(params: Weights) -> Weights:
            for adjustment in self.adjustments:
                params = adjustment(self.network, params, sample)
            return params

        return adjust
