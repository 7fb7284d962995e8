"""The optimizer of a model from a .h5 file: Keras 3 builds it for no variables at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

_GROUP, _NAMES = "optimizer_weights", "weight_names"


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
        # Many names are spread over attributes with a number behind.
        attributes: Any = group.attrs
        parts = [_NAMES, *(f"{_NAMES}{i}" for i in range(len(attributes)))]
        names = [name for part in parts if part in attributes for name in attributes[part]]
        return [np.asarray(group[n.decode() if isinstance(n, bytes) else n]) for n in names]
