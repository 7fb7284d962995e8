"""The line with which a recording sums itself up."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import gradgauge
from gradgauge.report.finding import first_finding


def recorded(**often: Any) -> gradgauge.Run:
    """Ten steps of a small network that learns."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    x, y = torch.randn(30, 4), torch.arange(30) % 3
    with gradgauge.watch(model, optimizer=optimizer, **often) as watcher:
        for _ in range(10):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            watcher.log(loss)
            optimizer.step()
    return watcher.run


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_recording_of_one_step_says_that_it_shows_no_change(lang: str) -> None:
    few = recorded(budget=1e-9)
    assert "every=N" in first_finding(few, lang)
    assert "unknown" in repr(gradgauge.diagnose(few))
    enough = recorded(every=1)
    assert "every=N" not in first_finding(enough, lang)
    assert "unknown" not in repr(gradgauge.diagnose(enough))
