"""What a user does in the middle of a watched training works as if nobody watched."""

from __future__ import annotations

import copy
import gc
import io
import pickle
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from tests.watchers.torch.test_training import X, Y, alike, hooks_left, network, smooth


def transformer():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
    return nn.Sequential(nn.Linear(6, 8), nn.TransformerEncoder(layer, 2), nn.Linear(8, 3))


def make_step(model, optimizer, x=X, y=Y):
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def tensors():
    gc.collect()
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


@pytest.mark.parametrize("build", [smooth, transformer])
@pytest.mark.parametrize("probe", [False, True])
def test_no_tensor_outlives_its_step(build, probe):
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    x = X.reshape(4, 16, 6) if build is transformer else X
    y = Y.reshape(4, 16) if build is transformer else Y

    def loss(out, y):
        return nn.functional.cross_entropy(out.flatten(0, -2), y.flatten())

    batch = (x, y) if probe else ()
    counts = []
    with gg.watch(model, *batch, every=1, **({"loss": loss} if probe else {})):
        for step in range(70):
            loss(model(x), y).backward()
            optimizer.step()
            optimizer.zero_grad()
            if step % 10 == 9:
                counts.append(tensors())
    assert len(set(counts)) == 1


def module_hooks(model):
    names = ("_forward_hooks", "_forward_pre_hooks", "_forward_hooks_always_called")
    return [hook for part in model.modules() for name in names for hook in getattr(part, name)]


class Exponential(nn.Module):
    """Copies as a moving average of weights makes them."""

    def __init__(self, model):
        super().__init__()
        self.module = copy.deepcopy(model)


def saved_whole(model):
    stream = io.BytesIO()
    torch.save(model, stream)
    stream.seek(0)
    return torch.load(stream, weights_only=False)


COPIES = {
    "deepcopy": copy.deepcopy,
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "torch.save": saved_whole,
    "AveragedModel": lambda model: torch.optim.swa_utils.AveragedModel(model).module,
    "moving average": lambda model: Exponential(model).module,
}


@pytest.mark.parametrize("name", COPIES)
def test_hooks_do_not_travel_with_a_copy(name):
    plain = network()
    with gg.watch(network(), every=1) as watcher:
        model = watcher.model
        duplicate = COPIES[name](model)
        assert module_hooks(duplicate) == []
        before = pickle.dumps(duplicate._forward_hooks)
    assert before == pickle.dumps(plain._forward_hooks)
    assert type(model._forward_hooks) is type(plain._forward_hooks)


@pytest.mark.parametrize("name", COPIES)
def test_passes_of_a_copy_are_not_the_models(name):
    def train(use_copy):
        model = smooth()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        duplicate = smooth()
        with gg.watch(model, every=1) as watcher:
            if use_copy:
                duplicate = COPIES[name](model)
            for _ in range(2):
                loss = nn.functional.cross_entropy(model(X), Y) + duplicate(X + 1).pow(2).mean()
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
        return watcher.run.values("probes", "delta_norm")

    assert (train(True) == train(False)).all()


TRACERS = {
    "jit.trace": lambda model: torch.jit.trace(model, X),
    "jit.script": torch.jit.script,
    "export": lambda model: torch.export.export(model, (X,)).module(),
    "strict export": lambda model: torch.export.export(model, (X,), strict=True).module(),
    "fx": torch.fx.symbolic_trace,
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
@pytest.mark.parametrize("name", TRACERS)
def test_a_watched_model_can_be_traced_between_steps(name):
    model = smooth()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        make_step(model, optimizer)
        traced = TRACERS[name](model)
        assert torch.allclose(traced(X), model(X))
        make_step(model, optimizer)
    assert watcher.run.figure("steps_done")[0] == 2
    assert [note for note in watcher.run.notes if note.reason == "reading_failed"] == []


def test_handles_of_the_users_own_hooks_go_on_working():
    model = smooth()
    calls = []
    early = model[0].register_forward_hook(lambda *_: calls.append("early"))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1):
        late = model[0].register_forward_hook(lambda *_: calls.append("late"))
        first = model[0].register_forward_hook(lambda *_: calls.append("first"), prepend=True)
        make_step(model, optimizer)
        assert calls == ["first", "early", "late"]
        early.remove()
    make_step(model, optimizer)
    assert calls[3:] == ["first", "late"]
    late.remove()
    first.remove()
    model(X)
    assert len(calls) == 5
    assert list(model[0]._forward_hooks) == []


def test_a_transformed_pass_ends_nothing():
    model = smooth()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        for _ in range(2):
            torch.func.vmap(model)(X.reshape(4, 16, 6)).square().mean().backward()
            optimizer.step()
    run = watcher.run
    assert run.figure("steps_done")[0] == 2
    assert np.isfinite(run.values("steps", "update_ratio")).all()
    assert np.isnan(run.values("probes", "delta_norm")).all()
    assert {note.reason for note in run.notes} >= {"transformed"}
    assert "no_call" not in {note.reason for note in run.notes}


def test_a_model_without_values_ends_nothing():
    with torch.device("meta"):
        model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        for _ in range(5):
            model(X.to("meta")).sum().backward()
            optimizer.step()
    assert hooks_left(model) == []
    assert watcher.run.figure("steps_done")[0] == 5
    assert "no_values" in {note.reason for note in watcher.run.notes}


class Failing:
    """A listener that cannot write."""

    def opened(self, *_: Any, **__: Any) -> None:
        raise OSError("disk full")

    recorded = closed = opened


def test_a_reading_that_goes_on_failing_lets_go(monkeypatch):
    from gradgauge.watchers.torch import reader as home

    def broken(*_):
        raise RuntimeError("mine")

    monkeypatch.setattr(home, "measure_layers", broken)
    plain, model = smooth(), smooth()
    for one, watched in ((plain, False), (model, True)):
        optimizer = torch.optim.SGD(one.parameters(), 0.1)
        watcher = gg.watch(one, every=1) if watched else None
        for _ in range(6):
            make_step(one, optimizer)
    assert watcher is not None
    assert hooks_left(model) == []
    watcher.close()
    reasons = [note.reason for note in watcher.run.notes]
    assert reasons.count("reading_failed") == 1
    assert "let_go" in reasons
    assert alike(list(plain.parameters()), list(model.parameters()))


def test_a_listener_that_fails_is_warned_of_and_left_out():
    model = smooth()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with (
        pytest.warns(UserWarning, match="disk full"),
        gg.watch(model, every=1, to=[Failing()]) as watcher,
    ):
        for _ in range(3):
            make_step(model, optimizer)
    assert np.isfinite(watcher.run.values("probes", "delta_norm")).all()
    assert len(watcher.run.values("probes", "delta_norm")[0]) == 3


def test_watchers_of_many_threads_do_not_meet():
    failures, figures = [], []

    def train(model):
        try:
            optimizer = torch.optim.SGD(model.parameters(), 0.1)
            for _ in range(15):
                with gg.watch(model, every=1) as watcher:
                    make_step(model, optimizer)
                figures.append(watcher.run.values("probes", "delta_norm")[0, 0, 0])
        except Exception as error:  # noqa: BLE001 whatever it is, the test says it
            failures.append(error)

    threads = [threading.Thread(target=train, args=(smooth(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(figures)) == 15


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_passes_without_gradients_are_passed_by(mode):
    def train(between):
        model = smooth()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with gg.watch(model, every=1) as watcher:
            for _ in range(2):
                if between:
                    with mode():
                        model(X[:7])
                make_step(model, optimizer)
        return watcher.run.values("probes", "z_std"), list(model.parameters())

    (seen, weights), (plain, plain_weights) = train(True), train(False)
    assert (seen == plain).all()
    assert alike(weights, plain_weights)
