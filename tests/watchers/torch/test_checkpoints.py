"""Passes that are computed again in the backward pass are seen once."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

import gradgauge as gg


class Net(nn.Module):
    """Residual blocks, the norm first, which may be computed again."""

    def __init__(self, reentrant: bool | None):
        super().__init__()
        self.reentrant = reentrant
        self.stem, self.head = nn.Linear(6, 10), nn.Linear(10, 3)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(10), nn.Linear(10, 20), nn.GELU(), nn.Linear(20, 10))
            for _ in range(3)
        )

    def forward(self, x):
        x = self.stem(x)
        for block in self.blocks:
            if self.reentrant is None:
                x = x + block(x)
            else:
                x = x + checkpoint(block, x, use_reentrant=self.reentrant)
        return self.head(x)


def run_of(reentrant: bool | None) -> gg.Run:
    torch.manual_seed(0)
    model = Net(reentrant)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        for _ in range(2):
            for _ in range(2):
                (model(torch.randn(16, 6)).square().mean() / 2).backward()
            optimizer.step()
            optimizer.zero_grad()
    return watcher.run


@pytest.mark.parametrize(
    ("reentrant", "figures"),
    [
        (False, ("delta_norm", "g_norm", "backward_gain", "slope_gain", "signal_spread")),
        (True, ("delta_norm", "weight_grad_norm")),
    ],
)
def test_figures_are_those_of_the_plain_network(reentrant, figures):
    plain, again = run_of(None), run_of(reentrant)
    names = [layer.name for layer in plain.layers]
    at = [[layer.name for layer in again.layers].index(name) for name in names]
    for figure in figures:
        wanted, seen = (run.values("probes", figure)[0] for run in (plain, again))
        there = ~np.isnan(seen[:, at]) if reentrant else np.ones(wanted.shape, bool)
        np.testing.assert_allclose(seen[:, at][there], wanted[there], rtol=1e-4)
        assert there.any()
    if not reentrant:
        assert [n.reason for n in again.notes] == [n.reason for n in plain.notes]
