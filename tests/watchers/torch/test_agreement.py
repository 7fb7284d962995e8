"""One network read by the engine and by the PyTorch watcher gives the same figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg
from gradgauge.parts.normalizations import NORMALIZATIONS
from tests.watchers.reference import TOLERANCE, Reference, disagreement, reference

FUNCTIONS = {
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "gelu": nn.functional.gelu,
    "selu": nn.functional.selu,
    "softplus": nn.functional.softplus,
}


class Network(nn.Module):
    """The engine's network, written as a practitioner would."""

    def __init__(self, ref: Reference, dtype: str):
        super().__init__()
        self.skip, self.names = ref.network.skip, ref.network.activations
        self.linear = [nn.Linear(*shape) for shape in ref.network.shapes]
        self.layers = nn.ModuleList(self.linear)
        widths = [layer.width for layer in ref.network.hidden]
        norm = ref.network.norm
        if norm == "batch":
            norms = [nn.BatchNorm1d(w, eps=NORMALIZATIONS["batch"].epsilon) for w in widths]
        elif norm == "layer":
            norms = [nn.LayerNorm(w, eps=NORMALIZATIONS["layer"].epsilon) for w in widths]
        else:
            norms = [nn.Identity() for _ in widths]
        self.norms = nn.ModuleList(norms)
        self.to(getattr(torch, dtype))
        with torch.no_grad():
            for layer, weight, bias in zip(self.linear, ref.weights, ref.biases, strict=True):
                layer.weight.copy_(torch.tensor(weight.T))
                layer.bias.copy_(torch.tensor(bias))

    def forward(self, x):
        opened = None
        for index, name in enumerate(self.names):
            h = FUNCTIONS[name](self.norms[index](self.layers[index](x)))
            if self.skip and index % self.skip == 0:
                h = h if opened is None else h + opened
                opened = h
            x = h
        return self.layers[-1](x)


@pytest.mark.parametrize(
    ("notation", "dtype"),
    [
        ("12-16x3-5 relu", "float32"),
        ("12-16x3-5 relu", "float64"),
        ("12-16-8-20-5 sigmoid", "float32"),
        ("12-16x3-5 gelu", "float64"),
        ("12-16:tanh-8:softplus-5", "float64"),
        ("12-16x4-5 selu norm=batch", "float32"),
        ("12-16x4-5 selu norm=batch", "float64"),
        ("12-16x4-5 tanh norm=layer", "float64"),
        ("12-16x5-5 tanh skip=2", "float64"),
    ],
)
def test_training_batch(notation, dtype):
    ref = reference(notation, dtype)
    model = Network(ref, dtype)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model) as watcher:
        nn.functional.cross_entropy(model(torch.tensor(ref.x)), torch.tensor(ref.y)).backward()
        optimizer.step()
    worst = disagreement(ref, watcher.run)
    assert max(worst.values()) < TOLERANCE[dtype], worst
    assert watcher.run.attributes["batch"] == "training"


def test_probe_batch_and_training_batch_agree():
    ref = reference("12-16x3-5 relu", "float64")
    model = Network(ref, "float64")
    x, y = torch.tensor(ref.x), torch.tensor(ref.y)
    with gg.watch(model, x, y, loss=nn.functional.cross_entropy, every=1) as watcher:
        pass
    assert max(disagreement(ref, watcher.run).values()) < 1e-10
    assert watcher.run.attributes["batch"] == "probe"


def test_every_step_gauges_are_those_of_the_step():
    ref = reference("12-16x3-5 relu", "float64")
    model = Network(ref, "float64")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    before = [layer.weight.detach().clone() for layer in model.linear]
    with gg.watch(model, every=1) as watcher:
        nn.functional.cross_entropy(model(torch.tensor(ref.x)), torch.tensor(ref.y)).backward()
        gradients = [layer.weight.grad.clone() for layer in model.linear]
        optimizer.step()
    run = watcher.run
    changes = [layer.weight.detach() - old for layer, old in zip(model.linear, before, strict=True)]
    expected = {
        "weight_grad_norm": [g.norm() for g in gradients],
        "weight_norm": [w.norm() for w in before],
        "update_ratio": [c.norm() / w.norm() for c, w in zip(changes, before, strict=True)],
    }
    for name, values in expected.items():
        np.testing.assert_allclose(run.values("steps", name)[0, 0], torch.stack(values), rtol=1e-12)
    np.testing.assert_allclose(
        run.values("probes", "weight_grad_norm")[0, 0], ref.gauges["weight_grad_norm"], rtol=1e-10
    )


def test_gradients_below_the_root_of_the_smallest_number_are_measured():
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model, every=1) as watcher:
        (model(torch.ones(2, 3)).sum() * 1e-30).backward()
        grad = model.get_parameter("0.weight").grad.double().norm().item()
        optimizer.step()
    assert watcher.run.values("steps", "weight_grad_norm")[0, 0, 0] == pytest.approx(grad, rel=1e-5)


def test_tensors_on_a_device_are_measured_there(monkeypatch):
    """As on a GPU: nothing becomes NumPy on its way to the gauges."""
    ref = reference("12-16x3-5 relu", "float64")
    monkeypatch.setattr("gradgauge.watchers.torch.seen.door", torch.Tensor.detach)
    model = Network(ref, "float64")
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with gg.watch(model) as watcher:
        nn.functional.cross_entropy(model(torch.tensor(ref.x)), torch.tensor(ref.y)).backward()
        optimizer.step()
    assert max(disagreement(ref, watcher.run).values()) < 1e-10
