"""Writes PyTorch trainings down."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from corpus.case import Book
from corpus.torch.models import loader

BOOK = Book("pytorch")
CE, BCE, LOGITS, MSE = nn.CrossEntropyLoss, nn.BCELoss, nn.BCEWithLogitsLoss, nn.MSELoss


def fit(model: nn.Module, loss: Any, optimizer: Any, x: Any, y: Any, epochs: int, seed: int) -> Any:
    """The arguments of diagnose."""
    return (model, loss, optimizer, loader(x, y, seed=seed)), {"epochs": epochs}


def column(y: np.ndarray) -> np.ndarray:
    """Bits as a column of floats."""
    return y.astype(np.float32).reshape(-1, 1)


def case(
    name: str,
    source: Any,
    build: Any,
    loss: Any = CE,
    rule: str | None = None,
    layers: tuple[str, ...] = (),
    kind: str = "dense",
    task: str = "multi-class",
    epochs: int = 8,
    rate: float = 1e-3,
    opt: Any = torch.optim.Adam,
    x_of: Any = None,
    y_of: Any = None,
    **o: Any,
) -> None:
    """Write down a case of arrays, a module and a loss."""

    def make(seed: int) -> Any:
        x, y = source(seed)
        x, y = x if x_of is None else x_of(x), y if y_of is None else y_of(y)
        torch.manual_seed(seed)
        model = build(seed)
        return fit(model, loss(), opt(model.parameters(), lr=rate, **o), x, y, epochs, seed)

    BOOK.add(name, kind, task, make, rule, layers)


SGD, RMS = torch.optim.SGD, torch.optim.RMSprop
