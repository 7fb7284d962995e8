"""Up to which depth networks train, beside the theory's 6 xi_c.

Networks of one activation over depth and sigma_w, each with every learning rate, as one
ensemble; the best rate counts. **The trainable edge** at a sigma_w is the depth at which the
training accuracy falls through the half-way mark between the share of the most frequent class
and the best accuracy of the whole experiment, on a logarithmic scale of depth between the two
depths it falls between. Where it does not fall, the edge lies beyond the deepest network; where
no network passes the mark, below the shallowest.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any

from gradgauge.errors import InvalidValue
from gradgauge.json import number, plain
from gradgauge.spec.checks import not_negative, positive, whole_number
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

SCHEMA = 1
FACTOR = 2.0
"""The edge agrees with 6 xi_c within this factor."""

BELOW, BETWEEN, BEYOND = "below", "between", "beyond"


@dataclass(frozen=True)
class TrainabilitySpec:
    """What to train.

    Attributes:
        activation: of every hidden layer.
        sigma_ws: columns of the map, each above 0.
        sigma_b: of all networks.
        depths: rows of the map.
        width: units of every hidden layer.
        rates: learning rates, of which the best counts.
        train_samples, test_samples: so many of the data are used, the first ones.
        training: batch size, epochs, optimizer, seeds.

    Raises:
        InvalidValue, UnknownName: a field that cannot be.
    """

    activation: str = "tanh"
    sigma_ws: tuple[float, ...] = (0.8, 1.0, 1.2, 1.4, 1.8, 2.4)
    sigma_b: float = math.sqrt(0.05)
    depths: tuple[int, ...] = (5, 10, 20, 40, 80)
    width: int = 100
    rates: tuple[float, ...] = (0.0003, 0.001, 0.003)
    train_samples: int = 2_000
    test_samples: int = 1_000
    training: TrainingSpec = field(
        default_factory=lambda: TrainingSpec(optimizer="momentum", batch_size=50, epochs=8)
    )

    def __post_init__(self) -> None:
        for name in ("sigma_ws", "depths", "rates"):
            values = getattr(self, name)
            whole_number(name, len(values), 1)
            if len(set(values)) < len(values):
                raise InvalidValue(name, ", ".join(map(str, values)), "distinct_values")
        for sigma_w in self.sigma_ws:
            positive("sigma_w", sigma_w)
        not_negative("sigma_b", self.sigma_b)
        for depth in self.depths:
            whole_number("depth", depth, 1)
        for rate in self.rates:
            positive("learning_rate", rate)
        whole_number("train_samples", self.train_samples, 2)
        whole_number("test_samples", self.test_samples, 1)
        self.network(self.sigma_ws[0], self.depths[0], 1, 1)

    def network(self, sigma_w: float, depth: int, inputs: int, outputs: int) -> NetworkSpec:
        """The network of one cell: W ~ N(0, sigma_w^2 / fan_in), b ~ N(0, sigma_b^2)."""
        return NetworkSpec.uniform(
            inputs,
            depth,
            self.width,
            outputs,
            self.activation,
            init="lecun_normal",
            scale=sigma_w,
            bias_std=self.sigma_b,
        )


@dataclass(frozen=True)
class MapCell:
    """A network of the map with its best learning rate.

    Attributes:
        sigma_w, depth: where it stands.
        rate: the best, by training accuracy.
        train_accuracy: of the last epoch, mean over seeds.
        test_accuracy: mean over seeds.
    """

    sigma_w: float
    depth: int
    rate: float
    train_accuracy: float
    test_accuracy: float


@dataclass(frozen=True)
class Edge:
    """How deep networks of one sigma_w train.

    Attributes:
        sigma_w: of the column.
        depth: the edge; the deepest or shallowest depth of the map where it lies outside.
        place: "between", "beyond" the deepest or "below" the shallowest.
        predicted: 6 xi_c; None where theory has none.
        agrees: within a factor of FACTOR; beyond the deepest: 6 xi_c may lie there, too.
    """

    sigma_w: float
    depth: float
    place: str
    predicted: float | None
    agrees: bool | None

    @property
    def ratio(self) -> float | None:
        """The edge over 6 xi_c; None where one of them is not a number."""
        if self.predicted is None or not math.isfinite(self.predicted) or self.place != BETWEEN:
            return None
        return self.depth / self.predicted


@dataclass
class Trainability:
    """The experiment.

    Attributes:
        spec: what was trained.
        cells: column by column.
        edges: one a sigma_w.
        curve: (sigma_w, 6 xi_c) from the first column to the last.
        half: the accuracy that makes the edge.
        dataset: its name.
        seconds: of it all.
        interrupted: whether Ctrl-C broke it off; nothing else is filled then.
    """

    spec: TrainabilitySpec
    cells: list[MapCell]
    edges: list[Edge]
    curve: list[tuple[float, float | None]]
    half: float
    dataset: str
    seconds: float
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """All figures; infinity as the string "inf"."""
        spec = dataclasses.asdict(self.spec)
        return {
            "schema": SCHEMA,
            "experiment": spec,
            "dataset": self.dataset,
            "half_way_accuracy": self.half,
            "curve": [[w, number(depth)] for w, depth in self.curve],
            "cells": [plain(dataclasses.asdict(cell)) for cell in self.cells],
            "edges": [
                {**plain(dataclasses.asdict(edge)), "ratio": edge.ratio} for edge in self.edges
            ],
            "seconds": self.seconds,
        }


def find_edge(accuracy: dict[int, float], half: float) -> tuple[float, str]:
    """The depth beyond which no network passes `half`, and where it lies.

    Args:
        accuracy: depth -> training accuracy.
        half: the mark.

    Returns:
        The depth and "between", "beyond" or "below", as in the module's text.
    """
    depths = sorted(accuracy)
    passing = [depth for depth in depths if accuracy[depth] >= half]
    if not passing:
        return float(depths[0]), BELOW
    low = passing[-1]
    if low == depths[-1]:
        return float(low), BEYOND
    high = depths[depths.index(low) + 1]
    share = (accuracy[low] - half) / (accuracy[low] - accuracy[high])
    return float(low * (high / low) ** share), BETWEEN


def agrees(depth: float, place: str, predicted: float | None) -> bool | None:
    """Whether an edge and 6 xi_c lie within FACTOR of each other; None without a prediction."""
    if predicted is None:
        return None
    if place == BEYOND:
        return bool(predicted * FACTOR >= depth)
    if place == BELOW:
        return bool(predicted <= depth * FACTOR)
    return bool(math.isfinite(predicted) and 1 / FACTOR <= depth / predicted <= FACTOR)
