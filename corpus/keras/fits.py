"""What `pair` wants of a Keras training."""

from __future__ import annotations

from typing import Any

from keras import optimizers

from corpus.pairs import Made


def keras_fit(
    model: Any,
    loss: Any,
    x: Any,
    y: Any,
    truth: Any = None,
    epochs: int = 8,
    rate: Any = 1e-3,
    optimizer: Any = optimizers.Adam,
    compiling: Any = None,
    fit: Any = None,
    **o: Any,
) -> Made:
    """A compiled model and its `fit`; `o` goes to the optimizer."""
    model.compile(optimizer(rate, **o), loss, **(compiling or {}))
    options = {"epochs": epochs, "batch_size": 32} | (fit or {})
    return (model, x, y), options, y if truth is None else truth
