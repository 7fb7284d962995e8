"""How a model from a .h5 file trains. Keras 3 reads such files only in part: it does not know
losses and metrics by their short names (`mse`), and builds the optimizer for no variables at all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_CONFIG = "training_config"
_GROUP, _NAMES = "optimizer_weights", "weight_names"
_AS_THEY_ARE = ("loss_weights", "run_eagerly", "steps_per_execution")


def compile_as_saved(model: Any, path: Path) -> None:
    """Compile a model with the loss, metrics and optimizer that its file names; without them, not.

    Args:
        model: as Keras loaded it, not compiled.
        path: the file, checked.
    """
    with h5py.File(path, "r") as file:
        found = file.attrs.get(_CONFIG)
    if not isinstance(found, (str, bytes)):
        return
    import keras

    config = json.loads(found)
    metrics = {
        name: _named(config.get(name), keras.metrics.deserialize)
        for name in ("metrics", "weighted_metrics")
    }
    model.compile(
        optimizer=keras.optimizers.deserialize(config["optimizer_config"]),
        loss=_named(config["loss"], keras.losses.deserialize),
        **metrics,
        **{name: config[name] for name in _AS_THEY_ARE if config.get(name) is not None},
    )


def _named(config: Any, deserialize: Any) -> Any:
    """Losses or metrics, alone, in lists or by output; names stay names, which `compile` knows."""
    if isinstance(config, dict) and "class_name" in config:
        return deserialize(config)
    if isinstance(config, dict):
        return {key: _named(value, deserialize) for key, value in config.items()}
    if isinstance(config, list):
        return [_named(value, deserialize) for value in config]
    return config


def restore_optimizer(model: Any, path: Path) -> None:
    """Give a model its optimizer for its own variables, in the state that the file holds.

    A state of other shapes, such as an older Keras wrote, is left out: the optimizer starts anew.

    Args:
        model: as Keras loaded it.
        path: the file, checked.
    """
    optimizer = getattr(model, "optimizer", None)
    variables = model.trainable_variables
    if optimizer is None or not variables:
        return
    fresh = type(optimizer).from_config(optimizer.get_config())
    fresh.build(variables)
    state = _state(path)
    if [tuple(v.shape) for v in fresh.variables] == [array.shape for array in state]:
        for variable, array in zip(fresh.variables, state, strict=True):
            variable.assign(array)
    model.optimizer = fresh


def _state(path: Path) -> list[np.ndarray]:
    with h5py.File(path, "r") as file:
        group: Any = file.get(_GROUP)
        if not isinstance(group, h5py.Group):
            return []
        # Many names are spread over attributes, numbered.
        attributes: Any = group.attrs
        parts = [_NAMES, *(f"{_NAMES}{i}" for i in range(len(attributes)))]
        names = [name for part in parts if part in attributes for name in attributes[part]]
        return [np.asarray(group[n.decode() if isinstance(n, bytes) else n]) for n in names]
