"""What a comparison found. Reading it needs no engine."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.datasets.facts import DataFacts
from gradgauge.errors import UnknownName
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.parts.losses import LOSSES
from gradgauge.run import Run
from gradgauge.spec.comparison import ComparisonSpec
from gradgauge.spec.network import NetworkSpec
from gradgauge.statistics import Difference, Summary, difference, summarize
from gradgauge.study.by_layer import Attenuation, attenuation
from gradgauge.study.compare.artifacts import NOTHING_WRITTEN, Artifacts


@dataclass
class EpochHistory:
    """Like a Keras History: values per epoch, means over seeds.

    Attributes:
        history: `loss` and `accuracy`, one number per epoch.
        epoch: 0, 1, ...
    """

    history: dict[str, list[float]]
    epoch: list[int] = field(default_factory=list)


@dataclass
class Comparison:
    """Networks trained under the same conditions, and their results.

    Attributes:
        spec: the networks, the data and the training, as requested.
        networks: specs of gradgauge's own networks, by name; user-defined ones have only a Run.
        runs: the Run of every network, by name.
        dataset: the data; None if the Runs were loaded from files.
        seconds: `total`, `data`, `compile`, `train`, `evaluate`; empty if nothing was timed.
        interrupted: whether the comparison was stopped by Ctrl-C.
    """

    spec: ComparisonSpec
    networks: dict[str, NetworkSpec]
    runs: dict[str, Run]
    dataset: Dataset | None
    seconds: dict[str, float]
    interrupted: bool = False

    @cached_property
    def data(self) -> DataFacts:
        """A few numbers that describe the data."""
        if self.dataset is not None:
            loss = self.spec.training.loss if self.networks else ""
            return DataFacts.of(self.dataset, loss, PROBE_SAMPLES)
        return DataFacts.read(next(iter(self.runs.values())).attributes)

    def __repr__(self) -> str:
        shown = [f"{name} {self._figure(name):.3g}" for name in self.runs]
        what = "test accuracy" if self.has_accuracy else "test loss"
        return f"<Comparison on {self.spec.dataset}, {what}: {', '.join(shown)}>"

    def _figure(self, name: str) -> float:
        """What networks are ranked by, mean over seeds."""
        return (self.test_accuracy(name) or self.test_loss(name)).mean

    @property
    def command(self) -> str:
        """The command line that repeats this comparison."""
        return self.spec.command()

    @property
    def names(self) -> list[str]:
        """The networks' names, as given."""
        return list(self.runs)

    @property
    def has_accuracy(self) -> bool:
        """Whether the task is classification."""
        if self.networks:
            return LOSSES[self.spec.training.loss].classification
        return not math.isnan(self.data.majority_test)

    @property
    def history(self) -> dict[str, EpochHistory]:
        """Loss and accuracy per epoch, means over seeds, by name."""
        histories = {}
        for name, run in self.runs.items():
            figures = {k: epoch_means(run, k).tolist() for k in self.epoch_figures}
            histories[name] = EpochHistory(figures, list(range(self.spec.training.epochs)))
        return histories

    @property
    def epoch_figures(self) -> tuple[str, ...]:
        """Names of the quantities in `history`."""
        return ("loss", "accuracy") if self.has_accuracy else ("loss",)

    def constant_loss(self, name: str) -> float:
        """Training loss of the best constant prediction; NaN if the network's loss is unknown."""
        if name in self.networks:
            return self.data.constant_loss
        return DataFacts.read(self.run(name).attributes).constant_loss

    def run(self, name: str) -> Run:
        """The Run of a network.

        Raises:
            UnknownName: the comparison has no network of this name.
        """
        try:
            return self.runs[name]
        except KeyError:
            raise UnknownName("network", name, self.runs) from None

    def test_accuracy(self, name: str) -> Summary | None:
        """Test accuracy over seeds; None for regression."""
        if not self.has_accuracy:
            return None
        return summarize(self.run(name).figure("test_accuracy"), within=(0.0, 1.0))

    def test_loss(self, name: str) -> Summary:
        """Mean loss on the test data, over seeds."""
        return summarize(self.run(name).figure("test_loss"))

    def attenuation(self, name: str, moment: str = "first") -> Attenuation:
        """Attenuation of the error signal between the output layer and layer 1.

        Args:
            name: name of the network.
            moment: `first` (initial weights) or `last` (final weights).
        """
        return attenuation(self.run(name), moment)

    @property
    def ranking(self) -> list[str]:
        """Names, best first: by test accuracy, or by test loss for regression. Networks whose
        training became non-finite come last."""

        def badness(name: str) -> float:
            value = self._mean(name)
            value = -value if self.has_accuracy else value
            return value if np.isfinite(value) else np.inf

        return sorted(self.names, key=badness)

    def judged(self, name: str) -> np.ndarray:
        """The score that ranks a network, one value per seed: test accuracy, or test loss for
        regression. NaN for a seed whose training became non-finite, because such weights only
        ever predict one class."""
        run = self.run(name)
        figures = run.figure("test_accuracy" if self.has_accuracy else "test_loss")
        return np.where(run.figure("non_finite_step") >= 0, np.nan, figures)

    def _mean(self, name: str) -> float:
        values = self.judged(name)
        return float(values.mean()) if len(values) else math.nan

    @property
    def better(self) -> str | None:
        """Name of the best network. None if there is only one network, if there is a tie, or if
        even the best network became non-finite."""
        found = self.difference
        if found is None or found.mean == 0:
            return None
        best = self.ranking[0]
        return best if np.isfinite(self._mean(best)) else None

    @property
    def difference(self) -> Difference | None:
        """Difference between the best and the second-best network. None if there is only one
        network; NaN if one of the two became non-finite."""
        if len(self.names) < 2:
            return None
        best, second = self.ranking[:2]
        return difference(self.judged(best), self.judged(second))

    def non_finite(self, name: str) -> dict[str, Any] | None:
        """Where training became non-finite: the seeds, and the step and layer of the first; or None."""
        run = self.run(name)
        steps = run.figure("non_finite_step")
        failed = np.flatnonzero(steps >= 0)
        if not len(failed):
            return None
        earliest = failed[np.argmin(steps[failed])]
        return {
            "seeds": [run.seeds[i] for i in failed],
            "step": int(steps[earliest]),
            "layer": int(run.figure("non_finite_layer")[earliest]),
        }

    def to_json(self, artifacts: Artifacts = NOTHING_WRITTEN) -> dict[str, Any]:
        """All figures, as `compare.schema.json` describes them; NaN is None.

        Args:
            artifacts: the files written for it, and the command that wrote them.
        """
        from gradgauge.study.compare.json import comparison_json

        return comparison_json(self, artifacts)


def epoch_means(run: Run, figure: str) -> np.ndarray:
    """A figure per epoch, mean over seeds."""
    return np.asarray(np.mean(run.values("epochs", figure), axis=0, dtype=np.float64))
