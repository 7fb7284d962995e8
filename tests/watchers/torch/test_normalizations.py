"""Normalizations under names that say nothing are told by what they do, and nothing else is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from gradgauge.watchers.torch.normalizations import found_to_normalize


class Own(nn.Module):
    """A function of the input and of parameters."""

    def __init__(self, function, **parameters):
        super().__init__()
        self.function = function
        for name, value in parameters.items():
            self.register_parameter(name, nn.Parameter(value))

    def forward(self, x):
        return self.function(self, x)


def root(x, axis=-1):
    return x * torch.rsqrt(x.square().mean(axis, keepdim=True) + 1e-6)


WIDE = torch.linspace(0.5, 1.5, 12)

NORMS = {
    "scaled": (Own(lambda m, x: m.g * root(x), g=WIDE), (8, 5, 12)),
    "from 0": (Own(lambda m, x: (1 + m.g) * root(x), g=WIDE - 1), (8, 5, 12)),
    "by a power": (Own(lambda m, x: m.g.exp() * root(x), g=WIDE - 1), (8, 5, 12)),
    "one scale": (
        Own(lambda m, x: m.g * nn.functional.normalize(x, dim=-1), g=torch.tensor(3.0)),
        (16, 12),
    ),
    "shifted": (
        Own(lambda m, x: nn.functional.layer_norm(x, (12,), m.g) + m.bias, g=WIDE, bias=WIDE),
        (8, 12),
    ),
    "channels": (Own(lambda m, x: m.g[:, None, None] * root(x, 1), g=WIDE), (4, 12, 5, 5)),
    "space": (
        Own(lambda m, x: m.g[:, None, None] * nn.functional.instance_norm(x), g=WIDE),
        (4, 12, 5, 5),
    ),
    "half": (Own(lambda m, x: (m.g * root(x.float())).bfloat16(), g=WIDE), (8, 5, 12)),
}

OTHERS = {
    "scale": (Own(lambda m, x: m.g * x, g=WIDE), (8, 5, 12)),
    "tanh": (Own(lambda m, x: m.g * torch.tanh(0.5 * x), g=WIDE), (16, 12)),
    "sign": (Own(lambda _, x: x.sign()), (16, 12)),
    "centring": (Own(lambda _, x: x - x.mean(-1, keepdim=True)), (16, 12)),
    "softmax": (Own(lambda _, x: x.softmax(-1)), (16, 12)),
    "dropped samples": (Own(lambda _, x: x * (torch.arange(16) % 3 > 0)[:, None]), (16, 12)),
    "positions": (Own(lambda _, x: x + torch.linspace(-1, 1, 5)[:, None]), (8, 5, 12)),
}


def given(shape, dtype=torch.float32):
    source = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=source)
    return (x * (0.5 + torch.rand((*shape[:-1], 1), generator=source))).to(dtype)


@pytest.mark.parametrize("name", NORMS)
def test_a_normalization(name):
    module, shape = NORMS[name]
    x = given(shape, torch.bfloat16 if name == "half" else torch.float32)
    assert found_to_normalize(module, x, module(x))


def test_a_normalization_over_the_batch():
    def function(m, x):
        return m.g * (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()

    module, x = Own(function, g=WIDE), given((40, 12)) * WIDE
    assert found_to_normalize(module, x, module(x))


@pytest.mark.parametrize("name", OTHERS)
def test_no_normalization(name):
    module, shape = OTHERS[name]
    x = given(shape)
    assert not found_to_normalize(module, x, module(x))
