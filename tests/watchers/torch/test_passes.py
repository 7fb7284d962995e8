"""Backward passes that no update uses count for no figure: those to inputs, and those thrown away."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

import gradgauge as gg

X = torch.randn(16, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.arange(16) % 4


def network() -> nn.Sequential:
    torch.manual_seed(0)
    parts = [nn.Linear(8, 8), nn.Softplus(), nn.Linear(8, 4)]
    return nn.Sequential(*parts).double()


def slope(output: torch.Tensor, x: torch.Tensor, create_graph: bool = False) -> torch.Tensor:
    return torch.autograd.grad(output.sum(), x, create_graph=create_graph)[0]


def adversarial(model, x):
    x = x.clone().requires_grad_()
    with_sign = x + 0.1 * slope(cross_entropy(model(x), Y), x).sign()
    return cross_entropy(model(with_sign.detach()), Y)


def adversarial_by_backward(model, x):
    x = x.clone().requires_grad_()
    cross_entropy(model(x), Y).backward(inputs=[x])
    return cross_entropy(model((x + 0.1 * x.grad.sign()).detach()), Y)


def projected_descent(model, x):
    moved = x
    for _ in range(3):
        moved = moved.clone().requires_grad_()
        moved = (moved + 0.05 * slope(cross_entropy(model(moved), Y), moved).sign()).detach()
    return cross_entropy(model(moved), Y)


def penalty(model, x):
    x = x.clone().requires_grad_()
    output = model(x)
    return cross_entropy(output, Y) + slope(output, x, create_graph=True).square().mean()


def penalty_elsewhere(model, x):
    between = (x * 0.7).requires_grad_()
    norms = slope(model(between), between, create_graph=True).norm(dim=1)
    return model(x).mean() + (norms - 1).square().mean()


def saliency_afterwards(model, x):
    loss = cross_entropy(model(x), Y)
    x = x.clone().requires_grad_()
    slope(model(x), x)
    return loss


@pytest.mark.parametrize(
    "loss_of",
    [
        adversarial,
        adversarial_by_backward,
        projected_descent,
        penalty,
        penalty_elsewhere,
        saliency_afterwards,
    ],
)
def test_signals_are_the_derivatives_of_the_loss_alone(loss_of):
    model = network()
    outputs: dict[nn.Module, list[torch.Tensor]] = {model[0]: [], model[2]: []}
    handles = [m.register_forward_hook(lambda m, _, out: outputs[m].append(out)) for m in outputs]
    loss = loss_of(model, X)
    for handle in handles:
        handle.remove()
    wanted = []
    for there in outputs.values():
        found = torch.autograd.grad(loss, there, retain_graph=True, allow_unused=True)
        wanted.append(torch.cat([g for g in found if g is not None]).norm().item())

    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        loss_of(model, X).backward()
        optimizer.step()
    np.testing.assert_allclose(watcher.run.values("probes", "delta_norm")[0, 0], wanted, rtol=1e-6)


def test_a_pass_through_a_frozen_critic_is_no_part_of_its_own_step():
    critic, generator = network(), nn.Linear(8, 8).double()
    own = torch.optim.SGD(critic.parameters(), 0.1)
    with gg.watch(critic, every=1) as watcher:
        critic.requires_grad_(False)
        critic(generator(X)).mean().backward()
        critic.requires_grad_(True)
        (output := critic(X)).retain_grad()
        cross_entropy(output, Y).backward()
        own.step()
    delta = watcher.run.values("probes", "delta_norm")[0, 0, -1]
    np.testing.assert_allclose(delta, output.grad.norm().item(), rtol=1e-6)


def test_a_pass_inside_of_another_belongs_to_it():
    """Reentrant checkpoints run passes of their own, here one that reaches no weight at all."""
    model = network()
    model[0].requires_grad_(False)
    x = X.clone().requires_grad_()
    hidden = model[0](x)
    hidden.retain_grad()
    cross_entropy(model[2](model[1](hidden)), Y).backward()
    model.zero_grad()

    class Again(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return model[2](model[1](checkpoint(model[0], x, use_reentrant=True)))

    optimizer = torch.optim.SGD(model[2].parameters(), 0.1)
    with gg.watch(Again(), every=1) as watcher:
        cross_entropy(watcher.model(X.clone().requires_grad_()), Y).backward()
        optimizer.step()
    first = [layer.name for layer in watcher.run.layers].index("model.0")
    delta = watcher.run.values("probes", "delta_norm")[0, 0, first]
    np.testing.assert_allclose(delta, hidden.grad.norm().item(), rtol=1e-6)


def test_gradients_that_no_pass_brings_to_the_weights_count_all():
    model = network()
    (output := model(X)).retain_grad()
    cross_entropy(output, Y).backward()
    wanted = output.grad.norm().item()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        weights = list(model.parameters())
        found = torch.autograd.grad(cross_entropy(model(X), Y), weights)
        for weight, gradient in zip(weights, found, strict=True):
            weight.grad = gradient
        optimizer.step()
    delta = watcher.run.values("probes", "delta_norm")
    np.testing.assert_allclose(delta[0, 0, -1], wanted, rtol=1e-6)
