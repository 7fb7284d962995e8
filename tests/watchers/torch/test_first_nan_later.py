"""The first NaN where an accelerator would have to be waited for: asked on it, read later."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import gradgauge as gg
from gradgauge.watchers.torch import watcher as module
from gradgauge.watchers.torch.first_nan import FirstNaN


class Reads(TorchDispatchMode):
    """Counts what makes the CPU wait for a device: numbers that are taken out of tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.overloadpacket.__name__ in ("_local_scalar_dense", "item")
        return func(*args, **(kwargs or {}))


@pytest.fixture(autouse=True)
def _on_an_accelerator(monkeypatch):
    monkeypatch.setattr(module, "FirstNaN", lambda *a: FirstNaN(*a, waits=False))


def train(bad_step: int, way: str, norms_every: int = 50):
    """The Run, and at which steps numbers were read."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, foreach=False)
    reads = []
    with gg.watch(model, every=1000, norms_every=norms_every) as watcher:
        for step in range(60):
            optimizer.zero_grad()
            hidden = model[:3](torch.randn(6, 4))
            if step == bad_step and way == "backward":
                hidden.register_hook(lambda g: g * float("nan"))
            loss = model[3:](hidden).square().mean()
            if step == bad_step and way == "loss":
                loss = loss * float("nan")
            loss.backward()
            with Reads() as counted:
                optimizer.step()
            reads.append(counted.count)
    return watcher.run, reads


@pytest.mark.parametrize(
    ("way", "layer", "operation"), [("backward", 2, "gradient"), ("loss", 3, "loss")]
)
def test_the_step_is_exact_and_the_layer_told_by_the_gradients(way, layer, operation):
    run, _ = train(7, way)
    assert int(run.figure("non_finite_step")[0]) == 7
    assert int(run.figure("non_finite_layer")[0]) == layer
    assert run.attributes["non_finite_operation"] == operation
    assert "read_later" in [note.reason for note in run.notes]


def test_a_step_that_is_not_measured_waits_for_nothing():
    run, reads = train(-1, "")
    assert [step for step, count in enumerate(reads) if count] in ([0, 50], [50], [0], [])
    assert int(run.figure("non_finite_step")[0]) == -1
    assert run.notes == []


def test_a_measured_step_is_answered_at_once():
    run, _ = train(50, "backward")
    assert int(run.figure("non_finite_step")[0]) == 50
    assert "read_later" not in [note.reason for note in run.notes]


def test_a_nan_behind_the_last_measured_step_is_read_at_the_end():
    run, _ = train(58, "backward")
    assert int(run.figure("non_finite_step")[0]) == 58
