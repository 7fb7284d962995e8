"""Small PyTorch modules of 2026c; where one takes `wrong`, the fault is in its forward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.torch.models_b2026 import dense

relu = torch.relu


def net(seed: int, *widths: int, activation: Any = nn.ReLU, **o: Any) -> nn.Sequential:
    """A multilayer perceptron: lin1, act1, lin2, ..."""
    return dense(list(widths), activation, seed, **o)


class TimeFirst(nn.Module):
    """A recurrent layer that wants time first; batches come with samples first."""

    def __init__(self, features: int = 2, units: int = 24, classes: int = 3, wrong: bool = False):
        super().__init__()
        self.cell, self.head, self.wrong = nn.GRU(features, units), nn.Linear(units, classes), wrong

    def forward(self, x: Tensor) -> Tensor:
        n, steps, features = x.shape
        first = x.reshape(steps, n, features) if self.wrong else x.transpose(0, 1)
        return self.head(self.cell(first)[0][-1])


class Patches(nn.Module):
    """Convolutions, then a flattening; wrong: the channels come before the batch."""

    def __init__(self, wrong: bool = False):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 12, 3, stride=2), nn.Conv2d(12, 16, 3)
        self.head, self.wrong = nn.Linear(16 * 9, 3), wrong

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.c2(relu(self.c1(x))))
        x = x.transpose(0, 1).reshape(x.shape[0], -1) if self.wrong else x.flatten(1)
        return self.head(x)


class Pooled(nn.Module):
    """Attention pooling over steps; wrong: the softmax runs over the batch."""

    def __init__(self, wrong: bool = False):
        super().__init__()
        self.cell, self.score = nn.GRU(2, 24, batch_first=True), nn.Linear(24, 1)
        self.head, self.axis = nn.Linear(24, 3), 0 if wrong else 1

    def forward(self, x: Tensor) -> Tensor:
        h = self.cell(x)[0]
        weights = torch.softmax(6 * self.score(h), self.axis)
        return self.head((weights * h).sum(1))


class Gated(nn.Module):
    """Features are normalized, by sample; wrong: every feature over the batch."""

    def __init__(self, wrong: bool = False):
        super().__init__()
        self.first, self.gate = nn.Linear(10, 48), nn.Linear(10, 48)
        self.head, self.axis = nn.Linear(48, 4), 0 if wrong else 1

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.first(x)) * torch.softmax(self.gate(x), self.axis)
        return self.head(48 * h)


class Heads(nn.Module):
    """Self-attention written out; wrong: heads are split off by a view of another order."""

    def __init__(self, wrong: bool = False, width: int = 24, heads: int = 4):
        super().__init__()
        self.embed, self.places = nn.Embedding(40, width), nn.Parameter(torch.zeros(12, width))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.head, self.heads, self.wrong = nn.Linear(width, 2), heads, wrong

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x) + self.places
        n, steps, width = x.shape
        q, k, v = (self._split(t, n, steps, width) for t in self.qkv(x).chunk(3, -1))
        h = functional.scaled_dot_product_attention(q, k, v)
        h = h.reshape(n, steps, width) if self.wrong else h.transpose(1, 2).flatten(2)
        return self.head(relu(self.out(h)).mean(1))

    def _split(self, t: Tensor, n: int, steps: int, width: int) -> Tensor:
        if self.wrong:
            return t.reshape(self.heads, steps, n, width // self.heads).transpose(0, 2)
        return t.view(n, steps, self.heads, width // self.heads).transpose(1, 2)


class Hidden(nn.Module):
    """Blocks kept in a plain list, which no optimizer finds; right: in a ModuleList."""

    def __init__(self, wrong: bool = False, depth: int = 5):
        super().__init__()
        blocks = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(depth)]
        self.stem, self.head = nn.Linear(10, 8), nn.Linear(8, 4)
        self.blocks: Any = blocks if wrong else nn.ModuleList(blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(x)


class Rewrapped(nn.Module):
    """Something between encoder and head: `cut` takes the gradient, or nothing."""

    def __init__(self, cut: Any = None, inputs: int = 10, outputs: int = 4, code: int = 3):
        super().__init__()
        self.enc1, self.enc2 = nn.Linear(inputs, 24), nn.Linear(24, code)
        self.dec1, self.head, self.cut = nn.Linear(code, 24), nn.Linear(24, outputs), cut

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.enc2(relu(self.enc1(x))))
        return self.head(relu(self.dec1(h if self.cut is None else self.cut(h))))


class Fresh(nn.Module):
    """Its last layer is made anew at every call, so that nothing of it is ever learned."""

    def __init__(self, wrong: bool = False):
        super().__init__()
        self.first, self.second = nn.Linear(24, 32), nn.Linear(32, 32)
        self.head, self.wrong = nn.Linear(32, 6), wrong

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.second(relu(self.first(x))))
        return nn.Linear(32, 6)(h) if self.wrong else self.head(h)


class Masked(nn.Module):
    """A transformer encoder over padded tokens; `mask` makes the key padding mask of them."""

    def __init__(self, mask: Any, width: int = 24, pool: bool = True):
        super().__init__()
        self.embed, self.mask, self.pool = nn.Embedding(40, width), mask, pool
        block = nn.TransformerEncoderLayer(width, 4, 48, 0.0, batch_first=True)
        self.body = nn.TransformerEncoder(block, 1, enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Tensor:
        mask = self.mask(x)
        h = self.body(self.embed(x), src_key_padding_mask=mask)
        keep = (~mask).unsqueeze(-1).to(h.dtype)
        return self.head((h * keep).sum(1) / keep.sum(1).clamp(min=1))


class Scores(nn.Module):
    """Attention written out, padding set to minus infinity; with `first` the first place stays."""

    def __init__(self, first: bool, width: int = 24):
        super().__init__()
        self.embed, self.qkv = nn.Embedding(40, width), nn.Linear(width, 3 * width)
        self.head, self.first = nn.Linear(width, 2), first

    def forward(self, x: Tensor) -> Tensor:
        mask = x == 0
        if self.first:
            mask = mask & (torch.arange(x.shape[1]) > 0)
        q, k, v = self.qkv(self.embed(x)).chunk(3, -1)
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        weights = scores.masked_fill(mask[:, None], -torch.inf).softmax(-1)
        return self.head((weights @ v).mean(1))


class Language(nn.Module):
    """A GRU language model; out comes (n, classes, steps), as CrossEntropyLoss wants it."""

    def __init__(self, words: int = 13, units: int = 32, tied: bool = False):
        super().__init__()
        self.embed, self.cell = nn.Embedding(words, units), nn.GRU(units, units, batch_first=True)
        self.head = nn.Linear(units, words)
        if tied:
            self.head.weight = self.embed.weight
            nn.init.normal_(self.embed.weight, std=0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(self.embed(x))[0]).transpose(1, 2)


class Scaled(nn.Module):
    """A residual stack without normalization; each branch comes in with `scale`."""

    def __init__(self, scale: float, blocks: int = 10, width: int = 32):
        super().__init__()
        self.stem, self.head, self.scale = nn.Linear(24, width), nn.Linear(width, 6), scale
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
            for _ in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = x + self.scale * block(x)
        return self.head(x)


class Rows(nn.Module):
    """Each feature gets a token of its own; `norm` comes before they are read."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.norm, self.lift, self.head = norm, nn.Linear(1, 16), nn.Linear(160, 4)
        self.mix = nn.Linear(160, 160)

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.lift(self.norm(x.unsqueeze(-1)))).flatten(1)
        return self.head(relu(self.mix(h)))


class Recur(nn.Module):
    """A ReLU recurrence whose matrix begins as a multiple of the identity."""

    def __init__(self, gain: float, units: int = 24):
        super().__init__()
        self.cell = nn.RNN(2, units, nonlinearity="relu", batch_first=True)
        self.head = nn.Linear(units, 2)
        nn.init.eye_(self.cell.weight_hh_l0)
        self.cell.get_parameter("weight_hh_l0").data.mul_(gain)
        nn.init.normal_(self.cell.weight_ih_l0, std=0.3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, -1])
