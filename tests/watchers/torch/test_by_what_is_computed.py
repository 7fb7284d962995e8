"""Normalizations and activations that no name tells, against autograd in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg


class Scaler(nn.Module):
    """An RMSNorm by what it computes."""

    def __init__(self, width: int):
        super().__init__()
        self.gain = nn.Parameter(torch.linspace(0.5, 1.5, width))

    def forward(self, x):
        return self.gain * x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)


class Centered(nn.Module):
    """A LayerNorm without parameters."""

    def forward(self, x):
        x = x - x.mean(-1, keepdim=True)
        return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt()


class Gamma(nn.Module):
    """A layer scale: no normalization."""

    def __init__(self, width: int):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x):
        return self.gamma * x


class Block(nn.Module):
    def __init__(self, width: int, norm: nn.Module):
        super().__init__()
        self.n, self.a, self.b = norm, nn.Linear(width, width), nn.Linear(width, width)
        self.s = Gamma(width)

    def forward(self, x):
        return x + self.s(self.b(torch.tanh(self.a(self.n(x)))))


def watched(model: nn.Module, x: torch.Tensor):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gg.watch(model, every=1) as watcher:
        model(x).square().mean().backward()
        optimizer.step()
    return watcher.run, {layer.name: at for at, layer in enumerate(watcher.run.layers)}


@pytest.mark.parametrize("norm", [Scaler(6), Centered()], ids=["scaled", "plain"])
def test_a_norm_without_a_name(norm):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), Block(6, norm), Block(6, norm), nn.Linear(6, 2))
    x = torch.randn(8, 5, 4)
    run, at = watched(model, x)
    assert {"0", "1.a", "1.b", "2.a", "2.b", "3"} <= set(at)
    kinds = {layer.name: layer.kind for layer in run.layers}
    if isinstance(norm, Scaler):
        assert kinds["1.n"] == "normalization"
        assert "1.n.gain" not in at
    assert (kinds["1.s.gamma"], kinds["2.s.gamma"]) == ("scale", "scale")
    assert run.layers[at["0"]].activation == "linear"
    assert not run.layers[at["0"]].derived
    assert {note.reason for note in run.notes} <= {"alone", "several_readers"}


def test_its_figures():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), Block(6, Scaler(6)), nn.Linear(6, 2))
    x = torch.randn(8, 5, 4)
    twin = nn.Sequential(*model).double()
    outs: dict[str, torch.Tensor] = {}
    handles = []
    for name in ("0", "1.n", "1.b"):

        def hook(_module, _args, out, name=name):
            out.retain_grad()
            outs[name] = out

        handles.append(twin.get_submodule(name).register_forward_hook(hook))
    twin(x.double()).square().mean().backward()
    expected = {name: float(out.grad.norm()) for name, out in outs.items() if out.grad is not None}
    sizes = {name: float(out.detach().square().mean().sqrt()) for name, out in outs.items()}
    twin.zero_grad()
    for handle in handles:
        handle.remove()
    run, at = watched(model.float(), x)
    for name, norm in expected.items():
        seen = run.values("probes", "delta_norm")[0, 0, at[name]]
        np.testing.assert_allclose(seen, norm, rtol=1e-4)
    h = run.values("probes", "h_std")[0, 0, at["1.n"]], run.values("probes", "h_mean")[0, 0]
    np.testing.assert_allclose(np.hypot(h[0], h[1][at["1.n"]]), sizes["1.n"], rtol=1e-4)


def thresholded(mask):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(5, 40), nn.Linear(40, 2)

        def forward(self, x):
            t = self.a(x)
            return self.b(t * mask(t))

    return Net()


@pytest.mark.parametrize("threshold", [0.5, 0.37])
def test_a_threshold_by_hand(threshold):
    torch.manual_seed(0)
    model, x = thresholded(lambda t: t.abs() > threshold), torch.randn(30, 5)
    g, delta = signals(model, x, lambda t: t.abs() > threshold)
    run, _ = watched(model, x)
    assert (run.layers[0].activation, run.layers[0].derived) == ("hardshrink", False)
    assert run.notes == []
    check(run, g, delta)


def test_an_unknown_mask_is_true_with_a_note():
    def mask(t):
        return (t > -0.7) & (t < 0.2)

    torch.manual_seed(0)
    model, x = thresholded(mask), torch.randn(30, 5)
    wanted = signals(model, x, mask)
    run, _ = watched(model, x)
    assert (run.layers[0].activation, run.layers[0].derived) == ("", True)
    assert [note.reason for note in run.notes] == ["unknown_activation"]
    check(run, *wanted)


def signals(model: nn.Module, x: torch.Tensor, mask) -> tuple[torch.Tensor, torch.Tensor]:
    """g and delta of the first layer, in float64."""
    t = model.get_submodule("a")(x).detach().double()
    h = (t * mask(t)).requires_grad_()
    weight, bias = (model.get_parameter(f"b.{name}").double() for name in ("weight", "bias"))
    (h @ weight.T + bias).square().mean().backward()
    assert h.grad is not None
    return h.grad, h.grad * mask(t)


def check(run: gg.Run, g: torch.Tensor, delta: torch.Tensor) -> None:
    for name, expected in (("g_norm", g), ("delta_norm", delta)):
        seen = run.values("probes", name)[0, 0, 0]
        np.testing.assert_allclose(seen, float(expected.norm()), rtol=1e-4)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_dropout_by_hand_is_no_activation(share):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(5, 40), nn.Linear(40, 2)

        def forward(self, x):
            t = self.a(x)
            return self.b(t * (torch.rand_like(t) > share) / (1 - share))

    torch.manual_seed(0)
    run, _ = watched(Net(), torch.randn(30, 5))
    assert run.layers[0].activation == "linear"
    assert run.notes == []
