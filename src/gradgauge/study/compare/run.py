"""The main job: the same training for several networks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Never

from gradgauge.datasets import Dataset
from gradgauge.engine.terms import OnRun
from gradgauge.listening import OnProgress
from gradgauge.own.data import OwnData, given_data
from gradgauge.own.errors import OwnProblem
from gradgauge.spec.comparison import ComparisonSpec, is_function, read_comparison
from gradgauge.spec.network import NetworkSpec
from gradgauge.study.arms import run_arms
from gradgauge.study.compare.prepare import Function, prepare
from gradgauge.study.compare.result import Comparison


def compare(
    *networks: str | NetworkSpec | Function,
    preset: str | None = None,
    depth: int | None = None,
    width: int | None = None,
    dataset: str | Path | Dataset | None = None,
    train_samples: int | None = None,
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
    x: Any = None,
    y: Any = None,
    test_x: Any = None,
    test_y: Any = None,
    validation_data: tuple[Any, Any] | None = None,
    on_progress: OnProgress | None = None,
    **unknown: Never,
) -> Comparison:
    """Train networks alike and compare them.

    Args:
        networks: activations (`"relu"`), notations (`"784-64x9:sigmoid-64:relu-10"`), specs; or
            functions (`make_model`, `"my_models:make_model"`) that return a network of your own
            with all that trains it: a compiled Keras model; a PyTorch module, loss and optimizer;
            a JAX loss(params, x, y) and params, with predict(params, x) and an optax optimizer if
            there are. They are called once for every seed, after it was set in every framework,
            and given it if they take a `seed`; random states are afterwards as they were.
        preset: instead of networks: `practical` or `practical-all-sigmoid`.
        depth, width: hidden layers of the networks that are named by their activation; None: 10
            of 64 units.
        dataset: its name, an .npz file's path, or a Dataset; None: MNIST.
        train_samples: train on so many samples, evenly picked; None: all of them.
        seeds: trainings of each network; None: one.
        seed: the first of them; None: 0.
        optimizer, learning_rate, batch_size, epochs, loss, momentum, weight_decay, schedule,
        warmup_steps, clip_norm, dtype: see TrainingSpec, whose defaults None stands for. Networks
            of your own bring optimizer and loss; of them only epochs and batch size are meant.
        x, y: instead of a dataset: inputs, an array (samples, ...) or a dict or list of them, and
            targets, (samples, ...), in the form that your networks take.
        test_x, test_y: to test on; None: a fifth of x and y is held out.
        validation_data: test_x and test_y as a pair.
        on_progress: called with steps made and steps in all.
        unknown: nothing; a name that is not an option is answered by the nearest one that is.

    Returns:
        The comparison: `.history`, `.run(name)`, `.test_accuracy(name)`, `.to_json()`.

    Raises:
        OwnProblem: a function returns no network, or one that does not take the data.
        UnknownName: no such option, activation, preset, optimizer, ...
        GradgaugeError: anything else about the networks, options or data that cannot be.

    Example:
        >>> import gradgauge as gg
        >>> result = gg.compare("relu", "sigmoid", dataset="blobs", depth=3, epochs=1)
        >>> result.better
        'relu'
    """
    data: Dataset | OwnData | None = _arrays(x, y, test_x, test_y, validation_data)
    if data is not None and dataset is not None:
        raise OwnProblem("two_sources")
    data = dataset if isinstance(dataset, Dataset) else data
    spec = read_comparison(
        networks,
        preset=preset,
        depth=depth,
        width=width,
        dataset=data.name if data is not None else dataset,
        train_samples=train_samples,
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
    functions = [network for network in networks if is_function(network)]
    return run_comparison(spec, data, on_progress, functions=functions)  # type: ignore[arg-type]


def run_comparison(
    spec: ComparisonSpec,
    data: Dataset | OwnData | None = None,
    on_progress: OnProgress | None = None,
    on_run: OnRun | None = None,
    functions: Sequence[Function] = (),
) -> Comparison:
    """Train what `spec` names.

    Args:
        spec: what to compare.
        data: the data, if they are at hand.
        on_progress: called with steps made and steps in all.
        on_run: handed a network's number and its Run as soon as it is complete, from a worker's
            thread.
        functions: those of `spec.functions` that are no addresses, in order.

    Raises:
        GradgaugeError: the data cannot be used, or does not fit the networks.
    """
    began = time.perf_counter()
    prepared = prepare(spec, data, functions)
    loaded = time.perf_counter()
    trained = run_arms(prepared.arms, prepared.dataset, on_progress, on_run)
    seconds = {
        "total": time.perf_counter() - began,
        "data": loaded - began,
        **trained.seconds,
    }
    runs = {run.name: run for run in trained.runs}
    return Comparison(spec, prepared.networks, runs, prepared.dataset, seconds, trained.interrupted)


def _arrays(
    x: Any, y: Any, test_x: Any, test_y: Any, validation_data: tuple[Any, Any] | None
) -> OwnData | None:
    """The arrays that were given, if any were."""
    if (x is None) != (y is None):
        raise OwnProblem("needs_x")
    if validation_data is not None:
        test_x, test_y = validation_data[0], validation_data[1]
    if (test_x is None) != (test_y is None) or (test_x is not None and x is None):
        raise OwnProblem("test_pair")
    if x is None:
        return None
    return given_data(x, y, None if test_x is None else (test_x, test_y))
