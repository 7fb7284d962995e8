"""Whose a step is: several optimizers, passes of no step, updates by hand, new layers.

What is right is said by plain hooks and sums of the test's own, in float64.
"""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from tests.watchers.torch.test_training import alike, hooks_left

RTOL = 1e-9
BCE = nn.functional.binary_cross_entropy_with_logits
X = torch.randn(32, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
Y = torch.arange(32) % 3


@pytest.fixture(autouse=True)
def _float64():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def mlp(widths=(8, 16, 16, 3), act=nn.Tanh):
    torch.manual_seed(0)
    parts = [p for a, b in itertools.pairwise(widths) for p in (nn.Linear(a, b), act())]
    return nn.Sequential(*parts[:-1])


def layers(model):
    return [part for part in model.modules() if isinstance(part, nn.Linear)]


def norms(tensors):
    return [float("nan") if t is None else float(t.detach().norm()) for t in tensors]


def loss_of(model, x=X):
    return nn.functional.cross_entropy(model(x), Y)


class Book:
    """Figures of a training, by the test's own hand: one row a step."""

    def __init__(self, model):
        self.model, self.rows = model, {"grad": [], "weight": [], "update": []}

    def before(self):
        self.weights = [part.weight.detach().clone() for part in layers(self.model)]
        self.rows["grad"].append(norms(part.weight.grad for part in layers(self.model)))

    def after(self, moved=None):
        parts = layers(self.model)
        changes = [
            float((p.weight.detach() - w).norm() / w.norm())
            if moved is None or i in moved
            else float("nan")
            for i, (p, w) in enumerate(zip(parts, self.weights, strict=True))
        ]
        self.rows["weight"].append(norms(self.weights))
        self.rows["update"].append(changes)

    def agrees(self, run):
        names = {"grad": "weight_grad_norm", "weight": "weight_norm", "update": "update_ratio"}
        for key, name in names.items():
            np.testing.assert_allclose(
                run.values("steps", name)[0], self.rows[key], rtol=RTOL, err_msg=name
            )


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
            if parameter.ndim == 2:
                before = parameter.detach().clone()
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
