"""Small PyTorch trainings to ask properties of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as nnf
from torch.utils.data import DataLoader, TensorDataset

from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.trainees.torch.properties import properties_of

ROWS, FEATURES, CLASSES = 64, 6, 4


def batches(x: Any = None, y: Any = None, **options: Any) -> Any:
    """A loader of random samples."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(ROWS, FEATURES, generator=draw) if x is None else x
    y = torch.randint(0, CLASSES, (len(x),), generator=draw) if y is None else y
    return DataLoader(TensorDataset(x, y), 32, **options)


def ask(
    model: Any,
    loss: Any = nnf.cross_entropy,
    loader: Any = None,
    optimizer: Any = None,
) -> Properties:
    """The properties of a training."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 1e-3)
    return properties_of(model, loss, optimizer, loader or batches())


def net(out: int = CLASSES, *last: Any) -> Any:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(FEATURES, 16), nn.Tanh(), nn.Linear(16, out), *last)


class Calls(nn.Module):
    """A module whose forward is a function of its layers and the input."""

    def __init__(self, forward: Callable[..., Any], **parts: Any):
        super().__init__()
        torch.manual_seed(0)
        self.how = forward
        for name, part in parts.items():
            setattr(self, name, part)

    def forward(self, x: Any) -> Any:
        return self.how(self, x)


def words() -> Any:
    return batches(torch.randint(0, 20, (ROWS, 5)))


def sequences() -> Any:
    return batches(torch.randn(ROWS, 5, FEATURES))


def recurrent(batch_first: bool) -> Any:
    def forward(self: Any, x: Any) -> Any:
        return self.head(self.lstm(x)[0][:, -1])

    return Calls(
        forward,
        lstm=nn.LSTM(FEATURES, 8, batch_first=batch_first),
        head=nn.Linear(8, CLASSES),
    )
