"""The data that `fit` was given, and the probe batch that is taken from it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any

import keras

from gradgauge.watchers.errors import CannotWatch
from gradgauge.watchers.keras.one_pass import first_samples, same_random_states
from gradgauge.watchers.keras.private import weights_of_classes

Arrays = tuple[Any, Any, Any] | None
"""All of x, y and sample_weight, as `fit` was given them."""

_FRAMES = 24
"""How far above `on_train_begin` the call of `fit` is looked for."""

_ASKED = ("x", "y", "sample_weight", "class_weight")


def build(model: Any, x: Any) -> None:
    """Build what `fit` has not built yet: TensorFlow's builds a subclassed model in its first
    step only. Calling it with shapes computes nothing and draws nothing but initial weights,
    each from its own initializer's seed, as the first step would."""
    if all(layer.built for layer in model._flatten_layers()) and model.weights:
        return
    with same_random_states():
        model(keras.tree.map_structure(_shape_of, x))


def _shape_of(leaf: Any) -> Any:
    dtype = str(getattr(leaf.dtype, "name", leaf.dtype)).rpartition(".")[2]
    floating = "float" in dtype
    return keras.KerasTensor(tuple(leaf.shape), keras.config.floatx() if floating else dtype)


def check_arrays(batch: tuple[Any, ...] | None) -> None:
    """Raise CannotWatch where a probe batch's x is no arrays."""
    if batch is None:
        return
    for leaf in keras.tree.flatten(batch[0]):
        if not hasattr(leaf, "shape"):
            raise CannotWatch("probe_not_arrays", kind=type(leaf).__name__)


def arguments_of_fit(model: Any) -> dict[str, Any]:
    """What `fit` was called with, of `x`, `y`, `sample_weight` and `class_weight`.

    Keras hands a callback everything but the data, and `fit` stands on the stack above it:
    reading its arguments there changes nothing. Empty where it is not found.
    """
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_FRAMES):
        if frame is None:
            break
        code = frame.f_code
        arguments = code.co_varnames[: code.co_argcount]
        # Only the variables of `fit` are asked for: asking a frame keeps all of them alive.
        names = frame.f_locals if code.co_name == "fit" and "x" in arguments else {}
        if names.get("self") is model:
            return {key: names.get(key) for key in _ASKED}
        frame = frame.f_back
    return {}


def arrays_in(arguments: Mapping[str, Any]) -> Arrays:
    """The arrays of a `fit`. None where they are no arrays: reading from an iterator or a
    generator would change what the training gets."""
    x, y, weight = (arguments.get(key) for key in _ASKED[:3])
    leaves = [leaf for leaf in keras.tree.flatten((x, y, weight)) if leaf is not None]
    if not leaves or not all(_is_array(leaf) for leaf in leaves):
        return None
    return x, y, weight


def weighted(y: Any, sample_weight: Any, class_weight: Any) -> Any:
    """The weights of samples, by their classes where those have weights, as `fit` makes them."""
    if class_weight is None or sample_weight is not None or not _is_array(y):
        return sample_weight
    return weights_of_classes(y, class_weight)


def first_of(arrays: Arrays) -> tuple[Any, ...] | None:
    """The probe batch: the first samples."""
    return None if arrays is None else tuple(map(first_samples, arrays))


def trains_by_itself(model: Any) -> bool:
    """Whether the model has a step of training of its own, whose loss may be any."""
    return not type(model).train_step.__module__.startswith("keras.")


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "shape") and hasattr(leaf, "dtype") and hasattr(leaf, "__getitem__")
