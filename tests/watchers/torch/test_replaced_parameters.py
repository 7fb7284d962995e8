"""Parameters that others take the place of once a model is watched: sharded, or loaded."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch import nn

import gradgauge as gg


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 3))


def train(net: nn.Module, watcher: gg.Watcher, steps: int = 2) -> gg.Run:
    source = torch.Generator().manual_seed(1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with watcher:
        for _ in range(steps):
            optimizer.zero_grad()
            net(torch.randn(6, 5, generator=source)).square().sum().backward()
            optimizer.step()
    return watcher.run


def same(run: gg.Run, expected: gg.Run, first: int = 0) -> None:
    assert [layer.name for layer in run.layers] == [layer.name for layer in expected.layers]
    for name in ("weight_grad_norm", "weight_norm", "update_ratio"):
        wanted = expected.values("steps", name)[:, first:]
        assert np.isfinite(wanted).all()
        np.testing.assert_allclose(run.values("steps", name), wanted, rtol=1e-5)
    assert not [note for note in run.notes if note.reason == "reading_failed"]


@pytest.fixture(autouse=True)
def no_function_mode_is_left():
    yield
    assert torch.overrides._get_current_function_mode_stack() == []


@pytest.fixture
def alone():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_sharded_after_it_is_watched():
    from torch.distributed.fsdp import fully_shard

    expected = train(plain := model(), gg.watch(plain, every=1))
    watcher = gg.watch(net := model(), every=1)
    fully_shard(net[0])
    fully_shard(net)
    run = train(net, watcher)
    same(run, expected, first=1)
    assert [note.reason for note in run.notes] == ["sharded_later"]


def test_a_loaded_state_that_takes_the_parameters_places():
    expected = train(plain := model(), gg.watch(plain, every=1))
    net = model()
    watcher = gg.watch(net, every=1)
    net.load_state_dict({k: v.clone() for k, v in net.state_dict().items()}, assign=True)
    same(train(net, watcher), expected)


def test_a_state_loaded_in_the_middle():
    net = model()
    with gg.watch(net, every=1) as watcher:
        for step in range(4):
            if step == 2:
                state = {k: v.clone() for k, v in net.state_dict().items()}
                net.load_state_dict(state, assign=True)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            optimizer.zero_grad()
            net(torch.randn(6, 5)).square().sum().backward()
            optimizer.step()
    steps = watcher.run.values("steps", "update_ratio")[0]
    assert np.isfinite(steps[[0, 1, 3]]).all()  # The loaded ones are met at the step's end.
