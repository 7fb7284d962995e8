"""PyTorch modules and loops of our own."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from corpus.watch.case import Training, Watch, case

Loss = Callable[[nn.Module, int], Tensor]


def loop(
    model: nn.Module,
    loss: Loss,
    optimizer: Any = None,
    steps: int = 3,
    clip: float | None = None,
    accumulate: int = 1,
    autocast: Any = None,
    scheduler: Any = None,
) -> Callable[[Watch], None]:
    """A training loop as in PyTorch's tutorials; `loss(model, i)` of the i-th batch."""
    optimizer = optimizer or torch.optim.AdamW(model.parameters(), 1e-3)

    def train(watch: Watch) -> None:
        with watch(model):
            for i in range(steps):
                for j in range(accumulate):
                    with torch.autocast("cpu", autocast or torch.bfloat16, autocast is not None):
                        value = loss(model, i * accumulate + j)
                    (value / accumulate).backward()
                if clip is not None:
                    nn.utils.clip_grad_norm_(model.parameters(), clip)
                optimizer.step()
                optimizer.zero_grad()
                if scheduler is not None:
                    scheduler.step()

    return train


def classes(inputs: int, outputs: int, rows: int = 16) -> Loss:
    """Cross entropy of random inputs and labels, the same for the i-th batch in every run."""

    def loss(model: nn.Module, i: int) -> Tensor:
        source = torch.Generator().manual_seed(100 + i)
        x = torch.randn(rows, inputs, generator=source)
        y = torch.randint(0, outputs, (rows,), generator=source)
        return nn.functional.cross_entropy(model(x), y)

    return loss


def mlp(*widths: int, activation: Any = nn.ReLU) -> nn.Sequential:
    """Linear layers with activations between."""
    stack: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        stack += [nn.Linear(a, b), activation()]
    return nn.Sequential(*stack[:-1])


@case("torch", fast=True)
def mlp_relu() -> Training:
    model = mlp(12, 24, 24, 5)
    return Training(model, loop(model, classes(12, 5)))


@case("torch", fast=True)
def mlp_clip_accumulate() -> Training:
    model = mlp(12, 24, 24, 5, activation=nn.Tanh)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    return Training(model, loop(model, classes(12, 5), optimizer, clip=0.1, accumulate=3))


@case("torch", fast=True)
def mlp_dropout_bf16() -> Training:
    model = nn.Sequential(
        nn.Linear(12, 24),
        nn.GELU(),
        nn.Dropout(0.2),
        nn.Linear(24, 24),
        nn.SiLU(),
        nn.Linear(24, 5),
    )
    return Training(model, loop(model, classes(12, 5), autocast=torch.bfloat16))


class PreNorm(nn.Module):
    """Residual blocks: LayerNorm, MLP, sum."""

    def __init__(self, width: int = 16, blocks: int = 3, outputs: int = 5):
        super().__init__()
        self.stem = nn.Linear(12, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))
        self.ups = nn.ModuleList(nn.Linear(width, 2 * width) for _ in range(blocks))
        self.downs = nn.ModuleList(nn.Linear(2 * width, width) for _ in range(blocks))
        self.head = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for norm, up, down in zip(self.norms, self.ups, self.downs, strict=True):
            x = x + down(nn.functional.gelu(up(norm(x))))
        return self.head(x)


@case("torch", fast=True)
def pre_norm_residual() -> Training:
    model = PreNorm()
    return Training(model, loop(model, classes(12, 5)))


@case("torch", fast=True)
def two_optimizers() -> Training:
    model = mlp(12, 24, 24, 5)
    body = torch.optim.SGD(model[:4].parameters(), 0.1)
    head = torch.optim.Adam(model[4].parameters(), 1e-2)

    def train(watch: Watch) -> None:
        loss = classes(12, 5)
        with watch(model):
            for i in range(3):
                loss(model, i).backward()
                for optimizer in (body, head):
                    optimizer.step()
                for optimizer in (body, head):
                    optimizer.zero_grad()

    return Training(model, train)
