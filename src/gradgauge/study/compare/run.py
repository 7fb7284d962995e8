"""The main job: the same training for several networks, and what came of each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Never

import numpy as np

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.engine.train import Entry, OnRun, train
from gradgauge.errors import UnknownName
from gradgauge.parts.losses import LOSSES
from gradgauge.run import Run
from gradgauge.spec.comparison import ComparisonSpec, read_comparison
from gradgauge.spec.network import NetworkSpec
from gradgauge.statistics import Difference, Summary, difference, summarize
from gradgauge.study.by_layer import Attenuation, attenuation

OnProgress = Callable[[int, int], None]


@dataclass
class History:
    """What Keras calls a history: figures per epoch, means over seeds.

    Attributes:
        history: `loss` and `accuracy`, one number an epoch.
        epoch: 0, 1, ...
    """

    history: dict[str, list[float]]
    epoch: list[int] = field(default_factory=list)


@dataclass
class Comparison:
    """Networks trained alike, and what came of each.

    Attributes:
        spec: what was asked.
        networks: their specs, by name.
        runs: their Runs, by name.
        dataset: what they were trained on.
        seconds: `total`, `data`, `compile`, `train`, `evaluate`, `report`.
        interrupted: whether Ctrl-C broke it off.
        report: path of the HTML page, once written.
        run_paths: paths of the saved Runs, once written.
        flags: options of the command that change what it shows, not what it trains.
    """

    spec: ComparisonSpec
    networks: dict[str, NetworkSpec]
    runs: dict[str, Run]
    dataset: Dataset
    seconds: dict[str, float]
    interrupted: bool = False
    report: str | None = None
    run_paths: list[str] = field(default_factory=list)
    flags: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command line that repeats this comparison."""
        return self.spec.command(*self.flags)

    @property
    def names(self) -> list[str]:
        """The networks' names, as given."""
        return list(self.networks)

    @property
    def has_accuracy(self) -> bool:
        """Whether it is a classification."""
        return LOSSES[self.spec.training.loss].classification

    @property
    def history(self) -> dict[str, History]:
        """Loss and accuracy per epoch, means over seeds, by name."""
        histories = {}
        for name, run in self.runs.items():
            figures = {k: epoch_means(run, k).tolist() for k in self.epoch_figures}
            histories[name] = History(figures, list(range(self.spec.training.epochs)))
        return histories

    @property
    def epoch_figures(self) -> tuple[str, ...]:
        """What is kept per epoch."""
        return ("loss", "accuracy") if self.has_accuracy else ("loss",)

    def run(self, name: str) -> Run:
        """The Run of a network.

        Raises:
            UnknownName: no network of this comparison is called so.
        """
        try:
            return self.runs[name]
        except KeyError:
            raise UnknownName("network", name, self.runs) from None

    def test_accuracy(self, name: str) -> Summary | None:
        """Share of right classes on the test data, over seeds; None for regression."""
        if not self.has_accuracy:
            return None
        return summarize(self.run(name).figure("test_accuracy"), within=(0.0, 1.0))

    def test_loss(self, name: str) -> Summary:
        """Mean loss on the test data, over seeds."""
        return summarize(self.run(name).figure("test_loss"))

    def attenuation(self, name: str, moment: str = "first") -> Attenuation:
        """What the error signal loses on its way to the first layer; `first` or `last`."""
        return attenuation(self.run(name), moment)

    @property
    def ranking(self) -> list[str]:
        """Names, best first: by test accuracy, or by test loss for regression."""

        def badness(name: str) -> float:
            summary = self.test_accuracy(name)
            value = -summary.mean if summary else self.test_loss(name).mean
            return value if np.isfinite(value) else np.inf

        return sorted(self.names, key=badness)

    @property
    def better(self) -> str | None:
        """The best network's name; None with one network."""
        return self.ranking[0] if len(self.names) > 1 else None

    @property
    def difference(self) -> Difference | None:
        """The best against the second best; None with one network."""
        if len(self.names) < 2:
            return None
        figure = "test_accuracy" if self.has_accuracy else "test_loss"
        best, second = self.ranking[:2]
        return difference(self.runs[best].figure(figure), self.runs[second].figure(figure))

    def non_finite(self, name: str) -> dict[str, Any] | None:
        """Where a training turned non-finite: seeds, the first one's step and layer; or None."""
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

    def to_json(self) -> dict[str, Any]:
        """As CONTRACT section 3 has it; see `study/compare_json.py`."""
        from gradgauge.study.compare.json import comparison_json

        return comparison_json(self)


def epoch_means(run: Run, figure: str) -> np.ndarray:
    """A figure per epoch, mean over seeds."""
    return np.asarray(np.mean(run.values("epochs", figure), axis=0, dtype=np.float64))


def compare(
    *networks: str | NetworkSpec,
    preset: str | None = None,
    depth: int | None = None,
    width: int | None = None,
    dataset: str | Path | Dataset | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    optimizer: str | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    loss: str | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    schedule: str | None = None,
    warmup_steps: int | None = None,
    clip_norm: float | None = None,
    dtype: str | None = None,
    on_progress: OnProgress | None = None,
    **unknown: Never,
) -> Comparison:
    """Train networks alike and compare them.

    Args:
        networks: activations (`"relu"`), notations (`"784-64x9:sigmoid-64:relu-10"`), or specs.
        preset: instead of networks: `practical` or `practical-all-sigmoid`.
        depth, width: hidden layers of the networks that are named by their activation; None: 10
            of 64 units.
        dataset: its name, an .npz file's path, or a Dataset; None: MNIST.
        seeds: trainings of each network; None: one.
        seed: the first of them; None: 0.
        optimizer, learning_rate, batch_size, epochs, loss, momentum, weight_decay, schedule,
        warmup_steps, clip_norm, dtype: see TrainingSpec, whose defaults None stands for.
        on_progress: called with steps made and steps in all.
        unknown: nothing; a name that is not an option is answered by the nearest one that is.

    Returns:
        The comparison: `.history`, `.run(name)`, `.test_accuracy(name)`, `.to_json()`.

    Raises:
        UnknownName: no such option, activation, preset, optimizer, ...
        GradgaugeError: anything else about the networks, options or data that cannot be.

    Example:
        >>> import gradgauge as gg
        >>> result = gg.compare("relu", "sigmoid", epochs=1, depth=3)
        >>> result.better
        'relu'
    """
    data = dataset if isinstance(dataset, Dataset) else None
    spec = read_comparison(
        networks,
        preset=preset,
        depth=depth,
        width=width,
        dataset=dataset if data is None else data.name,
        seeds=seeds,
        seed=seed,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        loss=loss,
        momentum=momentum,
        weight_decay=weight_decay,
        schedule=schedule,
        warmup_steps=warmup_steps,
        clip_norm=clip_norm,
        dtype=dtype,
        **unknown,
    )
    return run_comparison(spec, data, on_progress)


def run_comparison(
    spec: ComparisonSpec,
    dataset: Dataset | None = None,
    on_progress: OnProgress | None = None,
    on_run: OnRun | None = None,
) -> Comparison:
    """Train what `spec` names.

    Args:
        spec: what to compare.
        dataset: the data, if it is loaded already.
        on_progress: called with steps made and steps in all.
        on_run: handed a network's number and its Run as soon as it is complete, from a worker's
            thread.

    Raises:
        GradgaugeError: the data cannot be used, or does not fit the networks.
    """
    began = time.perf_counter()
    if dataset is None:
        dataset = datasets.load(spec.dataset, LOSSES[spec.training.loss].classification)
    loaded = time.perf_counter()
    networks = spec.fitting(dataset.inputs, dataset.outputs)
    entries = [Entry(name, network, spec.training) for name, network in networks.items()]
    trained = train(entries, dataset, on_progress, on_run)
    runs = {run.name: run for run in trained.runs}
    seconds = {
        "total": time.perf_counter() - began,
        "data": loaded - began,
        **trained.seconds,
        "report": 0.0,
    }
    return Comparison(spec, networks, runs, dataset, seconds, trained.interrupted)
