"""Models and updates that are not what they were when the watcher came."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import gradgauge as gg


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def loss(model: nn.Module, step: int) -> torch.Tensor:
    x = torch.randn(10, 6, generator=torch.Generator().manual_seed(step))
    return nn.functional.cross_entropy(model(x), torch.arange(10) % 3)


def test_weights_moved_to_and_fro_before_the_first_step_are_no_step():
    """As sharpness-aware minimization does it; what counts is the second pass."""
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    wanted = []
    with gg.watch(model, every=1) as watcher:
        for step in range(3):
            loss(model, step).backward()
            moves = [0.05 * p.grad for p in model.parameters()]
            with torch.no_grad():
                torch._foreach_add_(list(model.parameters()), moves)
            optimizer.zero_grad()
            loss(model, step).backward()
            with torch.no_grad():
                torch._foreach_sub_(list(model.parameters()), moves)
            weights = [model.get_parameter(f"{at}.weight") for at in (0, 2)]
            wanted.append([float(w.grad.double().norm()) for w in weights])
            optimizer.step()
            optimizer.zero_grad()
    seen = watcher.run.values("steps", "weight_grad_norm")[0]
    np.testing.assert_allclose(seen, wanted, rtol=1e-5)


def train(model: nn.Module, change) -> gg.Run:
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        for step in range(4):
            loss(model, step).backward()
            optimizer.step()
            optimizer.zero_grad()
            if step == 1:
                change(optimizer)
    return watcher.run


def test_a_layer_that_comes_later_is_noted():
    model = net()

    def change(optimizer):
        model.append(nn.Linear(3, 3))
        optimizer.add_param_group({"params": list(model[3].parameters())})

    run = train(model, change)
    assert [layer.name for layer in run.layers] == ["0", "2"]
    assert [(n.reason, n.layers) for n in run.notes] == [("came_later", ("3",))]


def test_a_new_head_is_measured_in_the_place_of_the_old_one():
    model = net()
    gradients = []

    def change(optimizer):
        model[2] = nn.Linear(8, 3)
        optimizer.param_groups[0]["params"][2:] = list(model[2].parameters())
        model.get_parameter("2.weight").register_post_accumulate_grad_hook(
            lambda p: gradients.append(float(p.grad.double().norm()))
        )

    run = train(model, change)
    seen = run.values("steps", "weight_grad_norm")[0, -1, 1]
    np.testing.assert_allclose(seen, gradients[-1], rtol=1e-5)


def test_sequences_of_several_lengths():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(9, 6), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2))
    parts = [torch.arange(4), torch.arange(7)]
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    h = torch.relu(model[1](model[0](torch.cat(parts)))).detach().requires_grad_()
    model[3](h).square().mean().backward()
    wanted = float(h.grad.norm())
    model.zero_grad()
    with gg.watch(model, every=1) as watcher:
        out = model(torch.nested.nested_tensor(parts, layout=torch.jagged))
        out.values().square().mean().backward()
        optimizer.step()
    run = watcher.run
    assert run.notes == []
    assert [layer.units for layer in run.layers] == [6, 5, 2]
    np.testing.assert_allclose(run.values("probes", "g_norm")[0, 0, 1], wanted, rtol=1e-5)
