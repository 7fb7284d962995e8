"""Small PyTorch modules of 2026d; where one takes `wrong`, the fault is in its forward pass."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

relu = torch.relu


class Attends(nn.Module):
    """Self-attention written out over tokens; `axis` is the one its softmax runs along."""

    def __init__(self, axis: int = -1, heads: int = 4, width: int = 24):
        super().__init__()
        self.embed, self.places = nn.Embedding(40, width), nn.Parameter(torch.zeros(12, width))
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.head, self.axis, self.heads = nn.Linear(width, 2), axis, heads

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x) + self.places
        n, steps, width = h.shape
        q, k, v = (
            t.view(n, steps, self.heads, width // self.heads).transpose(1, 2)
            for t in self.qkv(h).chunk(3, -1)
        )
        scores = q @ k.transpose(-2, -1) / math.sqrt(width // self.heads)
        h = h + self.out((scores.softmax(self.axis) @ v).transpose(1, 2).flatten(2))
        return self.head(h.mean(1))


class Placed(nn.Module):
    """A transformer with fixed codes of places; wrong: the codes run along the batch."""

    def __init__(self, wrong: bool = False, width: int = 24):
        super().__init__()
        self.lift, self.head, self.wrong = nn.Linear(2, width), nn.Linear(width, 3), wrong
        self.body = nn.TransformerEncoderLayer(width, 4, 48, 0.0, batch_first=True)
        places = torch.arange(1024)[:, None] / 10 ** (torch.arange(0, width, 2) * 4 / width)
        self.register_buffer("codes", torch.cat([places.sin(), places.cos()], 1))

    def forward(self, x: Tensor) -> Tensor:
        codes: Any = self.codes
        h = self.lift(x)
        h = h + (codes[: len(x), None] if self.wrong else codes[: x.shape[1]])
        return self.head(self.body(h).mean(1))


class Encoded(nn.Module):
    """A transformer layer; wrong: it takes the first axis for time, and gets the batch there."""

    def __init__(self, wrong: bool = False, width: int = 24):
        super().__init__()
        self.lift, self.head = nn.Linear(2, width), nn.Linear(width, 3)
        self.places = nn.Parameter(torch.randn(16, width) * 0.1)
        self.body = nn.TransformerEncoderLayer(width, 4, 48, 0.0, batch_first=not wrong)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.lift(x) + self.places).amax(1))


class LastStep(nn.Module):
    """An LSTM whose last step is read; wrong: it takes the first axis for time."""

    def __init__(self, wrong: bool = False, features: int = 2, classes: int = 3):
        super().__init__()
        self.cell = nn.LSTM(features, 32, batch_first=not wrong)
        self.head = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, -1])


class Stepwise(nn.Module):
    """A recurrent cell step by step; `detach` says behind which steps the state is cut off."""

    def __init__(self, detach: Any = None, units: int = 24, classes: int = 2):
        super().__init__()
        self.cell, self.head, self.detach = nn.GRUCell(2, units), nn.Linear(units, classes), detach

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), self.cell.hidden_size)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
            if self.detach is not None and self.detach(t):
                h = h.detach()
        return self.head(h)


class Prototypes(nn.Module):
    """Squared distances to a point a class."""

    def __init__(self, inputs: int, classes: int, code: int = 8):
        super().__init__()
        self.first, self.code = nn.Linear(inputs, 32), nn.Linear(32, code)
        self.points = nn.Parameter(torch.randn(classes, code))

    def forward(self, x: Tensor) -> Tensor:
        z = self.code(relu(self.first(x)))
        return (z[:, None] - self.points).pow(2).sum(-1)


class Clusters(nn.Module):
    """Steps are shared out among soft clusters, which are then summed up: the softmax runs over
    clusters, the sum over steps."""

    def __init__(self, clusters: int = 6, width: int = 16):
        super().__init__()
        self.lift, self.share = nn.Conv1d(2, width, 5, padding=2), nn.Linear(width, clusters)
        self.head = nn.Linear(clusters * width, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.lift(x.transpose(1, 2))).transpose(1, 2)
        shares = self.share(h).softmax(-1)
        return self.head((shares.transpose(1, 2) @ h).flatten(1))


class Slots(nn.Module):
    """Slots compete for steps: a softmax over slots, then a mean over steps (renormalized)."""

    def __init__(self, slots: int = 16, width: int = 16):
        super().__init__()
        self.lift, self.key = nn.Conv1d(2, width, 5, padding=2), nn.Linear(width, width)
        self.slots = nn.Parameter(torch.randn(slots, width))
        self.query, self.head = nn.Linear(width, width), nn.Linear(slots * width, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.lift(x.transpose(1, 2))).transpose(1, 2)
        scores = self.query(self.slots) @ self.key(h).transpose(1, 2)
        weights = scores.softmax(1) + 1e-6
        weights = weights / weights.sum(2, keepdim=True)
        return self.head((weights @ h).flatten(1))


class Normed(nn.Module):
    """A dense network with a batch normalization."""

    def __init__(self, inputs: int, classes: int, drop: float = 0.0, width: int = 48):
        super().__init__()
        self.lin1, self.norm, self.drop = (
            nn.Linear(inputs, width),
            nn.BatchNorm1d(width),
            nn.Dropout(drop),
        )
        self.lin2, self.head = nn.Linear(width, width), nn.Linear(width, classes)
        nn.init.normal_(self.lin1.bias, std=3.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(relu(self.lin2(self.drop(relu(self.norm(self.lin1(x)))))))


class Drops(nn.Module):
    """Functional dropout; wrong: nobody tells it the mode."""

    def __init__(self, wrong: bool, rate: float = 0.5):
        super().__init__()
        self.lin1, self.lin2, self.head = nn.Linear(24, 64), nn.Linear(64, 64), nn.Linear(64, 6)
        self.wrong, self.rate = wrong, rate

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.lin1(x))
        h = nn.functional.dropout(h, self.rate) if self.wrong else self._drop(h)
        return self.head(relu(self.lin2(h)))

    def _drop(self, h: Tensor) -> Tensor:
        return nn.functional.dropout(h, self.rate, training=self.training)


class Backbone(nn.Module):
    """An encoder and a head; wrong: the encoder runs without gradients, though nobody trained it."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.enc1, self.enc2 = nn.Linear(10, 24), nn.Linear(24, 4)
        self.mid, self.head, self.wrong = nn.Linear(4, 24), nn.Linear(24, 4), wrong

    def forward(self, x: Tensor) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.wrong):
            h = torch.tanh(self.enc2(relu(self.enc1(x))))
        return self.head(relu(self.mid(h)))
