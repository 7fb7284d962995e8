"""Whose a step is: several optimizers, passes of no step, updates by hand, new layers.

What is right is said by plain hooks and sums of the test's own, in float64.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from tests.watchers.torch.book import BCE, RTOL, Book, X, Y, loss_of, mlp
from tests.watchers.torch.test_training import hooks_left


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_passes_whose_gradients_are_thrown_away_belong_to_no_step():
    torch.manual_seed(0)
    generator, critic = mlp((8, 16, 8)), mlp((8, 16, 1))
    moves_g = torch.optim.Adam(generator.parameters(), 1e-3)
    moves_c = torch.optim.Adam(critic.parameters(), 1e-3)
    ones, zeros = torch.ones(32, 1), torch.zeros(32, 1)
    expected, arrived = [], []
    critic[0].register_forward_hook(
        lambda _m, _a, out: out.register_hook(lambda g: arrived.append(float(g.norm()))) and None
    )
    with gg.watch(critic, every=1) as watcher:
        for _ in range(4):
            critic.zero_grad()
            arrived.clear()
            BCE(critic(X + 3), ones).backward()
            fake = generator(X)
            BCE(critic(fake.detach()), zeros).backward()
            moves_c.step()
            expected.append(sum(g * g for g in arrived) ** 0.5)
            generator.zero_grad()
            BCE(critic(fake), ones).backward()
            moves_g.step()
    found = watcher.run.values("probes", "delta_norm")[0]
    assert len(found) == 4
    # tanh stands behind the layer: its delta is the gradient at its output times the slope.
    np.testing.assert_allclose(found[:, 0], expected, rtol=RTOL)


@pytest.mark.parametrize("set_to_none", [True, False])
def test_a_pass_that_zero_grad_undoes_is_not_measured(set_to_none):
    def train(wasted):
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with gg.watch(model, every=1) as watcher:
            for _ in range(3):
                if wasted:
                    loss_of(model, 2 * X).backward()
                    optimizer.zero_grad(set_to_none=set_to_none)
                for x, y in zip(X.split(16), Y.split(16), strict=True):
                    (nn.functional.cross_entropy(model(x), y) / 2).backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=set_to_none)
        return watcher.run

    run, plain = train(True), train(False)
    for name in ("delta_norm", "g_norm", "weight_grad_norm", "z_std"):
        np.testing.assert_array_equal(run.values("probes", name), plain.values("probes", name))


def test_another_watchers_probe_pass_is_not_the_trainings():
    def train(second):
        model = mlp()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        watcher = gg.watch(model, every=1)
        other = None
        if second:
            other = gg.watch(model, 3 * X, Y, loss=nn.functional.cross_entropy, every=1)
        for _ in range(3):
            loss_of(model).backward()
            optimizer.step()
            optimizer.zero_grad()
        watcher.close()
        if other is not None:
            other.close()
        assert hooks_left(model) == []
        return watcher.run.values("probes", "delta_norm")

    assert (train(True) == train(False)).all()


def by_data(model):
    for p in model.parameters():
        p.data -= 0.1 * p.grad
        p.grad = None


def by_subtraction(model):
    with torch.no_grad():
        for p in model.parameters():
            p -= 0.1 * p.grad
            p.grad.zero_()


def by_foreach(model):
    with torch.no_grad():
        ps = list(model.parameters())
        torch._foreach_add_(ps, [p.grad for p in ps], alpha=-0.1)
    model.zero_grad()


@pytest.mark.parametrize("update", [by_data, by_subtraction, by_foreach])
@pytest.mark.parametrize("options", [{"every": 1}, {"every": 2, "norms_every": 2}, {}])
def test_updates_by_hand_are_steps(update, options):
    model = mlp()
    book = Book(model)
    with gg.watch(model, **options) as watcher:
        for _ in range(5):
            for x, y in zip(X.split(16), Y.split(16), strict=True):
                (nn.functional.cross_entropy(model(x), y) / 2).backward()
            book.before()
            update(model)
            book.after()
    run = watcher.run
    assert run.figure("steps_done")[0] == 5
    steps = run.groups["steps"].coords["step"]
    for key in book.rows:
        book.rows[key] = [book.rows[key][i] for i in steps]
    book.agrees(run)
    assert np.isfinite(run.values("probes", "delta_norm")).all()
    assert hooks_left(model) == []


def test_nobody_moves_the_weights():
    model = mlp()
    with gg.watch(model, every=1) as watcher:
        loss_of(model).backward()
    assert [(n.subject, n.reason) for n in watcher.run.notes] == [("updates", "nobody_moves")]
    assert [row.name for row in watcher.run.layers] == ["0", "2", "4"]


def test_lazy_layers_are_found_when_they_have_weights():
    torch.manual_seed(0)
    model = nn.Sequential(nn.LazyLinear(16), nn.Tanh(), nn.LazyLinear(3))
    with gg.watch(model, every=1) as watcher:
        model(X)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        book = Book(model)
        for _ in range(2):
            loss_of(model).backward()
            book.before()
            optimizer.step()
            book.after()
            optimizer.zero_grad()
    book.agrees(watcher.run)
    assert [row.name for row in watcher.run.layers] == ["0", "2"]
    assert np.isfinite(watcher.run.values("probes", "delta_norm")).all()


def test_the_loss_of_a_closure_is_the_steps():
    model, losses = mlp(), []
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        for _ in range(3):

            def closure():
                optimizer.zero_grad()
                loss = loss_of(model)
                loss.backward()
                losses.append(float(loss.detach()))
                return loss

            optimizer.step(closure)
    assert watcher.run.values("steps", "loss")[0].tolist() == losses


def test_a_probe_batch_that_does_not_fit_is_warned_of_at_once():
    model = mlp()
    with pytest.warns(UserWarning, match="probe batch"):
        watcher = gg.watch(
            model, torch.randn(4, 9), Y[:4], loss=nn.functional.cross_entropy, every=1
        )
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with watcher, warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            loss_of(model).backward()
            optimizer.step()
    run = watcher.run
    assert run.attributes["batch"] == "training"
    assert run.groups["probes"].coords["probe_step"].tolist() == [0, 1]


def test_a_probe_that_fails_later_ends_the_series():
    calls = []

    def loss(out, y):
        calls.append(1)
        if len(calls) > 2:
            raise RuntimeError("no more")
        return nn.functional.cross_entropy(out, y)

    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with (
        pytest.warns(UserWarning, match="no more"),
        gg.watch(model, X, Y, loss=loss, every=1) as watcher,
    ):
        for _ in range(4):
            loss_of(model, 2 * X).backward()
            optimizer.step()
    run = watcher.run
    assert run.attributes["batch"] == "probe"
    assert run.groups["probes"].coords["probe_step"].tolist() == [0, 1]
    assert run.figure("steps_done")[0] == 4
