"""Networks that are trained in turn: what a layer shows in the steps that use it, and what is said
of it in the others."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from tests.watchers.torch.reading import info, reasons


class ActorAndCritic(nn.Module):
    """An actor, two critics, and what the actor has been, which is never trained itself."""

    def __init__(self):
        super().__init__()
        self.pi = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 2))
        self.q = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
        self.q_too = copy.deepcopy(self.q)
        self.before = copy.deepcopy(self.pi).requires_grad_(False)


@pytest.fixture(scope="module")
def trained():
    """The Run of three steps of the critics and three of the actor, and the actor's deltas."""
    torch.manual_seed(0)
    model = ActorAndCritic()
    critics = [*model.q.parameters(), *model.q_too.parameters()]
    moves_q = torch.optim.Adam(critics, 1e-3)
    moves_pi = torch.optim.Adam(model.pi.parameters(), 1e-3)
    deltas: list[float] = []

    def arrived(grad):
        deltas.append(float(grad.double().norm()))

    with gg.watch(model, every=1) as watcher:
        for _ in range(3):
            x, action = torch.randn(16, 6), torch.randn(16, 2)
            with torch.no_grad():
                wanted = model.before(x).sum(1, keepdim=True)
            pair = torch.cat([x, action], 1)
            losses = [(q(pair) - wanted).square().mean() for q in (model.q, model.q_too)]
            moves_q.zero_grad()
            (losses[0] + losses[1]).backward()
            moves_q.step()

            hidden = model.pi[0](x)
            hidden.register_hook(arrived)
            pair = torch.cat([x, model.pi[2](model.pi[1](hidden))], 1)
            moves_pi.zero_grad()
            (-torch.min(model.q(pair), model.q_too(pair)).mean()).backward()
            moves_pi.step()
    return watcher.run, deltas


def test_what_the_first_step_does_not_use_is_described_by_a_later_one(trained):
    run, deltas = trained
    actor = info(run, "pi.0")
    assert (actor.called, actor.activation, actor.units) == (True, "tanh", 16)
    found = run.values("probes", "delta_norm")[0, :, [r.name for r in run.layers].index("pi.0")]
    assert np.isnan(found[::2]).all()
    assert found[1::2] == pytest.approx(deltas, rel=1e-5)


def test_what_is_said_of_a_layer_holds_for_all_steps(trained):
    said = reasons(trained[0])
    assert {("not_every_step", f"{name}.0") for name in ("pi", "q", "q_too")} <= said
    assert ("unrecorded", "before.0") in said
    assert info(trained[0], "before.0").called
    assert not {"not_called", "no_gradient", "no_call"} & {reason for reason, _ in said}


def test_where_no_forward_returns_anything_all_that_nobody_reads_are_outputs(trained):
    assert [r.name for r in trained[0].layers if r.output] == ["q.2", "q_too.2"]


def test_a_critics_q_is_no_query(trained):
    assert [info(trained[0], f"q.{i}").role for i in (0, 2)] == ["", "head"]


def test_gradients_that_an_update_does_not_use_are_not_shown(trained):
    for group, quantity in (("steps", "weight_grad_norm"), ("probes", "weight_grad_rms")):
        of_q = trained[0].values(group, quantity)[
            0, :, trained[0].layers.index(info(trained[0], "q.0"))
        ]
        assert np.isfinite(of_q).tolist() == [True, False] * 3
