"""Trains the map of `trainability` and finds its edges."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.datasets.facts import majority_share
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.listening import OnProgress
from gradgauge.run import Run
from gradgauge.study.theory.trainability import (
    Edge,
    MapCell,
    Trainability,
    TrainabilitySpec,
    agrees,
    find_edge,
)
from gradgauge.theory import predict

_CURVE_POINTS = 60


def trainability(
    spec: TrainabilitySpec,
    dataset: Dataset,
    on_progress: OnProgress | None = None,
) -> Trainability:
    """Train the map and find its edges.

    Args:
        spec: what to train.
        dataset: classes; its first samples are used.
        on_progress: told steps made and steps in all.

    References:
        Schoenholz et al. (2017), section 5 and figure 5.
    """
    began = time.perf_counter()
    data = dataset.first(spec.train_samples, spec.test_samples)
    keys = [(w, d, r) for w in spec.sigma_ws for d in spec.depths for r in spec.rates]
    entries = [
        Entry(
            f"{spec.activation} {sigma_w:g} {depth} {rate:g}",
            spec.network(sigma_w, depth, data.inputs, dataset.outputs),
            spec.training.replace(learning_rate=rate),
        )
        for sigma_w, depth, rate in keys
    ]
    trained = train(entries, data, on_progress)
    if trained.interrupted:
        seconds = time.perf_counter() - began
        return Trainability(spec, [], [], [], math.nan, dataset.name, seconds, interrupted=True)
    accuracies = {key: _accuracy(run) for key, run in zip(keys, trained.runs, strict=True)}
    cells = [_best(spec, w, d, accuracies) for w in spec.sigma_ws for d in spec.depths]
    chance = majority_share(data.y_train)
    half = (chance + max(cell.train_accuracy for cell in cells)) / 2
    edges = [_edge(spec, [c for c in cells if c.sigma_w == w], half) for w in spec.sigma_ws]
    seconds = time.perf_counter() - began
    return Trainability(spec, cells, edges, _curve(spec), half, dataset.name, seconds)


def _curve(spec: TrainabilitySpec) -> list[tuple[float, float | None]]:
    """6 xi_c, also between the columns."""
    ends = min(spec.sigma_ws), max(spec.sigma_ws)
    places = np.unique(np.append(np.linspace(*ends, _CURVE_POINTS), spec.sigma_ws)).tolist()
    return [(w, predict(spec.activation, w, spec.sigma_b).trainable_depth) for w in places]


def _accuracy(run: Run) -> tuple[float, float]:
    """Training accuracy of the last epoch and test accuracy, means over seeds.

    A training that turned non-finite has learned nothing that counts.
    """
    last = np.nan_to_num(run.values("epochs", "accuracy")[:, -1], nan=0.0)
    test = np.where(last > 0, np.nan_to_num(run.figure("test_accuracy"), nan=0.0), 0.0)
    return float(last.mean()), float(test.mean())


def _best(
    spec: TrainabilitySpec,
    sigma_w: float,
    depth: int,
    accuracies: dict[tuple[float, int, float], tuple[float, float]],
) -> MapCell:
    rate = max(spec.rates, key=lambda r: accuracies[sigma_w, depth, r][0])
    return MapCell(sigma_w, depth, rate, *accuracies[sigma_w, depth, rate])


def _edge(spec: TrainabilitySpec, column: Sequence[MapCell], half: float) -> Edge:
    """Where the column falls through `half`, beside 6 xi_c."""
    predicted = predict(spec.activation, column[0].sigma_w, spec.sigma_b).trainable_depth
    depth, place = find_edge({c.depth: c.train_accuracy for c in column}, half)
    return Edge(column[0].sigma_w, depth, place, predicted, agrees(depth, place, predicted))
