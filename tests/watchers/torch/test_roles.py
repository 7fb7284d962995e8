"""Roles of layers whose names say nothing, or say something else: by what is done with them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import gradgauge as gg


class Attention(nn.Module):
    def __init__(self, width: int, fused: bool, one: bool, heads: int = 2):
        super().__init__()
        self.fused, self.one, self.heads = fused, one, heads
        self.a, self.b, self.c = (nn.Linear(width, width) for _ in range(3))
        self.d, self.e = nn.Linear(width, width), nn.Linear(width, 3 * width)

    def split(self, x):
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x):
        parts = self.e(x).chunk(3, -1) if self.one else (self.a(x), self.b(x), self.c(x))
        q, k, v = map(self.split, parts)
        if self.fused:
            mixed = nn.functional.scaled_dot_product_attention(q, k, v)
        else:
            weights = (q @ k.transpose(-1, -2) / 2).softmax(-1)
            mixed = nn.functional.dropout(weights, 0.1, self.training) @ v
        return self.d(mixed.transpose(1, 2).flatten(2))


class Gated(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.up, self.down = nn.Linear(width, 3 * width), nn.Linear(width, 3 * width)
        self.x = nn.Linear(3 * width, width)

    def forward(self, x):
        return self.x(self.up(x) * nn.functional.silu(self.down(x)))


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int):
        super().__init__()
        self.f, self.g = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x):
        return nn.functional.dropout(self.g(nn.functional.gelu(self.f(x))), 0.1, self.training)


class Residual(nn.Module):
    def __init__(self, width: int, inner: nn.Module):
        super().__init__()
        self.n, self.i = nn.LayerNorm(width), inner

    def forward(self, x):
        return x + self.i(self.n(x))


def roles(inner: nn.Module, frozen: bool = False) -> dict[str, str]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), Residual(8, inner), nn.Linear(8, 3))
    inner.requires_grad_(not frozen)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    with gg.watch(model, every=1) as watcher:
        model(torch.randn(2, 4, 5)).square().mean().backward()
        optimizer.step()
    return {layer.name.removeprefix("1.i."): layer.role for layer in watcher.run.layers}


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_queries_keys_and_values(fused, frozen):
    found = roles(Attention(8, fused, one=False), frozen)
    assert {found[name] for name in "abc"} == {"q", "k", "v"}
    assert (found["a"], found["b"], found["c"], found["d"]) == ("q", "k", "v", "o")
    assert (found["0"], found["1.n"], found["2"]) == ("", "norm", "head")


@pytest.mark.parametrize("fused", [True, False])
def test_one_layer_for_all_three(fused):
    found = roles(Attention(8, fused, one=True))
    assert (found["e"], found["d"]) == ("qkv", "o")


def test_the_graph_comes_before_the_name():
    found = roles(Gated(8))
    assert (found["up"], found["down"], found["x"]) == ("up", "gate", "down")


def test_feed_forward_pairs_wide_and_narrow():
    found = roles(FeedForward(8, 32))
    assert (found["f"], found["g"]) == ("up", "down")
    found = roles(FeedForward(8, 2))
    assert (found["f"], found["g"]) == ("down", "up")


def test_a_stack_without_a_stream_has_no_pairs():
    model = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with gg.watch(model, every=1) as watcher:
        model(torch.randn(4, 5)).square().mean().backward()
        optimizer.step()
    assert [layer.role for layer in watcher.run.layers] == ["", "", "head"]


def test_an_adapter_beside_a_projection_is_not_the_projection():
    class Adapted(nn.Module):
        def __init__(self, base: nn.Linear):
            super().__init__()
            self.base, self.small = base, nn.Linear(8, 2, bias=False)
            self.back = nn.Linear(2, 8, bias=False)

        def forward(self, x):
            return self.base(x) + 2 * self.back(self.small(x))

    attention = Attention(8, fused=True, one=False)
    attention.a = Adapted(attention.a)  # type: ignore[assignment]
    found = roles(attention)
    assert (found["a.base"], found["a.small"], found["a.back"]) == ("q", "", "")
