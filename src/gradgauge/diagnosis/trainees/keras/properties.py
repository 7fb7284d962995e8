"""The properties of a Keras training, asked before it begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from gradgauge.diagnosis.limits import Limits, shipped
from gradgauge.diagnosis.properties.answers import Properties, asked
from gradgauge.diagnosis.properties.bounds import bounds
from gradgauge.diagnosis.properties.mixing import batch_mixing
from gradgauge.diagnosis.properties.modes import Following, Modes
from gradgauge.diagnosis.properties.order import (
    Epoch,
    epoch_of,
    order_of,
)
from gradgauge.diagnosis.properties.reach import reach
from gradgauge.diagnosis.trainees.keras.data import FitData
from gradgauge.diagnosis.trainees.keras.experiment import KerasExperiment
from gradgauge.diagnosis.trainees.keras.facts import numpy_of


def properties_of(
    model: Any,
    given: FitData,
    options: Mapping[str, Any],
    steps: int = 0,
    limits: Limits | None = None,
) -> Properties:
    """Ask them all; the variables of the model stay.

    Args:
        model: compiled and built.
        given: what `fit` gets.
        options: its other arguments.
        steps: how many the whole training would take; 0: not known.
        limits: of all rules; None: the shipped ones.
    """
    limits = shipped() if limits is None else limits
    size = given.batch_size

    def first(tree: Any) -> Any:
        return keras.tree.map_structure(lambda a: a[:size], tree, none_is_leaf=False)

    experiment = asked(lambda: KerasExperiment(model, first(given.x_probe), first(given.y_probe)))
    if experiment is None:
        return Properties()
    return Properties(
        names=experiment.names,
        mixing=asked(lambda: batch_mixing(experiment, limits["batch-mixing"])),
        reach=asked(lambda: reach(experiment, limits["unreached-layer"])),
        mispaired=asked(experiment.mispaired),
        calls=asked(experiment.calls) or (),
        modes=asked(lambda: modes_of(model, steps)),
        bounds=asked(lambda: bounds(experiment)),
        unadapted=asked(lambda: unadapted(model)) or "",
        order=asked(lambda: order_of(_epoch(given, options), limits["unshuffled-batches"])),
    )


def modes_of(model: Any, steps: int = 0) -> Modes:
    """Running statistics that training never changes, or not fast enough for so many steps."""
    new = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
        and layer.built
        and layer.trainable
        and not np.any(numpy_of(layer.moving_mean))
        and np.all(numpy_of(layer.moving_variance) == 1)
    ]
    slow = tuple(
        Following(str(layer.name), 1 - layer.momentum, layer.momentum**steps)
        for layer in new
        if layer.momentum < 1
    )
    return Modes(frozen=tuple(str(layer.name) for layer in new if layer.momentum == 1), slow=slow)


def unadapted(model: Any) -> str:
    """Name of a normalization of the inputs that nobody told their mean and variance."""
    layers = (m for m in model._flatten_layers() if isinstance(m, keras.layers.Normalization))
    for layer in layers:
        mean, variance = (getattr(layer, name, None) for name in ("adapt_mean", "adapt_variance"))
        if mean is None or variance is None:
            continue  # told when it was made
        if not np.any(numpy_of(mean)) and np.all(numpy_of(variance) == 1):
            return str(layer.name)
    return ""


def _epoch(given: FitData, options: Mapping[str, Any]) -> Epoch:
    """The batches of one epoch, as `fit` would go through them."""
    batches = (
        (np.asarray(keras.tree.flatten(y)[0]), [np.asarray(a) for a in keras.tree.flatten(x)])
        for x, y in _batches(given, options)
    )
    arrays = given.rows is not None
    shuffled = arrays and bool(options.get("shuffle", True))
    return epoch_of(batches, given.samples if arrays else 0, shuffled)


def _batches(given: FitData, options: Mapping[str, Any]) -> Any:
    """Batches in the order of the rows, or as the user's own dataset gives them."""
    if given.y is None and given.rows is None:
        if isinstance(given.x, keras.utils.PyDataset):
            for i in range(int(given.x.num_batches or 0)):
                yield given.x[i][:2]
            return
        for batch in given.x:
            yield keras.tree.map_structure(_numpy, tuple(batch[:2]))
        return
    last = int(given.samples * (1 - float(options.get("validation_split") or 0)))
    for at in range(0, last, given.batch_size):
        part = slice(at, min(at + given.batch_size, last))
        yield keras.tree.map_structure(
            lambda a, part=part: np.asarray(a[part]), (given.x, given.y), none_is_leaf=False
        )


def _numpy(leaf: Any) -> np.ndarray:
    return np.asarray(leaf.numpy() if hasattr(leaf, "numpy") else leaf)
