"""Biases as rows, on request: their norms against sums of our own."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

import gradgauge as gg


def test_every_parameter_has_a_row():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 8),
        nn.LayerNorm(8),
        nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
        nn.LSTM(8, 6),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gg.watch(model, every=1, biases=True) as watcher:
        model(torch.randn(2, 3, 4))[0].square().mean().backward()
        old = {name: p.detach().clone() for name, p in model.named_parameters()}
        grads = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
        optimizer.step()
    run = watcher.run
    rows = {layer.name: at for at, layer in enumerate(run.layers)}
    biases = [name for name, p in model.named_parameters() if p.ndim == 1 and "bias" in name]
    assert set(biases) <= set(rows)
    assert sum(layer.parameters for layer in run.layers) == sum(
        p.numel() for p in model.parameters()
    )
    for name in biases:
        at, new = rows[name], model.get_parameter(name).detach()
        assert run.layers[at].kind == "bias"
        share = (new - old[name]).norm() / old[name].norm()
        for quantity, expected in (
            ("weight_grad_norm", grads[name].norm()),
            ("weight_norm", old[name].norm()),
            ("update_ratio", share if old[name].any() else np.nan),
        ):
            seen = run.values("steps", quantity)[0, 0, at]
            np.testing.assert_allclose(seen, float(expected), rtol=1e-5, equal_nan=True)
    assert not [n for n in run.notes if n.reason == "reading_failed"]


def test_without_being_asked_for_there_are_none():
    model = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2))
    with gg.watch(model) as watcher:
        pass
    assert [layer.name for layer in watcher.run.layers] == ["0", "1"]
