"""A copy of a compiled Keras model, also of one with layers, losses and optimizers of its own."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from types import FunctionType
from typing import Any

import keras

from gradgauge.watchers.keras.private import is_saveable


def copied_model(model: Any) -> Any:
    """The same model, nothing of it shared: weights, loss, optimizer and its state.

    Keras copies a model by writing it down, and finds what is not its own by the names that are
    registered: those of this model are made known for so long. What cannot be written down, such as a
    model of a class without `get_config`, is copied part by part; on TensorFlow it cannot be.
    """
    with warnings.catch_warnings(), keras.saving.custom_object_scope(dict(_own_parts(model))):
        # What has not been trained yet has no optimizer's state to copy: no matter.
        warnings.simplefilter("ignore")
        try:
            return copy.deepcopy(model)
        # What a part's own `get_config` lacks, Keras tells by errors of many kinds.
        except Exception:  # noqa: BLE001
            return _part_by_part(model)


def _own_parts(model: Any) -> Iterator[tuple[str, Any]]:
    """Name -> classes and functions that a model is made of and that are not Keras's."""
    parts = [*model._flatten_layers(), model.optimizer, *keras.tree.flatten(model.loss)]
    parts += [measure for metric in model.metrics for measure in (metric, *vars(metric).values())]
    parts += [value for layer in model._flatten_layers() for value in vars(layer).values()]
    for part in parts:
        thing = part if isinstance(part, (FunctionType, type)) else type(part)
        if not thing.__module__.startswith(("keras.", "builtins", "tensorflow.", "jax", "torch")):
            yield thing.__name__, thing


_COMPILED = ("train_function", "test_function", "predict_function")
"""What a copy compiles for itself."""


def _part_by_part(model: Any) -> Any:
    """A copy of what cannot be written down: every object of Keras's with copies of what it holds."""
    memo: dict[int, Any] = {}
    found = list(_saveables(model, set()))
    for part in found:
        kind: Any = type(part)
        memo[id(part)] = kind.__new__(kind)
    for part in found:
        new = memo[id(part)]
        # What a new object has of its own calls it, and not the one that it is a copy of.
        own = {name for name, value in vars(new).items() if callable(value)}
        for name, value in vars(part).items():
            if name not in own:
                held = None if name in _COMPILED else copy.deepcopy(value, memo)
                object.__setattr__(new, name, held)
    return memo[id(model)]


def _saveables(thing: Any, seen: set[int]) -> Iterator[Any]:
    """The objects that Keras would write down, within whatever holds them."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if is_saveable(thing):
        yield thing
    if isinstance(thing, dict):
        inner: Any = [*thing.keys(), *thing.values()]
    elif isinstance(thing, (list, tuple, set)):
        inner = thing
    elif is_saveable(thing) or type(thing).__module__.startswith("keras."):
        inner = vars(thing).values() if hasattr(thing, "__dict__") else ()
    else:
        return
    for value in list(inner):
        yield from _saveables(value, seen)
