"""Why a network fails: counterfactuals trained beside it, and the verdict that follows.

A change rescues when it raises the mean test accuracy by at least RESCUE over the arm without
it and the difference is decided. It is a cause when it rescues the control, or rescues an arm
that has another change already. Where the control does not fail, there is nothing to explain.

The critical weight scale multiplies the same weights as the change that cancels the slope, and
so contains it: where the slope is a cause, the weight scale is not named beside it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Never

import numpy as np

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.engine.ensemble import PROBE_SAMPLES
from gradgauge.engine.train import Entry, train
from gradgauge.errors import InvalidValue
from gradgauge.parts.losses import LOSSES
from gradgauge.run import Run
from gradgauge.spec.checks import known_options, options_of
from gradgauge.spec.comparison import WHY_SEEDS, read_comparison
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec
from gradgauge.statistics import Difference, Summary, difference, summarize
from gradgauge.study.by_layer import Attenuation, attenuation, by_layer
from gradgauge.study.learning_onset import began_to_learn
from gradgauge.study.why.counterfactuals import (
    CAUSES,
    CENTRING,
    CONTROL,
    SLOPE,
    WEIGHT_SCALE,
    Arm,
    arms_of,
)
from gradgauge.theory.activation_moments import moments
from gradgauge.theory.network import layer_sigmas, predict_network

RESCUE = 0.05
"""CONTRACT section 5: the least rise of mean test accuracy that counts as a rescue."""

DEFAULT_OPTIMIZERS = {"adam": 1e-3, "momentum": 0.01}
"""Optimiser -> learning rate."""


@dataclass
class TrainedArm:
    """An arm under one optimiser, and what came of it.

    Attributes:
        arm: what was changed.
        optimizer: its label.
        run: the Run.
        decided: whether it differs from the control, corrected for the number of arms; None
            for the control and with one seed.
        difference: the arm minus the control.
    """

    arm: Arm
    optimizer: str
    run: Run
    difference: Difference | None = None

    @property
    def decided(self) -> bool | None:
        """Whether it differs from the control."""
        return self.difference.decided if self.difference else None

    @property
    def accuracy(self) -> np.ndarray:
        """Test accuracy, one a seed."""
        return self.run.figure("test_accuracy")

    @property
    def test_accuracy(self) -> Summary:
        """Test accuracy over seeds."""
        return summarize(self.accuracy)

    def attenuation(self, moment: str) -> Attenuation:
        """What the error signal loses, `first` or `last`."""
        return attenuation(self.run, moment)

    def last_spread(self, moment: str) -> float:
        """signal_spread in the last hidden layer."""
        return float(by_layer(self.run, "signal_spread", moment)[-2])

    @property
    def chi_grad_measured(self) -> float | None:
        """Mean square of the gradient per layer at the initial weights, inner layers only.

        The first hidden layer is left out, whose inputs have another variance, and the last,
        whose error comes through the output weights.
        """
        gains = by_layer(self.run, "backward_gain", "first")[1:-2]
        with np.errstate(divide="ignore"):
            value = float(np.exp(2 * np.mean(np.log(gains)))) if len(gains) else math.nan
        return value if math.isfinite(value) else None


@dataclass
class Why:
    """The experiment.

    Attributes:
        network: the control.
        training: shared by all arms but for optimiser and rate.
        arms: every arm under every optimiser, the controls first.
        baseline: loss of the best constant prediction: what a net must beat to have learned.
        dataset: what they were trained on.
        seconds: `total`, `compile`, `train`, `evaluate`.
        interrupted: whether Ctrl-C broke it off.
    """

    network: NetworkSpec
    training: TrainingSpec
    arms: list[TrainedArm]
    baseline: float
    dataset: Dataset
    seconds: dict[str, float]
    interrupted: bool = False

    @property
    def optimizers(self) -> list[str]:
        """Their labels."""
        return list(dict.fromkeys(arm.optimizer for arm in self.arms))

    def of(self, optimizer: str) -> dict[str, TrainedArm]:
        """The arms under one optimiser, by name."""
        return {a.arm.name: a for a in self.arms if a.optimizer == optimizer}

    @property
    def causes(self) -> dict[str, list[str]]:
        """For each optimiser the causes; empty if the control does not fail."""
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
        return float(np.mean(_as_floats(self.dataset.x_train[:PROBE_SAMPLES]) ** 2))

    def to_json(self) -> dict[str, Any]:
        """As CONTRACT section 5 has it."""
        from gradgauge.study.why.json import why_json

        return why_json(self)


def why(
    network: str | NetworkSpec,
    training: TrainingSpec | None = None,
    dataset: str | Path | Dataset | None = None,
    optimizers: Mapping[str, float] | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    *,
    depth: int | None = None,
    width: int | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    **unknown: Never,
) -> Why:
    """Train a network and its counterfactuals, under every optimizer and with every seed.

    Args:
        network: an activation (`"sigmoid"`), a notation, or a spec: the network as it is.
        training: how; its optimizer and rate are replaced. None: as the options below say.
        dataset: its name, an .npz file's path, or a Dataset; None: MNIST.
        optimizers: optimizer -> rate; None: DEFAULT_OPTIMIZERS.
        on_progress: called with steps made and steps in all.
        depth, width: hidden layers of a network named by its activation; None: 10 of 64 units.
        seeds: trainings of each arm; None: WHY_SEEDS, as with one nothing is decided.
        seed: the first of them; None: 0.
        batch_size, epochs: see TrainingSpec, whose defaults None stands for.
        unknown: nothing; a name that is not an option is answered by the nearest one that is.

    Returns:
        The experiment: `.causes`, `.arms`, `.to_json()`.

    Raises:
        InvalidValue: an option beside a `training` that says it itself.
        GradgaugeError: anything else about the network, options or data that cannot be.
    """
    known_options(unknown, options_of(why))
    given = {"seeds": seeds, "seed": seed, "batch_size": batch_size, "epochs": epochs}
    if training is not None:
        for name, value in given.items():
            if value is not None:
                raise InvalidValue(name, value, "not_beside_training")
    elif seeds is None:
        given["seeds"] = WHY_SEEDS
    began = time.perf_counter()
    data = dataset if isinstance(dataset, Dataset) else None
    named = dataset if data is None else data.name
    spec = read_comparison((network,), depth=depth, width=width, dataset=named, **given)
    training = training or spec.training
    data = data or datasets.load(spec.dataset, LOSSES[training.loss].classification)
    (control,) = spec.fitting(data.inputs, data.outputs).values()
    return _experiment(
        control, training, data, optimizers or DEFAULT_OPTIMIZERS, on_progress, began
    )


def _experiment(
    network: NetworkSpec,
    training: TrainingSpec,
    data: Dataset,
    chosen: Mapping[str, float],
    on_progress: Callable[[int, int], None] | None,
    began: float,
) -> Why:
    sample = _as_floats(data.x_train[:PROBE_SAMPLES])
    variants = arms_of(network, sample)
    plan = [(arm, optimizer) for optimizer in chosen for arm in variants]
    entries = [
        Entry(
            f"{arm.name} ({optimizer})",
            arm.network,
            training.replace(
                optimizer=optimizer.partition("@")[0], learning_rate=chosen[optimizer]
            ),
            arm.adjust,
        )
        for arm, optimizer in plan
    ]
    trained = train(entries, data, on_progress)
    arms = [
        TrainedArm(arm, optimizer, run)
        for (arm, optimizer), run in zip(plan, trained.runs, strict=True)
        if run.seeds
    ]
    _judge(arms)
    seconds = {"total": time.perf_counter() - began, **trained.seconds}
    return Why(
        network,
        training,
        arms,
        constant_loss(data, training.loss),
        data,
        seconds,
        trained.interrupted,
    )


def _judge(arms: Sequence[TrainedArm]) -> None:
    """Every arm against its optimiser's control, corrected for the number of comparisons."""
    controls = {a.optimizer: a for a in arms if a.arm.name == CONTROL}
    comparisons = max(1, len(arms) - len(controls))
    for arm in arms:
        control = controls.get(arm.optimizer)
        if control is not None and arm is not control:
            arm.difference = difference(arm.accuracy, control.accuracy, comparisons)


def control_fails(arms: dict[str, TrainedArm]) -> bool | None:
    """Whether some arm is better than the control by RESCUE, decided; None if undecided."""
    gaps = [arm.difference for arm in arms.values() if arm.difference]
    large = [gap for gap in gaps if gap.mean >= RESCUE]
    if any(gap.decided for gap in large):
        return True
    return None if large else False


_BOTH = f"{SLOPE}+{CENTRING}"

_CHANGES = (
    (SLOPE, CONTROL, SLOPE),
    (SLOPE, CENTRING, _BOTH),
    (CENTRING, CONTROL, CENTRING),
    (CENTRING, SLOPE, _BOTH),
    (WEIGHT_SCALE, CONTROL, WEIGHT_SCALE),
)
"""(cause, arm without the change, arm with it)."""


def find_causes(arms: dict[str, TrainedArm]) -> list[str]:
    """The causes under one optimiser, by the module's rule."""
    if not control_fails(arms):
        return []
    made = [change for change in _CHANGES if change[1] in arms and change[2] in arms]
    found = {
        cause
        for cause, without, with_ in made
        if _rescues(arms[without], arms[with_], comparisons=len(made))
    }
    if SLOPE in found:
        found.discard(WEIGHT_SCALE)
    return [cause for cause in CAUSES if cause in found]


def _rescues(without: TrainedArm, with_: TrainedArm, comparisons: int) -> bool:
    gap = difference(with_.accuracy, without.accuracy, comparisons)
    return gap.mean >= RESCUE and bool(gap.decided)


def predicted_chi_grad(arm: Arm, input_square: float) -> float | None:
    """chi_grad of an arm's inner layers by mean-field theory; None where there is no prediction.

    With the activations centred, the length map runs on their variance: q = sigma_w^2 Var f.

    Args:
        arm: its network, the factor of its hidden weights, and whether it is centred.
        input_square: mean square of the data's inputs.
    """
    network = arm.network
    if network.depth < 4:
        return None
    if arm.centred:
        if len(set(network.activations)) > 1:
            return None
        name, sigma_w = network.activations[0], layer_sigmas(network)[1][0] * arm.weight_factor
        slopes = float(moments(name).slope_square(_centred_length(name, sigma_w)))
        return sigma_w**2 * slopes
    scaled = network.replace(scale=network.scale * arm.weight_factor)
    inner = predict_network(scaled, input_square).layers[1:-1]
    return math.exp(np.mean([math.log(x.chi_grad) for x in inner])) if inner else None


def _centred_length(name: str, sigma_w: float) -> float:
    """Fixed point of q = sigma_w^2 (E[f^2] - E[f]^2), by iteration from 1."""
    form, q = moments(name), 1.0
    for _ in range(1_000):
        new = sigma_w**2 * float(form.square(q) - form.mean(q) ** 2)
        if abs(new - q) <= 1e-12 * max(q, 1e-12):
            break
        q = max(new, 1e-300)
    return q


def constant_loss(dataset: Dataset, loss: str) -> float:
    """Mean loss of the best prediction that does not look at its input."""
    if LOSSES[loss].classification:
        shares = np.bincount(dataset.y_train) / len(dataset.y_train)
        if loss == "cross_entropy":
            shares = shares[shares > 0]
            return float(-(shares * np.log(shares)).sum())
        return float((shares * (1 - shares)).sum() / len(shares))
    return float(dataset.y_train.var(axis=0).mean())


def _as_floats(x: np.ndarray) -> np.ndarray:
    return x / 255 if x.dtype == np.uint8 else x
