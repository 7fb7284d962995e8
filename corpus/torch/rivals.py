"""A generator and its critic, for trainings with two optimizers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Rivals(nn.Module):
    """A generator of points in the plane, and its critic."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
        self.critic = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def forward(self, z: Tensor) -> Tensor:
        return self.generator(z)


def drawing(model: Rivals, noise: torch.Generator) -> Callable[[Tensor], Tensor]:
    """What gives points of the generator, to be held against the true ones."""
    return lambda _: model.generator(torch.randn(1500, 2, generator=noise))


def meets(out: Any, truth: Any) -> float:
    """How well means and deviations of points are those of the true ones; 1: the same."""
    far = abs(out.mean(0) - truth.mean(0)) + abs(out.std(0) - truth.std(0))
    return float(1 - far.mean())
