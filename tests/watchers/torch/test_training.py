"""A watched PyTorch training stays what it was; scaling, accumulation, clipping, compiling."""

from __future__ import annotations

import random
from typing import cast

import numpy as np
import pytest
import torch
import torch.optim.optimizer as optimizers
from torch import nn

import gradgauge as gg
from gradgauge.watchers.torch.watcher import PyTorchWatcher

X, Y = torch.randn(64, 6, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 3


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 16),
        nn.BatchNorm1d(16),
        nn.ReLU(inplace=True),
        nn.Dropout(0.3),
        nn.Linear(16, 16),
        nn.GELU(),
        nn.Linear(16, 3),
    )


def train(model, watcher=None, steps=6, optimizer=None):
    optimizer = optimizer or torch.optim.Adam(model.parameters(), 1e-2)
    torch.manual_seed(7)
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(X), Y)
        if watcher is not None:
            watcher.log(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return [t.clone() for t in (*model.parameters(), *model.buffers(), torch.get_rng_state())]


def hooks_left(model):
    names = (
        "_forward_hooks",
        "_forward_pre_hooks",
        "_backward_hooks",
        "_forward_hooks_always_called",
    )
    left = [h for m in model.modules() for n in names for h in getattr(m, n)]
    left += [h for p in model.parameters() for h in (p._post_accumulate_grad_hooks or ())]
    left += [*optimizers._global_optimizer_pre_hooks, *optimizers._global_optimizer_post_hooks]
    return left


def modes_left():
    return torch.overrides._get_current_function_mode_stack()


def alike(one, other):
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("options", [{"every": 1}, {"every": 3}, {}, {"every": 2, "probe": True}])
def test_bit_identical(options):
    plain = train(network())
    model = network()
    options = dict(options)
    batch = (X, Y) if options.pop("probe", False) else ()
    if batch:
        options["loss"] = nn.functional.cross_entropy
    with gg.watch(model, *batch, **options) as watcher:
        seen = train(model, watcher)
    assert alike(plain, seen)
    assert hooks_left(model) == []
    assert watcher.run.figure("steps_done")[0] == 6


def test_plain_object():
    model = network()
    watcher = gg.watch(model, every=1)
    train(model, watcher, steps=2)
    watcher.close()
    watcher.close()
    assert hooks_left(model) == []
    assert watcher.run.groups["probes"].coords["probe_step"].tolist() == [0, 1]
    assert np.isfinite(watcher.run.values("steps", "loss")).all()


def test_forgotten_watcher_leaves_nothing():
    model = network()
    watcher = gg.watch(model, every=1)
    train(model, steps=1)
    del watcher
    assert hooks_left(model) == []


class Raising(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.fail = nn.Linear(6, 6), True

    def forward(self, x):
        x = torch.relu(self.inner(x))
        if self.fail:
            raise KeyError("mine")
        return x


def test_the_users_own_exception_comes_through_and_nothing_is_left():
    model = Raising()
    with pytest.raises(KeyError, match="mine"), gg.watch(model, every=1):
        model(X)
    assert hooks_left(model) == []
    assert modes_left() == []


def test_exception_inside_of_a_kept_watch_leaves_no_mode_and_goes_on():
    model = Raising()
    watcher = gg.watch(model, every=1)
    with pytest.raises(KeyError):
        model(X)
    assert modes_left() == []
    model.fail = False
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    model(X).sum().backward()
    optimizer.step()
    watcher.close()
    assert hooks_left(model) == []
    assert watcher.run.values("probes", "delta_norm")[0, 0, 0] > 0


def test_probe_leaves_no_trace():
    model = network()
    model(X).sum().backward()
    model[1].eval()
    before = [t.clone() for t in (*model.buffers(), *(p.grad for p in model.parameters()))]
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002

    def loss(out, y):
        random.random()
        np.random.random()  # noqa: NPY002
        return nn.functional.cross_entropy(out, y)

    with gg.watch(model, X, Y, loss=loss):
        pass
    after = [*model.buffers(), *(p.grad for p in model.parameters())]
    assert alike(before, after)
    assert not model[1].training
    assert model.training
    assert random.getstate() == states[0]
    assert (np.random.get_state()[1] == states[1]).all()  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), states[2])


def test_probe_that_raises_is_said_and_ends_nothing():
    model = network()

    def loss(*_):
        raise RuntimeError("no such loss")

    with pytest.warns(UserWarning, match="no such loss"):
        watcher = gg.watch(model, X, Y, loss=loss, every=1)
    with watcher:
        train(model, steps=2)
    notes = [note.sentence() for note in watcher.run.notes]
    assert any("no such loss" in note for note in notes)
    assert hooks_left(model) == []
    assert np.isfinite(watcher.run.values("steps", "update_ratio")).all()


def smooth():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))


def figures(run, group, names):
    return {name: run.values(group, name)[0, 0] for name in names}


SIGNALS = ("delta_norm", "g_norm", "backward_gain", "weight_grad_norm", "z_std", "signal_spread")


def one_step(step, **options):
    model = smooth()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1, **options) as watcher:
        step(model, optimizer)
    return watcher.run


def plain_step(model, optimizer):
    nn.functional.cross_entropy(model(X), Y).backward()
    optimizer.step()


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("unscale", [True, False])
def test_gradient_scaler(given, unscale):
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**14)

    def step(model, optimizer):
        scaler.scale(nn.functional.cross_entropy(model(X), Y)).backward()
        if unscale:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1e-2)
        scaler.step(optimizer)
        scaler.update()

    run = one_step(step, **({"scaler": scaler} if given else {}))
    plain = one_step(plain_step)
    for group, names in (("probes", SIGNALS), ("steps", ("weight_grad_norm",))):
        for name, value in figures(plain, group, names).items():
            np.testing.assert_allclose(run.values(group, name)[0, 0], value, rtol=1e-4)
    clipped = run.values("steps", "clipped_grad_norm")[0, 0]
    before = run.values("steps", "weight_grad_norm")[0, 0]
    if unscale:
        assert (clipped < 0.2 * before).all()
    else:
        np.testing.assert_allclose(clipped, before, rtol=1e-4)


def test_step_that_a_scaler_skips_is_no_step_and_mixes_nothing_in():
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)

    def step(model, optimizer):
        for factor in (float("inf"), 1.0):
            optimizer.zero_grad()
            scaler.scale(nn.functional.cross_entropy(model(X), Y) * factor).backward()
            scaler.step(optimizer)
            scaler.update()

    run = one_step(step)
    assert run.figure("steps_done")[0] == 1
    expected = figures(one_step(plain_step), "probes", SIGNALS)
    for name, value in expected.items():
        np.testing.assert_allclose(run.values("probes", name)[0, 0], value, rtol=1e-4)
    assert run.figure("non_finite_step")[0] == -1


def test_accumulated_gradients_are_those_of_the_whole_batch():
    def step(model, optimizer):
        for x, y in zip(X.split(16), Y.split(16), strict=True):
            (nn.functional.cross_entropy(model(x), y) / 4).backward()
        optimizer.step()

    run = one_step(step)
    expected = figures(one_step(plain_step), "probes", SIGNALS)
    for name, value in expected.items():
        np.testing.assert_allclose(run.values("probes", name)[0, 0], value, rtol=1e-4)


def test_clipping_by_value_is_seen_before_and_behind():
    def step(model, optimizer):
        nn.functional.cross_entropy(model(X), Y).backward()
        nn.utils.clip_grad_value_(model.parameters(), 1e-3)
        optimizer.step()

    run = one_step(step)
    plain = one_step(plain_step)
    for group in ("steps", "probes"):
        np.testing.assert_allclose(
            run.values(group, "weight_grad_norm"),
            plain.values(group, "weight_grad_norm"),
            rtol=1e-5,
        )
    clipped = run.values("steps", "clipped_grad_norm")[0, 0]
    assert (clipped <= 1e-3 * np.sqrt([48, 64, 24]) * 1.0001).all()


def test_closure():
    def step(model, optimizer):
        def closure():
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X), Y)
            loss.backward()
            return loss

        optimizer.step(closure)

    run = one_step(step)
    plain = one_step(plain_step)
    for name in SIGNALS:
        np.testing.assert_allclose(
            run.values("probes", name), plain.values("probes", name), rtol=1e-5
        )


def test_lbfgs_reads_its_first_evaluation():
    plain, seen = smooth(), smooth()

    def optimize(model):
        optimizer = torch.optim.LBFGS(model.parameters(), max_iter=4)

        def closure():
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(X), Y)
            loss.backward()
            return loss

        optimizer.step(closure)

    optimize(plain)
    with gg.watch(seen, every=1) as watcher:
        optimize(seen)
    assert alike(list(plain.parameters()), list(seen.parameters()))
    expected = one_step(plain_step).values("probes", "delta_norm")
    np.testing.assert_allclose(watcher.run.values("probes", "delta_norm"), expected, rtol=1e-5)


def test_custom_train_step_that_calls_the_parts_itself():
    def step(model, optimizer):
        x = X
        for part in model:
            x = part(x)
        nn.functional.cross_entropy(x, Y).backward()
        optimizer.step()

    run = one_step(step)
    expected = figures(one_step(plain_step), "probes", SIGNALS)
    for name, value in expected.items():
        np.testing.assert_allclose(run.values("probes", name)[0, 0], value, rtol=1e-5)


def test_validation_between_steps_is_not_mixed_in():
    def step(model, optimizer):
        with torch.no_grad():
            model(X[:5])
        model(X[:7])
        nn.functional.cross_entropy(model(X), Y).backward()
        optimizer.step()

    run = one_step(step)
    np.testing.assert_allclose(
        run.values("probes", "z_std"), one_step(plain_step).values("probes", "z_std"), rtol=1e-5
    )


@pytest.mark.parametrize("how", ["wrapper", "in place"])
def test_compiled_model_is_read_by_an_eager_probe(how):
    def compiled():
        model = network()
        if how == "in place":
            model.compile(backend="eager")
            return model
        return cast("nn.Module", torch.compile(model, backend="eager"))

    torch.compiler.reset()
    plain = train(compiled(), steps=3)
    torch.compiler.reset()
    model = compiled()
    with gg.watch(model, X, Y, loss=nn.functional.cross_entropy, every=1) as watcher:
        seen = train(model, watcher, steps=3)
    assert alike(plain, seen)
    assert watcher.run.attributes["batch"] == "probe"
    assert watcher.run.values("probes", "delta_norm").shape[1] == 4
    assert [row.activation for row in watcher.run.layers] == ["relu", "gelu", "linear"]
    assert np.isfinite(watcher.run.values("steps", "weight_grad_norm")).all()


def test_compiled_model_without_probe_batch_says_so():
    torch.compiler.reset()
    model = cast("nn.Module", torch.compile(smooth(), backend="eager"))
    with gg.watch(model, every=1) as watcher:
        train(model, steps=1)
    assert "compiled" in {note.reason for note in watcher.run.notes}
    assert np.isfinite(watcher.run.values("steps", "update_ratio")).all()


def test_non_finite_is_located():
    model = smooth()
    optimizer = torch.optim.SGD(model.parameters(), 1e30)
    with gg.watch(model, every=1) as watcher:
        for _ in range(4):
            loss = nn.functional.mse_loss(model(X), torch.ones(64, 3))
            watcher.log(loss)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    run = watcher.run
    assert run.figure("non_finite_step")[0] in (1, 2)
    assert run.figure("non_finite_layer")[0] >= 1


def test_first_optimizer_counts_steps():
    model = smooth()
    first = torch.optim.SGD(model[:2].parameters(), 0.1)
    second = torch.optim.SGD(model[2:].parameters(), 0.1)
    with PyTorchWatcher(model, optimizer=first, every=1) as watcher:
        for _ in range(2):
            nn.functional.cross_entropy(model(X), Y).backward()
            first.step()
            second.step()
    assert watcher.run.figure("steps_done")[0] == 2
    ratios = watcher.run.values("steps", "update_ratio")[0, 0]
    assert np.isfinite(ratios).tolist() == [True, False, False]
