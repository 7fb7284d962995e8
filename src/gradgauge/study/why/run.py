"""Why a network fails: counterfactuals trained beside it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Never

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.datasets.look import warn_of
from gradgauge.errors import InvalidValue
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.listening import OnProgress
from gradgauge.parts.losses import LOSSES, constant_loss
from gradgauge.spec.checks import known_options, options_of
from gradgauge.spec.comparison import WHY_SEEDS, read_comparison
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec
from gradgauge.study.arms import Arm, run_arms
from gradgauge.study.why.counterfactuals import arms_of
from gradgauge.study.why.result import Why
from gradgauge.study.why.verdict import TrainedArm, judge_arms

DEFAULT_OPTIMIZERS = {"adam": 1e-3, "momentum": 0.01}
"""Optimizer -> learning rate."""


def why(
    network: str | NetworkSpec,
    training: TrainingSpec | None = None,
    dataset: str | Path | Dataset | None = None,
    optimizers: Mapping[str, float] | None = None,
    on_progress: OnProgress | None = None,
    *,
    depth: int | None = None,
    width: int | None = None,
    train_samples: int | None = None,
    seeds: int | None = None,
    seed: int | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    **unknown: Never,
) -> Why:
    """Train a network and its counterfactuals with every optimizer and every seed.

    Args:
        network: an activation (`"sigmoid"`), a notation, or a spec: the unchanged network.
        training: training settings; optimizer and learning rate are replaced. None: see the options
            below.
        dataset: a name, the path of an .npz or .csv file, or a Dataset; None: MNIST.
        optimizers: optimizer -> learning rate; None: DEFAULT_OPTIMIZERS.
        on_progress: called with (steps done, total steps).
        depth, width: hidden layers of a network given by its activation; None: 10 of 64 units.
        train_samples: number of training samples, evenly selected; None: all.
        seeds: training runs per arm; None: WHY_SEEDS, because one seed cannot decide anything.
        seed: the first seed; None: 0.
        batch_size, epochs: see TrainingSpec; None: its default.
        unknown: none are accepted; an unknown option raises UnknownName with the nearest name.

    Returns:
        The experiment: `.causes`, `.arms`, `.to_json()`.

    Raises:
        InvalidValue: an option that `training` already specifies.
        GradgaugeError: any other problem with the network, options or data.
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
    given |= {"depth": depth, "width": width, "dataset": named, "train_samples": train_samples}
    spec = read_comparison((network,), **given)
    training = training or spec.training
    data = data or datasets.load(spec.dataset, LOSSES[training.loss].classification)
    data = data.thinned(spec.train_samples)
    warn_of(data)
    (control,) = spec.fitting(data.inputs, data.outputs).values()
    return _experiment(
        control, training, data, optimizers or DEFAULT_OPTIMIZERS, on_progress, began
    )


def _experiment(
    network: NetworkSpec,
    training: TrainingSpec,
    data: Dataset,
    chosen: Mapping[str, float],
    on_progress: OnProgress | None,
    began: float,
) -> Why:
    sample = data.floats(data.x_train[:PROBE_SAMPLES])
    variants = arms_of(network, sample)
    plan = [(arm, optimizer) for optimizer in chosen for arm in variants]
    side_by_side = [
        Arm(
            f"{arm.name} ({optimizer})",
            arm.network,
            training.replace(
                optimizer=optimizer.partition("@")[0], learning_rate=chosen[optimizer]
            ),
            arm.adjust,
        )
        for arm, optimizer in plan
    ]
    trained = run_arms(side_by_side, data, on_progress)
    arms = [
        TrainedArm(arm, optimizer, run)
        for (arm, optimizer), run in zip(plan, trained.runs, strict=True)
        if run.seeds
    ]
    judge_arms(arms)
    seconds = {"total": time.perf_counter() - began, **trained.seconds}
    return Why(
        network,
        training,
        arms,
        constant_loss(training.loss, data.y_train),
        data,
        seconds,
        trained.interrupted,
    )
