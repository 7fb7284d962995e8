"""Small PyTorch modules of 2026b."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import nn


class TorchConv(nn.Module):
    """Two convolutions and a linear head."""

    def __init__(self, classes: int = 4, last: nn.Module | None = None):
        super().__init__()
        self.k1, self.k2 = nn.Conv2d(1, 12, 3), nn.Conv2d(12, 16, 3, stride=2)
        self.head, self.last = nn.Linear(16 * 9, classes), last or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.k1(x.permute(0, 3, 1, 2)))
        return self.last(self.head(torch.relu(self.k2(x)).flatten(1)))


class DeepConv(nn.Module):
    """A residual convolutional network with batch normalization."""

    def __init__(self, blocks: int = 8, width: int = 8, classes: int = 4):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1),
                nn.BatchNorm2d(width),
                nn.ReLU(),
                nn.Conv2d(width, width, 3, padding=1),
            )
            for _ in range(blocks)
        )
        self.head = nn.Linear(width * 16, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x.permute(0, 3, 1, 2))
        for block in self.blocks:
            x = x + block(x)
        return self.head(x.flatten(1))


class Bag(nn.Module):
    """The mean of embeddings, sparse gradients if asked for."""

    def __init__(self, sparse: bool = False, frozen: bool = False):
        super().__init__()
        self.embed = nn.Embedding(80, 16, sparse=sparse)
        self.embed.weight.requires_grad = not frozen
        self.hidden, self.head = nn.Linear(16, 16), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.hidden(self.embed(x).mean(1))))


class Sequence(nn.Module):
    """A recurrent layer, its last state, a head."""

    def __init__(self, cell: Any, features: int, outputs: int, units: int = 20, **options: Any):
        super().__init__()
        self.cell = cell(features, units, batch_first=True, **options)
        self.head = nn.Linear(units, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.cell(x)[0][:, -1])


class Encoded(nn.Module):
    """An encoder and a head; the encoder may run under no_grad."""

    def __init__(self, inputs: int, outputs: int, cut: bool = False):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh())
        self.head, self.cut = nn.Linear(8, outputs), cut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.cut):
            x = self.encoder(x)
        return self.head(x)


class Tokens(nn.Module):
    """A transformer encoder of two layers, its first place as the summary."""

    def __init__(self, width: int = 24):
        super().__init__()
        self.embed = nn.Embedding(80, width)
        block = nn.TransformerEncoderLayer(width, 3, 48, 0.0, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(self.embed(x)).mean(1))


def dense(
    widths: list[int],
    activation: Any,
    seed: int,
    last: nn.Module | None = None,
    each: Callable[[int], nn.Module] | None = None,
    fix: Callable[[nn.Linear], None] | None = None,
) -> nn.Sequential:
    """Linear layers (`lin1`, `lin2`, ...), activations, maybe one more module after each."""
    torch.manual_seed(seed)
    model = nn.Sequential()
    for i, (a, b) in enumerate(itertools.pairwise(widths), 1):
        layer = nn.Linear(a, b)
        if fix is not None:
            fix(layer)
        model.add_module(f"lin{i}", layer)
        if i < len(widths) - 1:
            model.add_module(f"act{i}", activation())
            if each is not None:
                model.add_module(f"each{i}", each(b))
    if last is not None:
        model.add_module("last", last)
    return model
