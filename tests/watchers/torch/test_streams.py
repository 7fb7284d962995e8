"""The residual stream's norm and the largest activation, against hooks and sums of our own."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

import gradgauge as gg
from gradgauge.messages.catalog import sentence
from gradgauge.report.charts.watched import stream_data
from gradgauge.report.charts.watched_run import WatchedRun
from gradgauge.report.pages.watched import watched_page


class Block(nn.Module):
    def __init__(self, width: int, drop: float = 0.0):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.drop, self.scale = nn.Dropout(drop), nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x):
        return x + self.scale * self.drop(self.down(torch.relu(self.up(self.norm(x)))))


def watched(model: nn.Module, x: torch.Tensor):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gg.watch(model, every=1) as watcher:
        model(x).square().mean().backward()
        optimizer.step()
    names = [layer.name for layer in watcher.run.layers]
    return watcher.run, {name: at for at, name in enumerate(names)}


def test_the_stream_behind_every_block():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), Block(8), Block(8, 0.2), nn.Linear(8, 3))
    seen: dict[str, float] = {}
    for name in ("1", "2"):

        def note(_module: Any, _given: Any, out: Any, name: str = name) -> None:
            seen[name] = float(out.detach().double().norm())

        model.get_submodule(name).register_forward_hook(note)
    run, at = watched(model, torch.randn(6, 5, 4))
    values = run.values("probes", "stream_norm")[0, 0]
    for name in ("1", "2"):
        np.testing.assert_allclose(values[at[f"{name}.down"]], seen[name], rtol=1e-5)
    assert {name for name in at if np.isfinite(values[at[name]])} == {"1.down", "2.down"}


def test_a_sum_of_two_branches_is_no_stream():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 5), nn.Linear(4, 5), nn.Linear(5, 2)

        def forward(self, x):
            return self.c(self.a(x) + self.b(x))

    run, _ = watched(Two(), torch.randn(6, 4))
    assert np.isnan(run.values("probes", "stream_norm")).all()


def test_the_largest_activation():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 3))
    x = torch.randn(6, 4)
    with torch.no_grad():
        h = model[1](model[0](x)).double()
    run, at = watched(model, x)
    expected = float(h.abs().max() / h.square().mean().sqrt())
    np.testing.assert_allclose(run.values("probes", "h_peak")[0, 0, at["0"]], expected, rtol=1e-5)


def test_the_page_shows_the_stream_where_there_is_one():
    torch.manual_seed(0)
    title = sentence("report.chart.watched_stream.title", "en")
    blocks = nn.Sequential(nn.Linear(4, 8), Block(8), Block(8), nn.Linear(8, 3))
    run, at = watched(blocks, torch.randn(6, 5, 4))
    rows = stream_data(WatchedRun(run))
    wanted = run.values("probes", "stream_norm")[0, 0]
    assert {row["layer"] - 1 for row in rows} == {at["1.down"], at["2.down"]}
    for row in rows:
        np.testing.assert_allclose(row["value"], wanted[row["layer"] - 1])
    assert title in watched_page(run)
    plain, _ = watched(
        nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), torch.randn(6, 4)
    )
    assert title not in watched_page(plain)
