"""Parameter groups of PyTorch's optimizers, against sums of our own."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg


def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.Tanh(), nn.Linear(8, 3))


def groups_of(net: nn.Module) -> list[dict]:
    plain = [p for p in net.parameters() if p.ndim < 2]
    return [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": 0.1},
        {"params": plain, "weight_decay": 0.0, "lr": 2e-3},
    ]


def norm(tensors) -> float:
    return math.sqrt(sum(float(t.detach().double().square().sum()) for t in tensors))


def test_rates_norms_and_updates_of_both_groups(tmp_path):
    net = model()
    optimizer = torch.optim.AdamW(groups_of(net), lr=1e-3)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    mine: dict[str, list[list[float]]] = {}
    with gg.watch(net, every=1) as watcher:
        for _ in range(3):
            optimizer.zero_grad()
            net(torch.randn(6, 5)).square().sum().backward()
            raw = [norm(p.grad for p in g["params"]) for g in optimizer.param_groups]
            nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            clipped = [norm(p.grad for p in g["params"]) for g in optimizer.param_groups]
            old = [[p.detach().clone() for p in g["params"]] for g in optimizer.param_groups]
            sizes = [norm(g) for g in old]
            rates = [g["lr"] for g in optimizer.param_groups]
            optimizer.step()
            schedule.step()
            moved = [
                norm(p - q for p, q in zip(g["params"], before, strict=True))
                for g, before in zip(optimizer.param_groups, old, strict=True)
            ]
            shares = [m / s for m, s in zip(moved, sizes, strict=True)]
            for name, values in (
                ("weight_grad_norm", raw),
                ("clipped_grad_norm", clipped),
                ("weight_norm", sizes),
                ("update_ratio", shares),
                ("learning_rate", rates),
                ("weight_decay", [0.1, 0.0]),
            ):
                mine.setdefault(name, []).append(values)
    run = gg.Run.load(watcher.run.save(tmp_path / "run.nc"))
    for name, values in mine.items():
        np.testing.assert_allclose(run.values("parameter_groups", name)[0], values, rtol=1e-5)
    first, second = run.parameter_groups
    assert (first.name, second.name, first.optimizer) == ("AdamW 1", "AdamW 2", "AdamW")
    assert second.parameters == ("0.bias", "1.weight", "1.bias", "3.bias")
    assert second.count == 8 + 8 + 8 + 3
    table = run.to_pandas("parameter_groups")
    assert set(mine) <= set(table.columns)


def test_two_optimizers_one_of_which_comes_later():
    net = model()
    optimizer = torch.optim.SGD(net[3].parameters(), lr=0.1)
    with gg.watch(net, every=1) as watcher:
        for step in range(4):
            if step == 2:
                body = [{"params": net[0].parameters(), "name": "body"}]
                optimizer = torch.optim.Adam(body, lr=1e-3)
            net.zero_grad()
            net(torch.randn(6, 5)).square().sum().backward()
            optimizer.step()
    run = watcher.run
    assert [group.name for group in run.parameter_groups] == ["SGD", "body"]
    rates = run.values("parameter_groups", "learning_rate")[0]
    np.testing.assert_allclose(rates, [[0.1, np.nan]] * 2 + [[np.nan, 1e-3]] * 2)


def test_without_an_optimizer_there_are_none():
    net = model()
    with gg.watch(net, every=1) as watcher:
        for _ in range(2):
            net.zero_grad()
            net(torch.randn(6, 5)).square().sum().backward()
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter -= 0.1 * parameter.grad
    assert watcher.run.parameter_groups == []
    with pytest.raises(gg.GradgaugeError):
        watcher.run.to_pandas("parameter_groups")


def test_an_optimizer_for_every_parameter_is_cut_with_a_note():
    net = nn.Sequential(*(nn.Linear(2, 2) for _ in range(40)))
    optimizers = [torch.optim.SGD([p], lr=0.1) for p in net.parameters()]
    with gg.watch(net, every=1) as watcher:
        net(torch.randn(3, 2)).sum().backward()
        for optimizer in optimizers:
            optimizer.step()
    assert len(watcher.run.parameter_groups) == 64
    assert [n.reason for n in watcher.run.notes] == ["too_many_groups"]
