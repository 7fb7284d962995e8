"""Small PyTorch trainings in loops of a user's own, watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn

import gradgauge
from gradgauge.diagnosis.finding import Diagnosis

CLASSES = 4


def data(rows: int = 256) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(rows, 8, generator=torch.Generator().manual_seed(0))
    return x, x[:, :CLASSES].argmax(1)


def network(depth: int = 1, activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    torch.manual_seed(0)
    layers: list[nn.Module] = [nn.Linear(8, 16), activation()]
    for _ in range(depth - 1):
        layers += [nn.Linear(16, 16), activation()]
    return nn.Sequential(*layers, nn.Linear(16, CLASSES))


def batches(steps: int) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    x, y = data()
    for i in range(steps):
        rows = slice(32 * (i % 8), 32 * (i % 8) + 32)
        yield i, x[rows], y[rows]


def watched(
    loop: Callable[[Any, nn.Module, torch.optim.Optimizer], None],
    model: nn.Module | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    **options: Any,
) -> gradgauge.Watcher:
    model = model or network()
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
    with gradgauge.watch(model, every=1, **options) as watcher:
        loop(watcher, model, optimizer)
    return watcher


def faults(result: Diagnosis) -> list[str]:
    return [f.rule for f in result.findings if f.severity == "fault"]


def stale(result: Diagnosis) -> bool:
    return "stale-gradients" in faults(result)


def looping(
    before: Callable[[int, torch.optim.Optimizer], None] = lambda *_: None,
    after: Callable[[int, torch.optim.Optimizer], None] = lambda *_: None,
    steps_at: Callable[[int], bool] = lambda _: True,
    steps: int = 40,
) -> Any:
    def loop(watcher: Any, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        for i, x, y in batches(steps):
            before(i, optimizer)
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            watcher.log(loss)
            if steps_at(i):
                optimizer.step()
            after(i, optimizer)

    return loop


def clear(_: int, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()


def zero(_: int, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=False)
