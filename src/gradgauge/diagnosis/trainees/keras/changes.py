"""A change applied to a Keras training for as long as a trial takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras

from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.trainees.keras.facts import value_of
from gradgauge.diagnosis.trainees.trainee import redrawn
from gradgauge.diagnosis.trial import Change

FUNCTIONS = ("train_function", "test_function", "predict_function")
"""Attributes of a model that hold what was compiled of it."""


@contextmanager
def changed(model: Any, matrices: Mapping[str, Sequence[Any]], change: Change) -> Iterator[None]:
    """The training with one thing changed; activations and optimizer are put back.

    Args:
        model: its weights stay changed: the trainee rewinds them.
        matrices: layer's name -> its matrices.
        change: what to do.

    Raises:
        CannotDiagnose: no such activation or optimizer.
    """
    if change.seed is not None:
        variables = model.trainable_variables
        drawn = redrawn([value_of(v) for v in variables], change.seed)
        for variable, array in zip(variables, drawn, strict=True):
            variable.assign(array)
    for name, factor in change.weight_factors.items():
        for matrix in matrices.get(name, ()):
            matrix.assign(matrix * factor)
    own = model.optimizer
    swapped: list[tuple[Any, Any]] = []
    try:
        if change.activation is not None:
            swapped = _swap(model, change.activation)
        if change.optimizer is not None or change.clip_norm is not None:
            model.optimizer = _optimizer(model, change)
        if change.rate_factor != 1.0:
            rate = model.optimizer.learning_rate
            rate.assign(rate * change.rate_factor)
        _compile_anew(model, bool(swapped) or model.optimizer is not own)
        yield
    finally:
        for layer, activation in swapped:
            layer.activation = activation
        _compile_anew(model, bool(swapped) or model.optimizer is not own)
        model.optimizer = own


def _compile_anew(model: Any, needed: bool) -> None:
    for name in FUNCTIONS if needed else ():
        if hasattr(model, name):
            setattr(model, name, None)


def _swap(model: Any, name: str) -> list[tuple[Any, Any]]:
    """The activation of every hidden layer that has one of its own; what they had."""
    try:
        activation = keras.activations.get(name)
    except ValueError as error:
        raise CannotDiagnose("unknown_activation", name=name, known="relu, tanh, gelu") from error
    linear = keras.activations.linear
    layers = [
        layer
        for layer in model._flatten_layers()
        if getattr(layer, "activation", linear) not in (linear, keras.activations.softmax)
        and not isinstance(layer, keras.layers.RNN)
    ]
    swapped = [(layer, layer.activation) for layer in layers]
    for layer in layers:
        layer.activation = activation
    return swapped


def _optimizer(model: Any, change: Change) -> Any:
    own = model.optimizer
    if change.optimizer is None:
        new = copy_of(own, model.trainable_variables)
        new.global_clipnorm, new.clipnorm, new.clipvalue = change.clip_norm, None, None
        return new
    try:
        new: Any = keras.optimizers.get(change.optimizer)
    except ValueError as error:
        name = change.optimizer
        raise CannotDiagnose("unknown_optimizer", name=name, known="sgd, adam, adamw") from error
    new.build(model.trainable_variables)
    new.learning_rate.assign(own.learning_rate)
    return new


def copy_of(optimizer: Any, variables: list[Any]) -> Any:
    """An optimizer in the same state, so that the user's own is never touched."""
    try:
        copy = type(optimizer).from_config(optimizer.get_config())
    except (TypeError, ValueError, NotImplementedError):
        return optimizer
    copy.build(variables)
    # One that Keras 3 loaded from a .h5 file was built for no variables: its state is lost.
    if [tuple(v.shape) for v in copy.variables] == [tuple(v.shape) for v in optimizer.variables]:
        for new, old in zip(copy.variables, optimizer.variables, strict=True):
            new.assign(value_of(old))
    else:
        copy.iterations.assign(value_of(optimizer.iterations))
    return copy
