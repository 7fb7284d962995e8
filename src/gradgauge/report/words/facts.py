"""What the sentences about a network are chosen by: measured figures, nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gradgauge.gauges.signal_spread import resolution
from gradgauge.run import Run
from gradgauge.statistics import Summary
from gradgauge.study.by_layer import MOMENTS, Attenuation, by_layer, way
from gradgauge.study.compare.result import Comparison
from gradgauge.study.learning_onset import began_to_learn

LATE = 0.1
"""A network that begins to learn within this share of its steps was not held up: by then a
healthy network of the practical has left its plateau ten times over (docs/why.md)."""


@dataclass(frozen=True)
class Moment:
    """A network before or after training.

    Attributes:
        attenuation: what the error signal loses between the output layer and layer 1.
        deltas: delta_norm by layer, the output layer last; of somebody's own network those layers
            at which it was seen.
        spread: signal_spread of the last hidden layer.
        dead: share of dead units by layer, the output layer (NaN) last.
    """

    attenuation: Attenuation
    deltas: tuple[float, ...]
    spread: float
    dead: tuple[float, ...]

    @property
    def zero_from(self) -> int | None:
        """The highest layer that an error signal of exactly 0 arrives at, if it stays 0 from
        there down to layer 1."""
        if not self.deltas or self.deltas[0] != 0:
            return None
        layer = 0
        while layer < len(self.deltas) and self.deltas[layer] == 0:
            layer += 1
        return layer


@dataclass(frozen=True)
class Facts:
    """A network of a comparison.

    Attributes:
        name: its name.
        moments: `first` and `last`.
        seeds: number of members.
        epochs: passes over the data.
        accuracy: test accuracy; None for regression.
        loss: test loss.
        majority: share right of always naming the most frequent class; None for regression and where it is not known.
        non_finite: as Comparison.non_finite.
        interrupted: whether Ctrl-C broke the training off.
        paths: `skip`, `norm` or `plain`: what the weight gain includes.
        dtype: of the training.
        spread_resolution: the smallest signal_spread that it can tell from none.
        began: steps until the median seed began to learn; None: it never did; NaN: not known.
        steps: of the whole training.
        seen: whether the error signal of any hidden layer could be seen.
    """

    name: str
    moments: dict[str, Moment]
    seeds: int
    epochs: int
    accuracy: Summary | None
    loss: Summary | None
    majority: float | None
    non_finite: dict[str, Any] | None
    interrupted: bool
    paths: str
    dtype: str
    spread_resolution: float
    began: float | None
    steps: int
    seen: bool = True

    @property
    def late(self) -> bool:
        """Whether a tenth of the training or more was over before it began to learn."""
        return self.began is None or self.began > LATE * self.steps


def facts_of(comparison: Comparison, name: str) -> Facts:
    """The facts of a network that has at least one member."""
    run, taken = comparison.run(name), way(comparison.run(name))
    layers = [*taken.hidden, *taken.outputs]
    moments = {
        moment: Moment(
            comparison.attenuation(name, moment),
            tuple(by_layer(run, "delta_norm", moment)[layers].tolist()),
            float(by_layer(run, "signal_spread", moment)[taken.last_hidden]),
            tuple(by_layer(run, "dead", moment)[layers].tolist()),
        )
        for moment in MOMENTS
    }
    majority = comparison.data.majority_test
    return Facts(
        name,
        moments,
        len(run.seeds),
        comparison.spec.training.epochs,
        comparison.test_accuracy(name),
        comparison.test_loss(name),
        None if math.isnan(majority) else majority,
        comparison.non_finite(name),
        comparison.interrupted,
        _paths(comparison, name),
        comparison.spec.training.dtype,
        resolution(comparison.spec.training.dtype),
        _began(run, comparison.constant_loss(name)),
        int(run.groups["steps"].coords["step"][-1]) + 1,
        bool(taken.hidden and taken.outputs),
    )


def _began(run: Run, baseline: float) -> float | None:
    return math.nan if math.isnan(baseline) else began_to_learn(run, baseline)


def _paths(comparison: Comparison, name: str) -> str:
    network = comparison.networks.get(name)
    if network is None:
        return "plain"
    return "skip" if network.skip else "plain" if network.norm == "none" else "norm"


def all_facts(comparison: Comparison) -> list[Facts]:
    """The facts of every network that has at least one member."""
    return [facts_of(comparison, name) for name, run in comparison.runs.items() if run.seeds]


def most_affected(networks: Sequence[Facts]) -> Facts:
    """The network whose error signal changes most on its way before training; one that cannot
    be measured or arrives as 0 before any other."""

    def change(facts: Facts) -> float:
        if not facts.seen:
            return -1.0
        decades = facts.moments["first"].attenuation.decades
        return math.inf if math.isnan(decades) else abs(decades)

    return max(networks, key=change)
