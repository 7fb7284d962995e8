"""PyTorch trainings of 2026c: faults of wiring, masks and normalizations, with mended twins."""

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


# -- outputs that depend on other samples


def _time_first(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.TimeFirst(wrong=b))
    return torch_fit(model, CE, *d.calls(s), epochs=8, rate=1e-2)


pair("batch-mixing", "reshape-for-time-first", _time_first, kind="recurrent")


def _patches(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Patches(b)), CE, *d.shapes(s), epochs=8, rate=3e-3)


pair("batch-mixing", "channels-before-batch", _patches, kind="convolution")


def _pooled(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Pooled(b)), CE, *d.calls(s), epochs=8, rate=5e-3)


pair(("batch-mixing", "loss-mismatch"), "attention-over-batch", _pooled, kind="attention")


def _heads(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Heads(b)), CE, *d.orders(s), epochs=10, rate=3e-3)


pair("batch-mixing", "heads-by-reshape", _heads, kind="attention", task="binary")


# -- layers that nothing reaches


def _listed(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Hidden(b)), CE, *d.sensors(s), epochs=10, rate=1e-2)


pair("unreached-layer", "blocks-in-a-list", _listed)


def _through_numpy(h: Tensor) -> Tensor:
    return torch.from_numpy(h.detach().numpy().copy()).to(h.dtype)


def _numpy(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Rewrapped(_through_numpy if b else None))
    return torch_fit(model, CE, *d.sensors(s), epochs=12, rate=5e-3)


pair("unreached-layer", "through-numpy", _numpy, ("enc1", "enc2"))


def _rounded(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Rewrapped(torch.sign if b else None, 6, 1))
    return torch_fit(model, MSE, *d.yields(s), epochs=10, rate=5e-3)


pair("unreached-layer", "sign-without-estimator", _rounded, ("enc1", "enc2"), task="regression")


def _new_head(s: int, b: bool) -> Any:
    x, y = d.groups(s)
    model = m.net(s, 24, 4, 6)
    old = list(model.parameters())
    model.lin1, model.lin2 = nn.Linear(24, 12), nn.Linear(12, 6)
    model.lin1.requires_grad_(not b)
    over = [*old, model.lin1.weight] if b else None
    return torch_fit(model, CE, x, y, epochs=6, rate=1e-2, parameters=over)


pair("unreached-layer", "optimizer-before-new-layers", _new_head, ("lin1", "lin2"))


def _one_group(s: int, b: bool) -> Any:
    x, _ = d.groups(s, apart=1.5)
    model = _made(s, lambda: m.Rewrapped(None, 24, 24, 6))
    parts = [*model.enc1.parameters(), *model.enc2.parameters()] if b else None
    return torch_fit(model, MSE, x, x, epochs=20, rate=5e-3, parameters=parts)


pair("unreached-layer", "decoder-not-in-optimizer", _one_group, ("dec1", "head"), task="regression")


def _frozen(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Rewrapped(None))
    model.enc1.requires_grad_(not b)
    model.enc2.requires_grad_(not b)
    return torch_fit(model, CE, *d.sensors(s), epochs=12, rate=5e-3)


pair("unreached-layer", "fresh-encoder-frozen", _frozen, ("enc1", "enc2"))


def _made_in_forward(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: m.Fresh(b)), CE, *d.groups(s), epochs=6, rate=3e-3)


pair(("unreached-layer", "loss-not-falling"), "layer-made-in-forward", _made_in_forward, ("head",))


# -- masks and normalizations


def _mask(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Masked((lambda x: x != 0) if b else (lambda x: x == 0)))
    x, y = d.orders(s)
    x[:, -1] = 0  # one place is padding in every row
    return torch_fit(model, CE, x, y, epochs=8, rate=3e-3)


pair(
    ("signal-collapse", "loss-not-falling", "unreached-layer"),
    "mask-inverted",
    _mask,
    kind="attention",
    task="binary",
)


def _all_masked(s: int, b: bool) -> Any:
    x, y = d.orders(s)
    x[::40] = 0
    return torch_fit(_made(s, lambda: m.Scores(not b)), CE, x, y, epochs=8, rate=3e-3)


pair("non-finite", "row-all-masked", _all_masked, kind="attention", task="binary")


def _norm_of_one(s: int, b: bool) -> Any:
    model = _made(s, lambda: m.Rows(nn.LayerNorm(1) if b else nn.Identity()))
    return torch_fit(model, CE, *d.sensors(s), epochs=8, rate=3e-3)


pair(
    ("signal-collapse", "unreached-layer", "loss-not-falling"),
    "layernorm-over-one",
    _norm_of_one,
)


class _Slow(nn.Module):
    """Batch normalization whose running statistics hardly move."""

    def __init__(self, momentum: float):
        super().__init__()
        self.lin1, self.norm = nn.Linear(10, 32), nn.BatchNorm1d(32, momentum=momentum)
        self.lin2, self.head = nn.Linear(32, 32), nn.Linear(32, 4)
        nn.init.normal_(self.lin1.bias, std=4.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(m.relu(self.lin2(m.relu(self.norm(self.lin1(x))))))


def _momentum(s: int, b: bool) -> Any:
    model = _made(s, lambda: _Slow(1e-4 if b else 0.1))
    return torch_fit(model, CE, *d.sensors(s), epochs=8, rate=3e-3)


pair("train-eval-gap", "batchnorm-momentum-keras-wise", _momentum, ("norm",))


class _Switch(nn.Module):
    """What it computes in evaluation is another thing: dropout scaled twice."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.lin1, self.lin2, self.head = nn.Linear(10, 48), nn.Linear(48, 48), nn.Linear(48, 4)
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        h = m.relu(self.lin2(m.relu(self.lin1(x))))
        if self.wrong and not self.training:
            h = h.flip(1)  # concatenated in the other order
        return self.head(h)


def _switch(s: int, b: bool) -> Any:
    return torch_fit(_made(s, lambda: _Switch(b)), CE, *d.sensors(s), epochs=8, rate=3e-3)


pair("train-eval-gap", "features-in-other-order", _switch)
