"""Small PyTorch modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

Module = TypeVar("Module", bound=nn.Module)


def loader(x: np.ndarray, y: np.ndarray, batch: int = 32, seed: int = 0) -> DataLoader[Any]:
    """Shuffled batches."""
    generator = torch.Generator().manual_seed(seed)
    return DataLoader(
        TensorDataset(torch.tensor(x), torch.tensor(y)), batch, shuffle=True, generator=generator
    )


def mlp(
    inputs: int,
    outputs: int,
    depth: int = 2,
    width: int = 32,
    activation: Any = nn.ReLU,
    seed: int = 0,
    init: Callable[[nn.Module], None] | None = None,
    last: list[nn.Module] | None = None,
    norm: Any = None,
) -> nn.Sequential:
    """A multilayer perceptron; layers are called by their places: 0, 2, 4, ..."""
    torch.manual_seed(seed)
    stack: list[nn.Module] = []
    for i in range(depth):
        stack.append(nn.Linear(inputs if i == 0 else width, width))
        stack += [norm(width)] if norm else []
        stack.append(activation())
    model = nn.Sequential(*stack, nn.Linear(width if depth else inputs, outputs), *(last or []))
    if init is not None:
        model.apply(init)
    return model


def he(module: nn.Module) -> None:
    """He's initialization, biases 0."""
    if isinstance(module, nn.Linear):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)


def normal(std: float) -> Callable[[nn.Module], None]:
    """Normal weights of one spread, whatever the width."""

    def init(module: nn.Module) -> None:
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.normal_(module.weight, std=std)

    return init


class Residual(nn.Module):
    """Residual blocks between a stem and an output."""

    def __init__(self, inputs: int, outputs: int, blocks: int = 4, width: int = 32):
        super().__init__()
        self.stem = nn.Linear(inputs, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)
            )
            for _ in range(blocks)
        )
        self.out = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return self.out(x)


class Conv(nn.Module):
    """For (n, 14, 14, 1) images."""

    def __init__(self, classes: int = 10, norm: bool = False):
        super().__init__()
        self.c1 = nn.Conv2d(1, 8, 3, padding=1)
        self.n1 = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.c2 = nn.Conv2d(8, 16, 3, padding=1)
        self.n2 = nn.BatchNorm2d(16) if norm else nn.Identity()
        self.out = nn.Linear(16 * 3 * 3, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.permute(0, 3, 1, 2)
        x = torch.max_pool2d(torch.relu(self.n1(self.c1(x))), 2)
        x = torch.max_pool2d(torch.relu(self.n2(self.c2(x))), 2)
        return self.out(x.flatten(1))


class Recurrent(nn.Module):
    """A recurrent layer whose last state goes to the output."""

    def __init__(self, cell: Any, features: int, outputs: int, units: int = 16, **options: Any):
        super().__init__()
        self.rnn = cell(features, units, batch_first=True, **options)
        self.out = nn.Linear(units, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.rnn(x)[0][:, -1])


class Attention(nn.Module):
    """A transformer encoder over tokens."""

    def __init__(self, words: int = 60, width: int = 16, steps: int = 16, layers: int = 1):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.places = nn.Parameter(torch.randn(steps, width) * 0.02)
        block = nn.TransformerEncoderLayer(width, 2, 32, 0.1, batch_first=True)
        self.body = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.out = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.body(self.embed(x) + self.places).mean(1))


class Parts(nn.Module):
    """Three hidden layers; some can be cut off or left out."""

    def __init__(
        self, inputs: int = 20, outputs: int = 5, detach: bool = False, unused: bool = False
    ):
        super().__init__()
        self.first, self.second = nn.Linear(inputs, 32), nn.Linear(32, 32)
        self.third, self.out = nn.Linear(32, 32), nn.Linear(32, outputs)
        self.detach, self.unused = detach, unused

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.first(x))
        if not self.unused:
            x = torch.relu(self.second(x))
        return self.out(torch.relu(self.third(x.detach() if self.detach else x)))


class Broken(nn.Module):
    """A root or a logarithm of what a ReLU leaves."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]):
        super().__init__()
        self.first, self.second, self.out = nn.Linear(20, 32), nn.Linear(32, 16), nn.Linear(16, 5)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.function(torch.relu(self.second(torch.relu(self.first(x))))))


class Head(nn.Module):
    """A body, and a head on it."""

    def __init__(self, body: nn.Module, width: int, outputs: int):
        super().__init__()
        self.body, self.head = body, nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


def train(model: Module, x: np.ndarray, y: np.ndarray, epochs: int = 15) -> Module:
    """`model`, trained as a classifier."""
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(epochs):
        for a, b in loader(x, y):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(a), b).backward()
            optimizer.step()
    return model
