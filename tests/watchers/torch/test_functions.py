"""Values that no module shows: what a model's own forward computes between its layers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg


class Sign(torch.autograd.Function):
    """A straight-through estimator: its slope says nothing of its values."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
        del ctx
        return z.sign()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        del ctx
        return grads[0]


class Rectified(torch.autograd.Function):
    """A ReLU that somebody wrote."""

    @staticmethod
    def forward(ctx: Any, z: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(z)
        return z.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> torch.Tensor:
        (z,) = ctx.saved_tensors
        return grads[0] * (z > 0)


class Net(nn.Module):
    def __init__(self, function: Any):
        super().__init__()
        torch.manual_seed(0)
        self.hidden, self.out, self.function = nn.Linear(5, 8), nn.Linear(8, 3), function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.out(self.function.apply(self.hidden(x)))


@pytest.mark.parametrize(("function", "name"), [(Sign, ""), (Rectified, "relu")])
def test_an_autograd_function_is_seen_by_its_values(function: Any, name: str) -> None:
    model = Net(function)
    x, y = torch.randn(64, 5), torch.randint(0, 3, (64,))
    h = function.apply(model.hidden(x)).detach().double().numpy()
    with gg.watch(model, every=1) as watcher:
        nn.functional.cross_entropy(model(x), y).backward()
        torch.optim.SGD(model.parameters(), 0.1).step()
    run = watcher.run
    assert run.layers[0].activation == name
    assert np.isclose(run.values("probes", "h_mean")[0, 0, 0], h.mean(), atol=1e-6)
    assert np.isclose(run.values("probes", "h_std")[0, 0, 0], h.std(), rtol=1e-5)
    noted = [note.reason for note in run.notes if "hidden" in note.layers]
    assert noted == ([] if name else ["unknown_activation"])
