"""The arguments of `remedy` about somebody's own model: those of `diagnose`, and functions that make
a model, with their data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.diagnosis.loading import SUFFIXES, load_model
from gradgauge.diagnosis.trainees.trainee import steps_for
from gradgauge.errors import InvalidValue
from gradgauge.own.data import OwnData, Tree, given_data, mapped, named_data, own_data
from gradgauge.own.errors import OwnProblem
from gradgauge.own.loading import choose_backend, find_function
from gradgauge.own.made import Scheduler, is_keras, is_module, made_of
from gradgauge.remedies.own.target import is_function_of
from gradgauge.spec.checks import known_options
from gradgauge.spec.notation import looks_like_function
from gradgauge.spec.training import TrainingSpec

_ARRAYS = ("x", "y", "test_x", "test_y")
_LENGTH = ("epochs", "batch_size")
_FIELDS = tuple(f.name for f in dataclasses.fields(TrainingSpec) if f.name != "seeds")
_FIT_BATCH = 32
"""Samples a batch where a model is given and says nothing: as Keras and `diagnose` have it."""


@dataclass(frozen=True)
class OwnTraining:
    """Somebody's own training, as it was given.

    Attributes:
        target: a function that makes a network, or a network (`target.target_of`).
        data: what it is trained on.
        training: epochs and batch size; for a Keras model that is not compiled all else, too.
        loader: of PyTorch, the batches that were given; None: arrays were.
        kind: of JAX, as `diagnose` takes it.
        scheduler: of PyTorch, what changes the rate, and when it does.
        shuffled: of Keras, whether `fit` shuffles.
    """

    target: Any
    data: OwnData
    training: TrainingSpec
    loader: Any = None
    kind: str | None = None
    scheduler: Scheduler | None = None
    shuffled: bool = True


def names_own(target: str) -> bool:
    """Whether a text names somebody's own model: a file of one, or a function."""
    return Path(target).suffix in SUFFIXES or looks_like_function(target)


def named_target(
    target: str, args: tuple[Any, ...], dataset: Any, trust: bool
) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """What a text names: (target, arguments, options), as `read_own` takes them.

    With data a function makes the model, anew for every seed; without, it returns what `diagnose`
    takes: the model, all that belongs to it, its data and, last, options.

    Raises:
        ModelProblem: no such file or function.
    """
    choose_backend()
    if looks_like_function(target) and (dataset is not None or args):
        return find_function(target), args, {}
    loaded = load_model(target, trust)
    if dataset is None and not args and _is_network(loaded, target):
        raise OwnProblem("needs_data")
    parts = list(loaded) if isinstance(loaded, tuple) else [loaded]
    options = parts.pop() if len(parts) > 1 and isinstance(parts[-1], dict) else {}
    return parts[0], (*parts[1:], *args), options


def _is_network(loaded: Any, name: str) -> bool:
    """Whether it is a network with all that trains it, and nothing beside."""
    try:
        made_of(loaded, name)
    except OwnProblem:
        return False
    return True


def read_own(
    target: Any, args: tuple[Any, ...], dataset: Any, seed: int | None, options: dict[str, Any]
) -> OwnTraining:
    """Sort the arguments by the framework of what is given.

    Args:
        target: a function, a compiled Keras model, a PyTorch module, a JAX loss; or a network
            with its loss and optimizer in one.
        args: as `diagnose` takes them; after a function x and y.
        dataset: a name, a file's path, `module:function` or a Dataset, instead of x and y.
        seed: the first one.
        options: x, y, test_x, test_y, epochs, batch_size and what a framework has beside them.

    Raises:
        GradgaugeError: something is missing, unknown, or cannot be.
    """
    given = dict(options)
    if is_keras(target):
        return _keras(target, args, dataset, seed, given)
    if is_module(target):
        return _pytorch(target, args, dataset, seed, given)
    if is_function_of(target) and _holds_parameters(args, given):
        return _jax(target, args, dataset, seed, given)
    known_options(given, (*_ARRAYS, *_FIELDS))
    _named(given, ("x", "y"), args)
    data = _data(dataset, given)
    fields = {name: given[name] for name in _FIELDS if name in given}
    return OwnTraining(target, data, _training(data, fields, seed))


def _holds_parameters(args: tuple[Any, ...], options: Mapping[str, Any]) -> bool:
    """Whether a function is a JAX loss, whose parameters stand beside it."""
    return "params" in options or len(args) + ("x" in options) + ("y" in options) > 2


def _keras(
    model: Any, args: tuple[Any, ...], dataset: Any, seed: int | None, given: dict[str, Any]
) -> OwnTraining:
    known_options(given, (*_ARRAYS, *_LENGTH, "validation_data", "verbose", "shuffle"))
    _named(given, ("x", "y"), args)
    held_out = given.get("validation_data")
    if held_out is not None:
        given |= {"test_x": held_out[0], "test_y": held_out[1]}
    data = _data(dataset, given)
    training = _training(data, _length(given, data, 1), seed)
    return OwnTraining(model, data, training, shuffled=bool(given.get("shuffle", True)))


def _pytorch(
    model: Any, args: tuple[Any, ...], dataset: Any, seed: int | None, given: dict[str, Any]
) -> OwnTraining:
    from gradgauge.diagnosis.trainees.torch.front import from_parts

    own = ("loss", "optimizer", "loader", "scheduler")
    known_options(given, (*_ARRAYS, *_LENGTH, *own))
    parts = {k: v for k, v in given.items() if k not in ("test_x", "test_y")}
    if dataset is not None:
        # What is sorted out here is loss and optimizer alone: the batches are the dataset's.
        parts["loader"] = [()]
    found = from_parts(model, args, parts)
    if found.own_loss:
        raise OwnProblem("loader_pairs", kind="dict")
    loader = None if dataset is not None else found.loader
    if loader is not None:
        given["x"], given["y"], size = _whole(loader)
        given.setdefault("batch_size", size)
    data = _data(dataset, given)
    target = (model, found.loss, found.optimizer)
    training = _training(data, _length(given, data), seed)
    return OwnTraining(target, data, training, loader, scheduler=found.scheduler)


def _jax(
    loss: Any, args: tuple[Any, ...], dataset: Any, seed: int | None, given: dict[str, Any]
) -> OwnTraining:
    own = ("params", "optimizer", "learning_rate", "predict", "kind")
    known_options(given, (*_ARRAYS, *_LENGTH, *own))
    _named(given, ("params", "x", "y"), args)
    data = _data(dataset, given)
    fields = {name: given.get(name) for name in own if name != "kind"}
    training = _training(data, _length(given, data), seed)
    return OwnTraining({"loss": loss, **fields}, data, training, kind=given.get("kind"))


def _named(given: dict[str, Any], names: Sequence[str], args: tuple[Any, ...]) -> None:
    """Name what stands in a row."""
    if len(args) > len(names):
        raise OwnProblem("too_many", most=len(names), names=", ".join(names), count=len(args))
    given |= dict(zip(names, args, strict=False))


def _length(given: Mapping[str, Any], data: OwnData, epochs: int | None = None) -> dict[str, Any]:
    """Epochs and batch size of a model that is given, as `diagnose` has them."""
    size = given.get("batch_size") or _FIT_BATCH
    epochs = given.get("epochs") or epochs
    if epochs is None:
        _, epochs = steps_for(data.samples, size, None)
    return {"batch_size": size, "epochs": epochs}


def _training(data: OwnData, fields: Mapping[str, Any], seed: int | None) -> TrainingSpec:
    """A training, checked; no batch is larger than the samples that are left to train on."""
    training = TrainingSpec(seeds=(0 if seed is None else seed,), **fields)
    return training.replace(batch_size=min(training.batch_size, data.samples))


def _data(dataset: Any, given: Mapping[str, Any]) -> OwnData:
    x, y = given.get("x"), given.get("y")
    if dataset is not None:
        if x is not None or y is not None:
            raise OwnProblem("two_sources")
        return own_data(dataset) if isinstance(dataset, Dataset) else named_data(str(dataset))
    if x is None or y is None:
        raise OwnProblem("needs_data")
    test = given.get("test_x"), given.get("test_y")
    if (test[0] is None) != (test[1] is None):
        raise OwnProblem("test_pair")
    return given_data(x, y, None if test[0] is None else test)


def _whole(loader: Any) -> tuple[Tree, np.ndarray, int]:
    """All samples of a loader's one pass, and how many its first batch has; its random states
    stay."""
    from gradgauge.diagnosis.trainees.torch.data import random_states

    if not hasattr(loader, "__len__"):
        raise OwnProblem("loader_pairs", kind=type(loader).__name__)
    xs, ys = [], []
    with random_states(loader):
        for batch in loader:
            if not isinstance(batch, (tuple, list)) or len(batch) != 2:
                raise OwnProblem("loader_pairs", kind=type(batch).__name__)
            xs.append(mapped(_array, batch[0]))
            ys.append(_array(batch[1]))
    if not ys:
        raise OwnProblem("no_samples", what="x, y")
    try:
        return _joined(xs), np.concatenate(ys), len(ys[0])
    except ValueError as error:
        raise OwnProblem("loader_joined", why=str(error).partition("\n")[0]) from None


def _array(tensor: Any) -> np.ndarray:
    detached = tensor.detach().cpu() if hasattr(tensor, "detach") else tensor
    return np.asarray(detached)


def _joined(trees: Sequence[Tree]) -> Tree:
    """Trees of one form, each leaf's rows one after the other."""
    first = trees[0]
    if isinstance(first, dict):
        return {key: _joined([tree[key] for tree in trees]) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(_joined(parts) for parts in zip(*trees, strict=True))
    return np.concatenate(trees)


def without(name: str, value: object) -> None:
    """Raise where an option is given that only a notation has."""
    if value is not None:
        raise InvalidValue(name, value, "of_a_notation")
