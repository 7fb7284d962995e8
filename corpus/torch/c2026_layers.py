"""PyTorch trainings of 2026c: faults of initial weights and rates, with mended twins."""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor, nn

from corpus.data import c2026 as d
from corpus.pairs import pair as pair_of
from corpus.torch import c2026_models as m
from corpus.torch.fits import torch_fit

pair = functools.partial(pair_of, "pytorch", of="2026c")
CE, MSE, SGD = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD


def _made(s: int, build: Any) -> Any:
    torch.manual_seed(s)
    return build()


# -- initial weights


def _negative_bias(s: int, b: bool) -> Any:
    model = m.net(s, 24, 32, 32, 6)
    nn.init.constant_(model.get_parameter("lin2.bias"), -6.0 if b else 0.0)
    return torch_fit(model, CE, *d.groups(s), epochs=6, rate=3e-3)


pair(("dead-units", "bad-initial-scale"), "relu-bias-minus-six", _negative_bias, ("lin2",))


def _tanh_wide(s: int, b: bool) -> Any:
    def fix(layer: nn.Linear) -> None:
        nn.init.normal_(layer.weight, std=1.0) if b else nn.init.xavier_normal_(layer.weight)

    model = m.net(s, 10, *[96] * 6, 4, activation=nn.Tanh, fix=fix)
    return torch_fit(model, CE, *d.sensors(s), epochs=8, rate=0.02, optimizer=SGD, momentum=0.9)


pair(
    ("saturated-units", "bad-initial-scale", "exploding-gradient"),
    "tanh-unit-normal",
    _tanh_wide,
    tuple(f"lin{i}" for i in range(1, 7)),
)


def _zeros(s: int, b: bool) -> Any:
    def fix(layer: nn.Linear) -> None:
        if b:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    return torch_fit(m.net(s, 24, 32, 6, fix=fix), CE, *d.groups(s), epochs=6, rate=5e-3)


pair(("constant-initialization", "bad-initial-scale"), "all-zeros", _zeros)


def _halves(s: int, b: bool) -> Any:
    def fix(layer: nn.Linear) -> None:
        if b:
            nn.init.constant_(layer.weight, 0.05)

    model = m.net(s, 24, 32, 32, 6, activation=nn.Tanh, fix=fix)
    if b:
        for layer in ("lin1", "lin2", "lin3"):
            nn.init.zeros_(model.get_parameter(f"{layer}.bias"))
    return torch_fit(model, CE, *d.groups(s), epochs=6, rate=3e-3)


pair(
    ("constant-initialization", "bad-initial-scale", "signal-collapse"),
    "all-one-twentieth",
    _halves,
)


def _branches(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Scaled(8.0 if b else 0.3))
    return torch_fit(model, CE, *d.groups(s), epochs=6, rate=0.05, optimizer=SGD)


pair(
    ("exploding-gradient", "bad-initial-scale", "learning-rate-too-high"),
    "residual-branch-times-eight",
    _branches,
    kind="residual",
)


def _recurrent(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Recur(4.0 if b else 1.0))
    return torch_fit(model, CE, *d.early(s), epochs=8, rate=1e-3)


pair(
    ("exploding-gradient", "bad-initial-scale", "non-finite"),
    "relu-recurrence-4",
    _recurrent,
    ("cell",),
    kind="recurrent",
    task="binary",
)


def _sigmoids(s: int, b: bool) -> Any:
    activation = nn.Sigmoid if b else nn.ReLU
    model = m.net(s, 24, *[32] * 8, 6, activation=activation, fix=_he)
    return torch_fit(model, CE, *d.groups(s), epochs=8, rate=1e-3)


def _he(layer: nn.Linear) -> None:
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")


pair(("vanishing-gradient", "signal-collapse"), "eight-sigmoids", _sigmoids, ("lin1",))


# -- rates


def _body_rate(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Rewrapped(None))
    body = [*model.enc1.parameters(), *model.enc2.parameters(), *model.dec1.parameters()]
    rates = [{"params": body, "lr": 1e-8 if b else 5e-3}, {"params": model.head.parameters()}]
    return torch_fit(model, CE, *d.sensors(s), epochs=12, rate=5e-3, parameters=rates)


pair(
    ("learning-rate-too-low", "update-ratio"),
    "rate-of-the-body",
    _body_rate,
    ("enc1", "enc2", "dec1"),
)


def _decayed(s: int, b: bool) -> Any:
    model = m.net(s, 24, 32, 32, 6)
    decay = 1.0 if b else 1e-4
    return torch_fit(model, CE, *d.groups(s), epochs=8, rate=0.1, optimizer=SGD, weight_decay=decay)


pair(
    ("loss-not-falling", "signal-collapse", "vanishing-gradient", "regressed", "dead-units"),
    "weight-decay-one",
    _decayed,
)


def _adam_half(s: int, b: bool) -> Any:
    return torch_fit(
        m.net(s, 10, 48, 48, 48, 4), CE, *d.sensors(s), epochs=8, rate=0.5 if b else 3e-3
    )


pair(("learning-rate-too-high", "dead-units"), "adam-one-half", _adam_half)


def _sgd_default(s: int, b: bool) -> Any:
    rate = 1e-4 if b else 0.1
    return torch_fit(
        m.net(s, 10, 32, 32, 4), CE, *d.sensors(s), epochs=10, rate=rate, optimizer=SGD
    )


pair(("learning-rate-too-low", "loss-not-falling"), "sgd-with-adams-rate", _sgd_default)


def _half_precision(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    model = m.net(s, 24, 48, 48, 6).to(torch.bfloat16 if b else torch.float32)

    class Cast(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = model

        def forward(self, x: Tensor) -> Tensor:
            return self.net(x.to(self.net.get_parameter("lin1.weight").dtype)).float()

    return torch_fit(Cast(), CE, x, y, epochs=12, rate=5e-3, optimizer=SGD)


pair(
    ("update-ratio", "learning-rate-too-low", "loss-not-falling"),
    "pure-bfloat16-updates-lost",
    _half_precision,
)


def _underflow(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    net = m.net(s, 24, 48, 48, 6)

    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, x: Tensor) -> Tensor:
            return _Half16.apply(self.net(x), b)

    return torch_fit(Half(), nn.CrossEntropyLoss(), x, y, epochs=8, rate=0.1, optimizer=SGD)


class _Half16(torch.autograd.Function):
    """The gradient goes back in float16 after it was made a hundred thousand times smaller."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, lost: bool) -> Tensor:
        ctx.lost = lost
        return x.clone()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        small = (gradients[0] * 1e-6).half().float() * (1.0 if ctx.lost else 1e6)
        return (small if ctx.lost else gradients[0]), None


pair(
    ("vanishing-gradient", "unreached-layer", "learning-rate-too-low", "loss-not-falling"),
    "gradient-underflows-in-half",
    _underflow,
)
