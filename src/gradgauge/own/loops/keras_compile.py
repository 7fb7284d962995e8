"""Compiles a Keras model that is not compiled, by the options of a comparison."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from gradgauge.spec.training import TrainingSpec


def compile_like(model: Any, training: TrainingSpec, classes: bool, one_hot: bool) -> bool:
    """Compile it as the dense networks of the same comparison are trained.

    Args:
        model: whose last layer is a softmax, or has no activation.
        training: optimizer, rate and loss.
        classes: whether targets are classes.
        one_hot: whether they are rows with a single 1.

    Returns:
        Whether it could be done: not where it cannot be told what the outputs are, nor with a
        loss, optimizer or schedule that Keras has not.
    """
    make = _OPTIMIZERS.get(training.optimizer)
    loss = _loss(model, training.loss, classes, one_hot)
    if make is None or loss is None or training.schedule != "constant" or training.warmup_steps:
        return False
    optimizer = make(training)
    if training.clip_norm:
        optimizer.global_clipnorm = training.clip_norm
    model.compile(optimizer=optimizer, loss=loss, metrics=["accuracy"] if classes else [])
    return True


def _loss(model: Any, name: str, classes: bool, one_hot: bool) -> Any | None:
    last = model.layers[-1] if model.layers else None
    softmax = isinstance(last, keras.layers.Softmax)
    activation = getattr(last, "activation", keras.activations.linear)
    softmax = softmax or activation is keras.activations.softmax
    if last is None or not (softmax or activation is keras.activations.linear):
        return None
    if not classes:
        return "mse" if name in ("mse", "cross_entropy") and not softmax else None
    if name != "cross_entropy":
        return None
    kind = keras.losses.CategoricalCrossentropy if one_hot else _SPARSE
    return kind(from_logits=not softmax)


_SPARSE = keras.losses.SparseCategoricalCrossentropy

_OPTIMIZERS: dict[str, Callable[[TrainingSpec], Any]] = {
    "sgd": lambda t: keras.optimizers.SGD(t.learning_rate),
    "momentum": lambda t: keras.optimizers.SGD(t.learning_rate, momentum=t.momentum),
    "nesterov": lambda t: keras.optimizers.SGD(t.learning_rate, t.momentum, nesterov=True),
    "rmsprop": lambda t: keras.optimizers.RMSprop(t.learning_rate),
    "adam": lambda t: keras.optimizers.Adam(t.learning_rate),
    "adamw": lambda t: keras.optimizers.AdamW(t.learning_rate, weight_decay=t.weight_decay),
}
