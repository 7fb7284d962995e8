"""Small PyTorch modules of 2026f; where one takes `wrong`, the fault is in its forward pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

relu = torch.relu


class Cosines(nn.Module):
    """Cosines of features and of class vectors, times a scale."""

    def __init__(self, features: int, classes: int, scale: float):
        super().__init__()
        self.one, self.two, self.scale = nn.Linear(features, 48), nn.Linear(48, 24), scale
        self.centers = nn.Parameter(torch.randn(classes, 24))

    def forward(self, x: Tensor) -> Tensor:
        h = functional.normalize(self.two(relu(self.one(x))), dim=1)
        return self.scale * h @ functional.normalize(self.centers, dim=1).T


class Tags(nn.Module):
    """A recurrent layer that gives each word its scores: (n, steps, tags)."""

    def __init__(self, kind: str, words: int = 30, tags: int = 4, both: bool = False):
        super().__init__()
        cell = nn.GRU if kind == "gru" else nn.LSTM
        self.embed = nn.Embedding(words, 12)
        self.cell = cell(12, 24, batch_first=True, bidirectional=both)
        self.head = nn.Linear(48 if both else 24, tags)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(self.embed(x))[0])


class Causal(nn.Module):
    """One layer of attention over the words so far, or over all of them."""

    def __init__(self, words: int, steps: int, masked: bool = True):
        super().__init__()
        self.embed, self.place = nn.Embedding(words, 24), nn.Parameter(0.1 * torch.randn(steps, 24))
        self.layer = nn.TransformerEncoderLayer(24, 2, 48, 0.0, batch_first=True)
        self.head, self.masked = nn.Linear(24, words), masked

    def forward(self, x: Tensor) -> Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.masked else None
        return self.head(self.layer(self.embed(x) + self.place, src_mask=mask))


class Field(nn.Module):
    """A function of places, which it keeps so that a loss can ask for slopes there."""

    places: Tensor

    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(1, 24), nn.Linear(24, 24), nn.Linear(24, 1)

    def forward(self, x: Tensor) -> Tensor:
        self.places = x.detach().clone().requires_grad_()
        with torch.set_grad_enabled(self.training or torch.is_grad_enabled()):
            return self.out(torch.tanh(self.two(torch.tanh(self.one(self.places)))))


class Thrown(nn.Module):
    """Two hidden layers; wrong: what the second makes is not kept."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(64, 48), nn.Linear(48, 48), nn.Linear(48, 10)
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.one(x))
        more = relu(self.two(h))
        return self.out(h if self.wrong else more)


class Plain(nn.Module):
    """Own weights; wrong: a tensor with a gradient is no parameter."""

    def __init__(self, wrong: bool):
        super().__init__()
        w = 0.05 * torch.randn(64, 10)
        self.w = w.requires_grad_() if wrong else nn.Parameter(w)
        self.bias = nn.Parameter(torch.zeros(10))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.w + self.bias


class Carried(nn.Module):
    """A recurrent classifier; wrong: its state goes over into the next batch of other rows."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.cell, self.head, self.wrong = nn.LSTM(3, 24, batch_first=True), nn.Linear(24, 3), wrong
        self.state: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        state = self.state
        if not self.wrong or state is None or state[0].shape[1] != len(x):
            state = None
        out, (h, c) = self.cell(x, state)
        self.state = h.detach(), c.detach()
        return self.head(out[:, -1])


class Ends(nn.Module):
    """A recurrent classifier by the last step; wrong: by the first."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.cell, self.head = nn.GRU(3, 24, batch_first=True), nn.Linear(24, 3)
        self.step = 0 if wrong else -1

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, self.step])


class FreshDropout(nn.Module):
    """Dropout; wrong: made anew in every pass, and so always in training mode."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.one, self.drop, self.out = nn.Linear(64, 64), nn.Dropout(0.5), nn.Linear(64, 10)
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        drop = nn.Dropout(0.5) if self.wrong else self.drop
        return self.out(drop(relu(self.one(x))))


class FreshNorm(nn.Module):
    """Batch normalization; wrong: made anew in every pass."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.one, self.norm, self.out = nn.Linear(64, 48), nn.BatchNorm1d(48), nn.Linear(48, 10)
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        norm = nn.BatchNorm1d(48) if self.wrong else self.norm
        return self.out(relu(norm(self.one(x))))


class Levels(nn.Module):
    """Levels from 0 to 1 choose vectors of a table; wrong: without multiplying by its size."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.embed, self.out = nn.Embedding(18, 6), nn.Linear(64 * 6, 10)
        self.size = 1.0 if wrong else 16.0

    def forward(self, x: Tensor) -> Tensor:
        return self.out(relu(self.embed((self.size * x * 0.999).long()).flatten(1)))


class Attends(nn.Module):
    """Attention pooling; wrong: a softmax over the one score of each step."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.cell, self.score = nn.GRU(3, 24, batch_first=True), nn.Linear(24, 1)
        self.head, self.axis = nn.Linear(24, 3), 2 if wrong else 1

    def forward(self, x: Tensor) -> Tensor:
        h = self.cell(x)[0]
        weights = self.score(torch.tanh(h)).softmax(self.axis)
        return self.head((weights * h).sum(1))


class Places(nn.Module):
    """A transformer over words; wrong: it is not told their places."""

    def __init__(self, wrong: bool, words: int, steps: int):
        super().__init__()
        self.embed, self.place = nn.Embedding(words, 24), nn.Embedding(steps, 24)
        self.layer = nn.TransformerEncoderLayer(24, 2, 48, 0.0, batch_first=True)
        self.head, self.wrong = nn.Linear(24, 2), wrong

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x)
        if not self.wrong:
            h = h + self.place(torch.arange(x.shape[1]))
        return self.head(self.layer(h).mean(1))
