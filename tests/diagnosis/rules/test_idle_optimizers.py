"""Recorded trainings with several optimizers: one that steps without a gradient is named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gradgauge
from gradgauge.diagnosis.finding import FAULT, Finding
from gradgauge.run import Run

STEPS = 60


class Rivals(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2))
        self.critic = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1))


def training(fault: str) -> gradgauge.Watcher:
    """A generator and its critic in turn; in the middle what was frozen thaws, if it does."""
    torch.manual_seed(0)
    model = Rivals()
    beside = nn.Linear(2, 2) if fault == "shared" else nn.Identity()
    moved = [*model.generator.parameters(), *beside.parameters()]
    of_generator = torch.optim.Adam(moved, 1e-3)
    of_critic = torch.optim.Adam(model.critic.parameters(), 1e-3)
    score = nn.BCEWithLogitsLoss()
    model.critic.requires_grad_(fault not in ("frozen", "thawed"))
    with gradgauge.watch(model, every=1) as watcher:
        for step in range(STEPS):
            if fault == "thawed" and step == STEPS // 2:
                model.critic.requires_grad_(True)
            real, noise = torch.randn(16, 2) + 1, torch.randn(16, 2)
            made = model.generator(beside(noise))
            if any(p.requires_grad for p in model.critic.parameters()):
                of_critic.zero_grad()
                judged = torch.cat([model.critic(real), model.critic(made.detach())])
                score(judged, torch.cat([torch.ones(16, 1), torch.zeros(16, 1)])).backward()
            of_critic.step()
            of_generator.zero_grad()
            seen = made.detach() if fault in ("detached", "shared") else made
            score(model.critic(seen), torch.ones(16, 1)).backward()
            of_generator.step()
    return watcher


def idle(run: Run) -> list[Finding]:
    found = gradgauge.diagnose(run).findings
    return [f for f in found if f.case == "idle_optimizer"]


@pytest.mark.parametrize(
    ("fault", "layer", "optimizer"),
    [("frozen", "critic.0", "Adam"), ("detached", "generator.0", "Adam (2)")],
)
def test_an_optimizer_that_never_has_a_gradient_is_a_fault(fault, layer, optimizer):
    (found,) = idle(training(fault).run)
    assert (found.severity, found.layer) == (FAULT, layer)
    assert found.value == STEPS
    for lang in ("en", "ko"):
        assert optimizer in found.sentence(lang)


@pytest.mark.parametrize("fault", ["", "thawed", "shared"])
def test_optimizers_that_do_something_are_none(fault):
    """Those of a part that thaws later, and of parts that are not watched, among them."""
    assert not idle(training(fault).run)


def test_a_saved_run_says_the_same(tmp_path):
    run = training("detached").run
    run.save(tmp_path / "run.nc")
    (found,) = idle(Run.load(tmp_path / "run.nc"))
    assert found.layer == "generator.0"
