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
    """Train networks under the same conditions and compare them.

    Args:
        networks: activations (`"relu"`), notations (`"784-64x9:sigmoid-64:relu-10"`), specs; or
            functions (`make_model`, `"my_models:make_model"`) that return a network of your own
            with its training: a compiled Keras model; a PyTorch module, loss and optimizer; a JAX
            loss(params, x, y) and params, optionally predict(params, x) and an optax optimizer.
            They are called once per seed, after it has been set in every framework, and receive
            it if they have a parameter `seed`. Random states are restored afterwards.
        preset: `practical` or `practical-all-sigmoid`, instead of networks.
        depth, width: hidden layers of networks given by their activation; None: 10 layers of 64
            units.
        dataset: a name, the path of an .npz or .csv file, or a Dataset; None: MNIST.
        train_samples: number of training samples, evenly selected; None: all.
        seeds: training runs per network; None: 1.
        seed: the first seed; None: 0.
        optimizer, learning_rate, batch_size, epochs, loss, momentum, weight_decay, schedule,
        warmup_steps, clip_norm, dtype: see TrainingSpec; None: its default. Your own networks
            bring their optimizer and loss, so only epochs and batch size apply to them.
        x, y: instead of a dataset: inputs, an array (samples, ...) or a dict or list of arrays,
            and targets, (samples, ...), as your networks expect them.
        test_x, test_y: test data; None: a fifth of x and y is held out.
        validation_data: test_x and test_y as a pair.
        on_progress: called with (steps done, total steps).
        unknown: none are accepted; an unknown option raises UnknownName with the nearest name.

    Returns:
        The comparison: `.history`, `.run(name)`, `.test_accuracy(name)`, `.to_json()`.

    Raises:
        OwnProblem: a function returns no network, or one that does not accept the data.
        UnknownName: an unknown option, activation, preset, optimizer, ...
        GradgaugeError: any other problem with the networks, options or data.

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
    return run_comparison(spec, data, on_progress, functions=functions)


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
        on_progress: called with (steps done, total steps).
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
