"""The main job: the same training for several networks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Never

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.engine.terms import Entry, OnRun
from gradgauge.engine.train import load, train
from gradgauge.listening import OnProgress
from gradgauge.parts.losses import LOSSES
from gradgauge.spec.comparison import ComparisonSpec, read_comparison
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.compare.result import Comparison


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
        dataset = _load_beside_engine(spec)
    loaded = time.perf_counter()
    networks = spec.fitting(dataset.inputs, dataset.outputs)
    entries = [Entry(name, network, spec.training) for name, network in networks.items()]
    trained = train(entries, dataset, on_progress, on_run)
    runs = {run.name: run for run in trained.runs}
    seconds = {
        "total": time.perf_counter() - began,
        "data": loaded - began,
        **trained.seconds,
    }
    return Comparison(spec, networks, runs, dataset, seconds, trained.interrupted)


def _load_beside_engine(spec: ComparisonSpec) -> Dataset:
    """The data, decoded while JAX is imported: each takes half a second."""
    classification = LOSSES[spec.training.loss].classification
    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(datasets.load, spec.dataset, classification)
        load()
        return loading.result()
