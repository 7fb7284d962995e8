"""Which operations are a layer's activation, and which are none: told by what they compute."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional
from transformers.activations import ACT2FN

from tests.watchers.torch.reading import X, Y, by_layer, classify, info, reasons, watched


class Add(nn.Module):
    def forward(self, x, other):
        return x + other


class Position(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.randn(16))

    def forward(self, x):
        return x + self.table


class DropPath(nn.Module):
    def forward(self, x):
        return x * (torch.rand(len(x), 1) > 0.1).float() / 0.9


class Stream(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.position, self.add, self.drop = (
            *(nn.Embedding(9, 16), Position(), Add(), DropPath()),
        )
        self.a, self.b, self.out = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 3)

    def forward(self, ids):
        x = self.position(self.embed(ids))
        x = self.add(self.a(x), x)
        return self.out(x + self.drop(self.b(x)))


def test_sums_positions_and_dropped_paths_are_no_activations():
    run, own = watched(Stream(), lambda m: functional.cross_entropy(m(torch.arange(32) % 9), Y))
    assert [layer.activation for layer in run.layers] == ["linear"] * 4
    for name in ("embed", "a", "b"):
        assert by_layer(run, "g_norm")[name] == pytest.approx(own[name], rel=1e-5)
    assert all(note.reason == "several_readers" for note in run.notes)


class Between(nn.Module):
    """A layer, one function behind it, another layer."""

    def __init__(self, function):
        super().__init__()
        self.a, self.b, self.function = nn.Linear(8, 16), nn.LazyLinear(3), [function]

    def forward(self, x):
        self.z = self.a(x)
        self.h = self.function[0](self.z)
        for tensor in (self.z, self.h):
            if tensor.requires_grad:
                tensor.retain_grad()
        return self.b(self.h)


ACTIVATIONS = {
    "relu": [
        torch.relu,
        lambda t: t.clamp(min=0),
        lambda t: torch.maximum(t, t.new_zeros(())),
        lambda t: t * (t > 0),
        lambda t: t * (t > 0).to(t.dtype),
    ],
    "laplace": [ACT2FN["laplace"]],
    "leaky_relu": [
        lambda t: functional.leaky_relu(t, 0.3),
        lambda t: torch.where(t > 0, t, 0.1 * t),
    ],
    "elu": [
        lambda t: functional.elu(t, 2.0),
        lambda t: torch.where(t > 0, t, torch.expm1(t)),
    ],
    "celu": [lambda t: functional.celu(t, 2.0)],
    "softplus": [lambda t: functional.softplus(t, 2), lambda t: torch.log1p(t.exp())],
    "gelu": [lambda t: 0.5 * t * (1 + torch.erf(t / 2**0.5))],
    "gelu_tanh": [ACT2FN["gelu_new"]],
    "quick_gelu": [ACT2FN["quick_gelu"]],
    "relu2": [ACT2FN["relu2"], lambda t: functional.relu(t).pow(2)],
    "silu": [lambda t: t * torch.sigmoid(t)],
    "mish": [lambda t: t * torch.tanh(functional.softplus(t))],
    "hard_swish": [functional.hardswish, lambda t: t * functional.relu6(t + 3) / 6],
    "hard_sigmoid": [functional.hardsigmoid, lambda t: functional.relu6(t + 3) / 6],
    "log_sigmoid": [functional.logsigmoid],
    "softsign": [functional.softsign],
    "tanhshrink": [functional.tanhshrink],
    "softshrink": [functional.softshrink],
    "prelu": [nn.PReLU(16, 0.2)],
    "scaled_sigmoid": [lambda t: 4 * torch.sigmoid(t) - 2],
    "linear": [lambda t: 2 * t + 1, functional.dropout],
    "": [
        functional.glu,
        functional.normalize,
        lambda t: functional.softmax(t, -1),
        lambda t: functional.rrelu(t, training=True),
    ],
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("name", "function"),
    [(n, f) for n, functions in ACTIVATIONS.items() for f in functions],
)
def test_activations_are_known_by_what_they_compute(name, function, dtype):
    torch.manual_seed(1)
    if isinstance(function, nn.Module):
        function = copy.deepcopy(function).to(dtype)
    model = Between(function).to(dtype)
    model(X.to(dtype))
    run, _ = watched(model, lambda m: functional.cross_entropy(m(X.to(dtype)).float(), Y))
    found = info(run, "a").activation
    close = {"gelu": "gelu_tanh", "gelu_tanh": "gelu", "quick_gelu": "gelu"}
    alike = {name, close.get(name, name)} if dtype is torch.bfloat16 else {name}
    assert found in alike or (name == "scaled_sigmoid" and found == "sigmoid"), found
    if name == "" and not info(run, "a").derived:
        raise AssertionError("an unknown slope is derived")
    assert bool(reasons(run) & {("unknown_activation", "a"), ("mixes_units", "a")}) == (name == "")
    if name in ("linear", "scaled_sigmoid"):
        return  # What scales behind an activation, or in place of one, is not in its slope.
    z, h = model.z.grad.double().norm(), model.h.grad.double().norm()
    within = 1e-4 if dtype is torch.float32 else 3e-2
    assert by_layer(run, "delta_norm")["a"] == pytest.approx(z.item(), rel=within)
    assert by_layer(run, "slope_gain")["a"] == pytest.approx((z / h).item(), rel=within)


class Twice(nn.Module):
    """A time embedding: several layers read it, each through an activation of its own."""

    def __init__(self):
        super().__init__()
        self.t, self.p, self.q, self.act = (
            *(nn.Linear(8, 16), nn.Linear(16, 16), nn.Linear(16, 3), nn.SiLU()),
        )

    def forward(self, x):
        self.e = self.t(x)
        return self.q(self.act(self.e) + self.p(self.act(self.e)))


def test_one_activation_called_twice_is_one_activation():
    model = Twice()
    run, own = watched(model, classify)
    z = model.e.detach().double().requires_grad_()
    (slope,) = torch.autograd.grad(functional.silu(z).sum(), z)
    assert info(run, "t").activation == "silu"
    delta, g = by_layer(run, "delta_norm")["t"], by_layer(run, "g_norm")["t"]
    assert delta == pytest.approx(own["t"], rel=1e-5)
    assert by_layer(run, "slope_gain")["t"] == pytest.approx(delta / g, rel=1e-5)
    assert slope.abs().min() * g < delta < 1.1 * g


@pytest.mark.parametrize("between", [functional.dropout, lambda t: t * (torch.rand(16) > 0.5)])
def test_a_product_with_a_mask_of_chance_is_no_activation(between):
    model = Between(between)
    model(X)
    run, own = watched(model, classify)
    assert info(run, "a").activation == "linear"
    assert by_layer(run, "g_norm")["a"] == pytest.approx(own["a"], rel=1e-5)


class Adapted(nn.Module):
    """A low-rank change that begins at 0, scaled, beside a frozen layer."""

    def __init__(self):
        super().__init__()
        self.base = nn.Linear(8, 16).requires_grad_(False)
        self.down, self.up = nn.Linear(8, 2, bias=False), nn.Linear(2, 16, bias=False)
        self.out = nn.Linear(16, 3)
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.out(self.base(x) + self.up(self.down(x)) * 2.0)


def test_a_layer_of_zeros_is_not_taken_for_a_relu():
    run, own = watched(Adapted(), classify)
    assert info(run, "up").activation == "linear"
    assert by_layer(run, "g_norm")["up"] == pytest.approx(own["up"], rel=1e-5)
    assert by_layer(run, "slope_gain")["up"] == pytest.approx(1.0)
