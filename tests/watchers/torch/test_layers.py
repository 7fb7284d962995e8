"""What the PyTorch watcher sees of every kind of layer, held against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import gradgauge as gg


def watched(model, *inputs, every=1, loss=None):
    """The Run of one step, and `model`'s parameters' gradients in it."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1e-3)
    with gg.watch(model, every=every) as watcher:
        out = model(*inputs)
        (loss or (lambda o: o.square().mean()))(out).backward()
        optimizer.step()
    return watcher.run


def value(run, name, layer):
    index = [info.name for info in run.layers].index(layer)
    return run.values("probes", name)[0, 0, index]


def info(run, layer):
    return next(row for row in run.layers if row.name == layer)


def reasons(run, layer):
    return {note.reason for note in run.notes if layer in note.layers}


class Block(nn.Module):
    """A residual block whose sum goes into an activation in place."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(4, 2)
        self.kept = {}

    def keep(self, name, tensor):
        if tensor.requires_grad:
            tensor.retain_grad()
        self.kept[name] = tensor
        return tensor

    def forward(self, x, plain=False):
        if plain:
            h = self.keep("h1", nn.functional.relu(self.keep("z1", self.bn1(self.conv1(x)))))
            z = self.keep("z2", self.bn2(self.conv2(h)) + x)
            h = self.keep("h2", nn.functional.relu(z))
        else:
            h = self.relu(self.bn1(self.conv1(x)))
            h = self.bn2(self.conv2(h))
            h += x
            h = self.relu(h)
        return self.head(h.mean((2, 3)))


def test_convolution_normalization_residual_in_place():
    torch.manual_seed(0)
    model, x = Block(), torch.randn(8, 4, 6, 6)
    run = watched(model, x)
    torch.manual_seed(0)
    twin = Block()
    twin(x, plain=True).square().mean().backward()
    for layer, z, h in (("conv1", "z1", "h1"), ("conv2", "z2", "h2")):
        kept = twin.kept
        assert value(run, "delta_norm", layer) == pytest.approx(
            kept[z].grad.norm().item(), rel=1e-4
        )
        assert value(run, "g_norm", layer) == pytest.approx(kept[h].grad.norm().item(), rel=1e-4)
        assert value(run, "z_std", layer) == pytest.approx(
            kept[z].std(correction=0).item(), rel=1e-4
        )
        inactive = (kept[h].detach() == 0).float().mean().item()
        assert value(run, "inactive", layer) == pytest.approx(inactive, abs=1e-6)
        assert info(run, layer).activation == "relu"
        assert info(run, layer).kind == "convolution"
    assert [row.name for row in run.layers] == ["conv1", "conv2", "head"]
    assert info(run, "head").output


class Sequence(nn.Module):
    """Embedding, attention, a recurrent layer."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(10, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.lstm = nn.LSTM(8, 6, num_layers=2, batch_first=True)
        self.head = nn.Linear(6, 1)

    def forward(self, ids, kept=None):
        e = self.embedding(ids)
        a = self.attention(e, e, e)[0]
        n = self.norm(e + a)
        h, _ = self.lstm(n)
        for name, tensor in {"e": e, "a": a, "n": n, "h": h}.items():
            if kept is not None:
                tensor.retain_grad()
                kept[name] = tensor
        return self.head(h[:, -1])


def test_embedding_attention_recurrent():
    torch.manual_seed(0)
    model, ids = Sequence(), torch.randint(0, 10, (8, 5))
    kept = {}
    model(ids, kept).square().mean().backward()
    expected = {name: tensor.grad.norm().item() for name, tensor in kept.items()}
    weights = torch.cat(
        [p.grad.reshape(-1) for n, p in model.lstm.named_parameters() if "weight" in n]
    )
    model.zero_grad()
    run = watched(model, ids)
    for layer, name in (("embedding", "e"), ("attention", "a"), ("norm", "n")):
        assert value(run, "delta_norm", layer) == pytest.approx(expected[name], rel=1e-5)
    assert value(run, "g_norm", "lstm") == pytest.approx(expected["h"], rel=1e-5)
    assert value(run, "weight_grad_norm", "lstm") == pytest.approx(weights.norm().item(), rel=1e-5)
    assert value(run, "delta_norm", "lstm") != value(run, "delta_norm", "lstm")
    assert reasons(run, "lstm") == {"fused"}
    kinds = {row.name: row.kind for row in run.layers}
    assert kinds == {
        "embedding": "embedding",
        "attention": "attention",
        "norm": "normalization",
        "lstm": "recurrent",
        "head": "dense",
    }


class Mish17(nn.Module):
    def forward(self, z):
        return z * torch.sigmoid(1.7 * z)


class Custom(nn.Module):
    """A layer of the user's own with its activation inside."""

    def __init__(self, inputs, units):
        super().__init__()
        self.w = nn.Parameter(torch.randn(inputs, units) / inputs**0.5)

    def forward(self, x):
        return torch.tanh(x @ self.w)


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.act = nn.Linear(4, 4), Mish17()
        self.custom = Custom(4, 4)
        self.b = nn.Linear(4, 4)
        self.c = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)
        self.unused = nn.Linear(4, 4)
        self.frozen = nn.Linear(4, 4)
        self.frozen.weight.requires_grad_(False)

    def forward(self, x):
        x = self.custom(self.act(self.a(self.frozen(x))))
        z = self.b(x)
        x = z * 0.5 * (1 + torch.erf(z / 2**0.5))
        x = nn.functional.leaky_relu(self.c(x), 0.3)
        return self.head(x).squeeze(-1)


def test_activations_known_unknown_inside_and_written_out():
    run = watched(Odd(), torch.randn(16, 4))
    assert info(run, "custom").activation == "tanh"
    assert info(run, "c").activation == "leaky_relu"
    assert value(run, "slope_gain", "c") > 0.3
    assert info(run, "a").derived
    assert reasons(run, "a") == {"unknown_activation"}
    gains = [value(run, n, "a") for n in ("backward_gain", "weight_gain", "slope_gain")]
    assert gains[0] == pytest.approx(gains[1] * gains[2], rel=1e-6)
    assert info(run, "b").activation == "gelu"
    assert reasons(run, "b") == set()
    assert reasons(run, "unused") == {"no_gradient", "not_called"}
    assert not info(run, "unused").called
    assert "frozen" in reasons(run, "frozen")
    assert value(run, "delta_norm", "frozen") > 0
    assert info(run, "head").output


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.left, self.right = nn.Linear(4, 4), nn.Linear(4, 1), nn.Linear(4, 3)

    def forward(self, x, kept=None):
        zs = []
        for _ in range(3):
            z = self.cell(x)
            zs.append(z)
            x = torch.tanh(z)
        if kept is not None:
            kept += zs
            for z in zs:
                z.retain_grad()
        return {"left": self.left(x), "right": (self.right(x),)}


def test_shared_layer_and_several_outputs():
    torch.manual_seed(0)
    model, x = Shared(), torch.randn(8, 4)

    def loss(out):
        return out["left"].square().mean() + out["right"][0].square().mean()

    kept = []
    loss(model(x, kept)).backward()
    expected = torch.cat([z.grad for z in kept]).norm().item()
    model.zero_grad()
    run = watched(model, x, loss=loss)
    assert value(run, "delta_norm", "cell") == pytest.approx(expected, rel=1e-5)
    outputs = {row.name for row in run.layers if row.output}
    assert outputs == {"left", "right"}
    heads = [value(run, "delta_norm", name) for name in ("left", "right")]
    gain = value(run, "backward_gain", "cell")
    assert gain == pytest.approx(expected / (heads[0] ** 2 + heads[1] ** 2) ** 0.5, rel=1e-5)


def test_tied_weights_are_said():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(7, 5), nn.Linear(5, 7, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, ids):
            return self.head(torch.tanh(self.embedding(ids)))

    run = watched(Tied(), torch.randint(0, 7, (4, 3)))
    assert [row.shares for row in run.layers] == ["", "embedding"]
    assert run.attributes["parameters"] == 35


def test_query_key_and_value_stand_side_by_side():
    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.below, self.out = nn.Linear(4, 4), nn.Linear(4, 4)
            self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))

        def forward(self, x):
            x = torch.tanh(self.below(x))
            q, k, v = self.q(x), self.k(x), self.v(x)
            return self.out(nn.functional.scaled_dot_product_attention(q, k, v))

    run = watched(Attention(), torch.randn(3, 5, 4))
    deltas = [value(run, "delta_norm", name) for name in "qkv"]
    together = sum(d * d for d in deltas) ** 0.5
    below = value(run, "delta_norm", "below")
    assert value(run, "backward_gain", "below") == pytest.approx(below / together, rel=1e-5)
    out = value(run, "delta_norm", "out")
    for name, delta in zip("qkv", deltas, strict=True):
        assert value(run, "backward_gain", name) == pytest.approx(delta / out, rel=1e-5)


def test_sparse_embedding_gradient():
    model = nn.Sequential(nn.Embedding(10, 4, sparse=True), nn.Linear(4, 2))
    run = watched(model, torch.randint(0, 10, (6,)))
    grad = model.get_parameter("0.weight").grad.to_dense().norm().item()
    assert value(run, "weight_grad_norm", "0") == pytest.approx(grad, rel=1e-5)


def test_half_floats_are_measured_in_single():
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    with gg.watch(model, every=1) as watcher:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = model(torch.randn(16, 8)).float().square().mean()
        loss.backward()
        optimizer.step()
    gains = [
        watcher.run.values("probes", n)[0, 0, 0]
        for n in ("backward_gain", "weight_gain", "slope_gain")
    ]
    assert gains[0] == pytest.approx(gains[1] * gains[2], rel=1e-2)


def test_large_signals_are_estimated_from_the_first_samples(monkeypatch):
    torch.manual_seed(0)
    model, x = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 1)), torch.randn(512, 4)
    exact = watched(model, x)
    model.zero_grad()
    monkeypatch.setattr("gradgauge.watchers.torch.capture.MOST_ENTRIES", 128 * 64)
    estimate = watched(model, x)
    assert reasons(exact, "0") == set()
    assert reasons(estimate, "0") == {"first_samples"}
    for name in ("delta_norm", "g_norm", "slope_gain", "z_std", "signal_spread"):
        assert value(estimate, name, "0") == pytest.approx(value(exact, name, "0"), rel=0.2)
    for name in ("weight_grad_norm", "weight_norm"):
        assert value(estimate, name, "0") == pytest.approx(value(exact, name, "0"), rel=0.1)


def test_lazy_and_complex_parameters_are_read_without_a_complaint():
    class Spectral(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(9, dtype=torch.cfloat))
            self.out = nn.LazyLinear(3)

        def forward(self, x):
            return self.out(torch.fft.irfft(torch.fft.rfft(x) * self.weight, n=16))

    model, x = Spectral(), torch.randn(8, 16)
    with gg.watch(model, every=1) as watcher:
        model(x)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        for _ in range(3):
            model(x).square().mean().backward()
            optimizer.step()
    assert "reading_failed" not in {note.reason for note in watcher.run.notes}
    assert np.isfinite(watcher.run.values("steps", "weight_grad_norm")[0, :, -1]).all()
