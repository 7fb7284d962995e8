"""Writes Keras trainings down."""

from __future__ import annotations

from typing import Any

import numpy as np

from corpus.case import Book
from corpus.keras.models import (
    Sparse,
    compiled,
)

BOOK = Book("keras")
Binary = "binary_crossentropy"


def fit(model: Any, x: Any, y: Any, epochs: int = 6, **options: Any) -> Any:
    """The arguments of diagnose."""
    return (model, x, y), {"epochs": epochs, **options}


def case(
    rule: str,
    name: str,
    source: Any,
    build: Any,
    loss: Any = Sparse,
    layers_: tuple[str, ...] = (),
    kind: str = "dense",
    task: str = "multi-class",
    epochs: int = 6,
    y_of: Any = None,
    x_of: Any = None,
    **o: Any,
) -> None:
    """Write down a case of arrays, a model and a loss."""

    def make(seed: int) -> Any:
        x, y = source(seed)
        x, y = x if x_of is None else x_of(x), y if y_of is None else y_of(y)
        return fit(compiled(build(seed), loss, **o), x, y, epochs)

    BOOK.add(name, kind, task, make, rule, layers_)


def one_hot(y: np.ndarray) -> np.ndarray:
    """Labels as unit vectors."""
    return np.eye(int(y.max()) + 1, dtype=np.float32)[y]


FIRST = ("h1",)
