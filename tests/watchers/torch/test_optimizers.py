"""Several optimizers, one in another, one after another: what a step is then."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from tests.watchers.torch.book import BCE, RTOL, Book, X, layers, loss_of, mlp, norms
from tests.watchers.torch.test_training import alike


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("pair", ["two SGDs", "Muon and AdamW", "Adam and SparseAdam"])
def test_two_optimizers_of_one_backward_pass_make_one_step(pair, order):
    model = mlp()
    if pair == "Adam and SparseAdam":
        model = nn.Sequential(
            nn.Embedding(20, 8, sparse=True), nn.Flatten(), nn.Linear(32, 16), nn.Tanh(),
            nn.Linear(16, 3),
        )  # fmt: skip
    weights = [p for p in model.parameters() if p.ndim == 2]
    rest = [p for p in model.parameters() if p.ndim != 2]
    optimizers = {
        "two SGDs": lambda: [
            torch.optim.SGD(model[:2].parameters(), 0.1),
            torch.optim.SGD(model[2:].parameters(), 0.2),
        ],
        "Muon and AdamW": lambda: [
            torch.optim.Muon(weights[:2], lr=0.02),
            torch.optim.AdamW([weights[2], *rest], 1e-2),
        ],
        "Adam and SparseAdam": lambda: [
            torch.optim.SparseAdam(weights[:1], 1e-2),
            torch.optim.Adam([*weights[1:], *rest], 1e-2),
        ],
    }[pair]()
    x = X if pair != "Adam and SparseAdam" else torch.arange(128).reshape(32, 4) % 20
    seen = []
    with gg.watch(model, every=1) as watcher:
        for _ in range(3):
            before = [w.detach().clone() for w in weights]
            loss_of(model, x).backward()
            grads = [w.grad.to_dense() if w.grad.is_sparse else w.grad for w in weights]
            row = [norms(grads)]
            for index in order:
                optimizers[index].step()
            changes = [w.detach() - b for w, b in zip(weights, before, strict=True)]
            row.append(np.divide(norms(changes), norms(before)))
            seen.append(row)
            model.zero_grad()
    run = watcher.run
    assert run.figure("steps_done")[0] == 3
    grads, updates = zip(*seen, strict=True)
    np.testing.assert_allclose(run.values("steps", "weight_grad_norm")[0], grads, rtol=1e-7)
    np.testing.assert_allclose(run.values("steps", "update_ratio")[0], updates, rtol=1e-7)
    assert np.isfinite(run.values("probes", "delta_norm")).all()


def test_optimizers_inside_of_the_backward_pass():
    def train(watch):
        model, seen = mlp(), []
        optimizers = {p: torch.optim.SGD([p], 0.1) for p in model.parameters()}

        def step_now(parameter):
            before = parameter.detach().clone()
            if parameter.ndim == 2:
                seen[-1]["grad"].append(float(parameter.grad.norm()))
            optimizers[parameter].step()
            optimizers[parameter].zero_grad()
            if parameter.ndim == 2:
                change = (parameter.detach() - before).norm() / before.norm()
                seen[-1]["update"].append(float(change))

        for parameter in model.parameters():
            parameter.register_post_accumulate_grad_hook(step_now)
        watcher = gg.watch(model, every=1) if watch else None
        for _ in range(3):
            seen.append({"grad": [], "update": []})
            loss_of(model).backward()
        if watcher is not None:
            watcher.close()
        return list(model.parameters()), seen, watcher

    plain, seen, _ = train(False)
    watched, _, watcher = train(True)
    assert alike(plain, watched)
    run = watcher.run
    assert run.figure("steps_done")[0] == 3
    assert run.notes == []
    for key, name in (("grad", "weight_grad_norm"), ("update", "update_ratio")):
        expected = [row[key][::-1] for row in seen]
        np.testing.assert_allclose(run.values("steps", name)[0], expected, rtol=RTOL)
    expected = [row["grad"][::-1] for row in seen]
    np.testing.assert_allclose(run.values("probes", "weight_grad_norm")[0], expected, rtol=RTOL)
    assert np.isfinite(run.values("probes", "delta_norm")).all()


class Adversaries(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator, self.critic = mlp((8, 16, 8)), mlp((8, 16, 1))


@pytest.mark.parametrize("detach", [True, False])
def test_adversaries_in_one_module_take_turns(detach):
    torch.manual_seed(0)
    model = Adversaries()
    critic = torch.optim.Adam(model.critic.parameters(), 1e-2)
    generator = torch.optim.Adam(model.generator.parameters(), 1e-2)
    ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
    expected = []

    def note(part):
        mine = [norms(p.weight.grad for p in layers(part))]
        return mine[0]

    with gg.watch(model, every=1) as watcher:
        for _ in range(3):
            critic.zero_grad()
            fake = model.generator(X)
            loss = BCE(model.critic(X + 3), ones)
            loss = loss + BCE(model.critic(fake.detach() if detach else fake), zeros)
            loss.backward(retain_graph=not detach)
            expected.append([float("nan")] * 2 + note(model.critic))
            critic.step()
            generator.zero_grad()
            BCE(model.critic(model.generator(X)), ones).backward()
            expected.append(note(model.generator) + [float("nan")] * 2)
            generator.step()
    run = watcher.run
    assert run.figure("steps_done")[0] == 6
    names = [row.name for row in run.layers]
    order = [names.index(f"{part}.{i}") for part in ("generator", "critic") for i in (0, 2)]
    # The first step cannot know yet that somebody else moves the generator.
    found = run.values("steps", "weight_grad_norm")[0][1:, order]
    np.testing.assert_allclose(found, expected[1:], rtol=RTOL)


def test_a_new_optimizer_goes_on_where_the_first_ended():
    model = mlp()
    book = Book(model)
    with gg.watch(model, every=1) as watcher:
        for part in layers(model)[:2]:
            part.requires_grad_(False)
        optimizer = torch.optim.Adam(layers(model)[2].parameters(), 1e-2)
        for moved in [{2}] * 2 + [{0, 1, 2}] * 3:
            if len(moved) == 3 and len(optimizer.param_groups[0]["params"]) == 2:
                model.requires_grad_(True)
                optimizer = torch.optim.Adam(model.parameters(), 1e-3)
            loss_of(model).backward()
            book.before()
            optimizer.step()
            book.after(moved)
            optimizer.zero_grad()
    book.agrees(watcher.run)
    assert watcher.run.figure("steps_done")[0] == 5
    assert all(row.trainable for row in watcher.run.layers)
    assert watcher.run.notes == []


def test_an_optimizer_inside_of_another_ones_step_is_not_a_step_of_its_own():
    class Twice(torch.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {})
            self.inner = torch.optim.SGD(self.param_groups[0]["params"], 0.1)

        def step(self):
            self.inner.step()
            self.inner.step()

    model = mlp()
    optimizer, book = Twice(model.parameters()), Book(model)
    with gg.watch(model, every=1) as watcher:
        for _ in range(2):
            loss_of(model).backward()
            book.before()
            optimizer.step()
            book.after()
            optimizer.zero_grad()
    book.agrees(watcher.run)
