"""What a framework cannot show is said, not guessed; what goes wrong in a loop mixes nothing in."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import torch
from rich.console import Console
from torch import nn

import gradgauge as gg
from gradgauge.report.pages.watched import watched_page
from gradgauge.report.terminal.live import LiveTable
from tests.watchers.torch.test_training import hooks_left

X, Y = torch.randn(64, 8, generator=torch.Generator().manual_seed(1)), torch.arange(64) % 3
SIGNALS = ("delta_norm", "g_norm", "weight_grad_norm", "z_std", "h_std", "slope_gain")


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)
    )


def by_layer(run, name, group="probes", at=0):
    values = run.values(group, name)[0, at]
    return dict(zip((layer.name for layer in run.layers), values, strict=True))


def reasons(run):
    return {
        (name, note.subject, note.reason) for note in run.notes for name in note.layers or ("",)
    }


def test_keras_recurrent_layers_show_their_outputs_and_no_delta():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 20, (64, 6)), rng.integers(0, 3, 64)
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            keras.layers.Embedding(20, 8, name="embed"),
            keras.layers.LSTM(8, return_sequences=True, name="deep"),
            keras.layers.LSTM(8, name="top"),
            keras.layers.Dense(3, name="head"),
        ],
        name="net",
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    watcher = gg.watch(model, every=1)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[watcher])
    run = watcher.run
    for name in ("net/deep", "net/top"):
        assert (name, "delta", "fused") in reasons(run)
        for quantity in ("delta_norm", "backward_gain", "slope_gain", "z_std"):
            assert np.isnan(by_layer(run, quantity)[name]), quantity
        for quantity in ("g_norm", "weight_grad_norm", "signal_spread"):
            assert by_layer(run, quantity)[name] > 0, quantity
    assert by_layer(run, "delta_norm")["net/embed"] > 0
    assert "net/deep" in watched_page(run)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.frozen, self.twice = nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 16)
        self.tied, self.never, self.head = nn.Linear(16, 16), nn.Linear(3, 3), nn.Linear(16, 3)
        self.tied.weight = self.twice.weight
        self.frozen.requires_grad_(False)

    def forward(self, x):
        x = torch.tanh(self.frozen(torch.relu(self.a(x))))
        return self.head(torch.tanh(self.tied(torch.relu(self.twice(torch.relu(self.twice(x)))))))


def test_frozen_shared_and_unused_layers():
    torch.manual_seed(0)
    model = Shared()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    with gg.watch(model, every=1) as watcher:
        nn.functional.cross_entropy(model(X), Y).backward()
        gradients = {
            n: float(p.grad.norm()) for n, p in model.named_parameters() if p.grad is not None
        }
        optimizer.step()
    run = watcher.run
    assert reasons(run) == {
        ("frozen", "gradients", "frozen"),
        ("never", "gradients", "no_gradient"),
        ("never", "signals", "not_called"),
    }
    infos = {layer.name: layer for layer in run.layers}
    assert not infos["frozen"].trainable
    assert not infos["never"].called
    assert infos["tied"].shares == "twice"
    found = by_layer(run, "weight_grad_norm")
    assert np.isnan(found["frozen"])
    assert np.isnan(found["never"])
    for name in ("a", "twice", "head"):
        assert found[name] == pytest.approx(gradients[f"{name}.weight"], rel=1e-5)
    assert by_layer(run, "delta_norm")["frozen"] > 0
    assert hooks_left(model) == []


@pytest.mark.parametrize(("dtype", "within"), [(torch.bfloat16, 0.03), (torch.float16, 0.01)])
def test_autocast_scaler_accumulation_and_clipping_together(dtype, within):
    """The figures of one plain float32 pass over the whole batch, but for half floats' rounding."""
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    with gg.watch(model, every=1) as watcher:
        for x, y in zip(X.split(16), Y.split(16), strict=True):
            with torch.autocast("cpu", dtype=dtype):
                loss = nn.functional.cross_entropy(model(x), y) / 4
            scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
        scaler.step(optimizer)
        scaler.update()
    plain = network()
    with gg.watch(plain, every=1) as reference:
        nn.functional.cross_entropy(plain(X), Y).backward()
        torch.optim.SGD(plain.parameters(), 0.1).step()
    for name in SIGNALS:
        expected = reference.run.values("probes", name)[0, 0]
        got = watcher.run.values("probes", name)[0, 0]
        np.testing.assert_allclose(got, expected, rtol=within, err_msg=name)
    clipped = watcher.run.values("steps", "clipped_grad_norm")[0, 0]
    before = watcher.run.values("steps", "weight_grad_norm")[0, 0]
    expected = reference.run.values("probes", "weight_grad_norm")[0, 0]
    np.testing.assert_allclose(before, expected, rtol=within)
    assert np.linalg.norm(clipped) < 0.0101
    assert hooks_left(model) == []


class Failing(torch.autograd.Function):
    """Passes everything through; its first backward pass raises."""

    left = 1

    @staticmethod
    def forward(_context, x):
        return x.clone()

    @staticmethod
    def backward(_context, grad):
        if Failing.left:
            Failing.left -= 1
            raise MemoryError
        return grad


class Fragile(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = network()

    def forward(self, x):
        return self.net[2:](Failing.apply(self.net[:2](x)))


@pytest.mark.parametrize("fails", [1, 2])
def test_a_backward_pass_that_is_broken_off_and_made_again(fails):
    """As a loop does that runs out of memory: what was seen of the first try is forgotten."""
    runs = []
    for left in (fails, 0):
        Failing.left = left
        model = Fragile()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with gg.watch(model, every=1) as watcher:
            for _ in range(left):
                with pytest.raises(MemoryError):
                    nn.functional.cross_entropy(model(X[:32]), Y[:32]).backward()
                optimizer.zero_grad()
            nn.functional.cross_entropy(model(X), Y).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.01)
            optimizer.step()
        assert hooks_left(model) == []
        runs.append(watcher.run)
    for group, name in [
        *(("probes", n) for n in SIGNALS),
        ("steps", "weight_grad_norm"),
        ("steps", "clipped_grad_norm"),
    ]:
        broken, clean = (run.values(group, name) for run in runs)
        np.testing.assert_array_equal(broken, clean, err_msg=name)


def test_a_live_table_that_nobody_closes_gives_the_cursor_back(tmp_path):
    with (tmp_path / "screen").open("w") as file:
        table = LiveTable("en", Console(file=file, force_terminal=True))
        table.opened([], {"name": "net"})
        del table
    text = (tmp_path / "screen").read_text()
    hide, show = "\x1b[?25l", "\x1b[?25h"
    assert text.rfind(show) > text.rfind(hide) >= 0
