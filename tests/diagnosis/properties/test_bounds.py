"""What outputs can reach, told from outputs at moved weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from gradgauge.diagnosis.properties.bounds import Bounds, bounds
from gradgauge.diagnosis.trainees.torch.experiment import TorchExperiment


class Ends(nn.Module):
    def __init__(self, last: Callable[[Any], Any]):
        super().__init__()
        self.a, self.b, self.last = nn.Linear(6, 16), nn.Linear(16, 3), last

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.b(torch.tanh(self.a(x))))


def found(last: Callable[[Any], Any]) -> Bounds | None:
    torch.manual_seed(0)
    model = Ends(last)
    weights = dict(model.named_parameters())
    x, y = torch.randn(16, 6), torch.randn(16, 3)
    loss = nn.functional.mse_loss
    return bounds(TorchExperiment(model, loss, weights, {id(p) for p in weights.values()}, x, y))


@pytest.mark.parametrize(
    ("last", "activation"),
    [
        (lambda z: z, ""),
        (lambda z: 1 / (1 + torch.exp(-z)), "sigmoid"),
        (lambda z: 2 / (1 + torch.exp(-2 * z)) - 1, "tanh"),
        (lambda z: torch.where(z > 0, z, torch.zeros_like(z)), "relu"),
        (lambda z: torch.log(1 + torch.exp(z.clamp(max=30))) + z.clamp(min=30) - 30, "softplus"),
        (lambda z: torch.where(z > 0, z, 0.1 * z), ""),
        (lambda z: z + 0.5, ""),
    ],
)
def test_an_activation_is_known_by_what_it_can_reach(last: Any, activation: str):
    got = found(last)
    assert got is not None and got.activation == activation


def test_several_outputs_have_no_bounds():
    assert found(lambda z: (z, z)) is None


class Cosines(nn.Module):
    """Of features and vectors of classes, times a scale."""

    def __init__(self, scale: float, learned: bool):
        super().__init__()
        self.a, self.centers = nn.Linear(6, 16), nn.Parameter(torch.randn(4, 16))
        self.scale = nn.Parameter(torch.tensor(scale)) if learned else scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        unit = nn.functional.normalize
        return self.scale * unit(self.a(x), dim=1) @ unit(self.centers, dim=1).T


@pytest.mark.parametrize(
    ("model", "within"),
    [
        (lambda: Cosines(1.0, learned=False), True),
        (lambda: Cosines(16.0, learned=False), False),
        (lambda: Cosines(1.0, learned=True), False),
        (lambda: Ends(torch.tanh), True),
        (lambda: Ends(lambda z: 0.001 * z), False),
        (lambda: Ends(torch.sigmoid), False),
    ],
)
def test_outputs_that_no_weights_take_beyond_one(model: Callable[[], Any], within: bool):
    torch.manual_seed(0)
    net = model()
    weights = dict(net.named_parameters())
    x, y = torch.randn(16, 6), torch.randn(16, 4)
    moved = {id(p) for p in weights.values()}
    got = bounds(TorchExperiment(net, nn.functional.mse_loss, weights, moved, x, y))
    assert got is not None and got.within_one == within
