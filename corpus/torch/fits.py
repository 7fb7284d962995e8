"""What `pair` wants of a PyTorch training."""

from __future__ import annotations

from typing import Any

import torch

from corpus.pairs import Made
from corpus.torch.models import loader


def torch_fit(
    model: Any,
    loss: Any,
    x: Any,
    y: Any,
    truth: Any = None,
    epochs: int = 8,
    rate: float = 1e-3,
    optimizer: Any = torch.optim.Adam,
    parameters: Any = None,
    batch: int = 32,
    **o: Any,
) -> Made:
    """A module, its loss, an optimizer and shuffled batches; `o` goes to the optimizer."""
    over = model.parameters() if parameters is None else parameters
    data = loader(x, y, batch)
    return (
        (model, loss, optimizer(over, lr=rate, **o), data),
        {"epochs": epochs},
        y if truth is None else truth,
    )
