"""Small PyTorch modules of 2026e that are meant as they are."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

relu = torch.relu


class Grades(nn.Module):
    """One score against three thresholds in order."""

    def __init__(self, inputs: int):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(inputs, 32), nn.Linear(32, 1, bias=False)
        self.first, self.steps = nn.Parameter(torch.tensor([-1.0])), nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        thresholds = torch.cat([self.first, functional.softplus(self.steps)]).cumsum(0)
        return self.lin2(relu(self.lin1(x))) - thresholds


class Cosines(nn.Module):
    """Cosines between a code and one direction for each class."""

    def __init__(self) -> None:
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(64, 64), nn.Linear(64, 24)
        self.classes = nn.Parameter(torch.randn(10, 24))

    def forward(self, x: Tensor) -> Tensor:
        code = functional.normalize(self.lin2(relu(self.lin1(x))), dim=1)
        return code @ functional.normalize(self.classes, dim=1).T


class Siamese(nn.Module):
    """An encoder for both views and a predictor behind it; outputs are guesses and codes."""

    def __init__(self, code: int = 16):
        super().__init__()
        self.enc1, self.norm, self.enc2 = nn.Linear(20, 48), nn.BatchNorm1d(48), nn.Linear(48, code)
        self.last = nn.BatchNorm1d(code, affine=False)
        self.pre1, self.pre2 = nn.Linear(code, 16), nn.Linear(16, code)

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        h = relu(self.norm(self.enc1(x.flatten(0, 1))))
        code = self.last(self.enc2(h))
        guess = self.pre2(relu(self.pre1(code)))
        return torch.cat([guess, code], 1).view(n, 2, -1)


class Prompted(nn.Module):
    """A transformer layer over words with two learned ones in front, which begin at 0."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.embed, self.prompt = nn.Embedding(60, width), nn.Parameter(torch.zeros(2, width))
        self.block = nn.TransformerEncoderLayer(width, 2, 32, 0.0, batch_first=True)
        self.head = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        front = self.prompt.expand(len(x), -1, -1)
        return self.head(self.block(torch.cat([front, self.embed(x)], 1)).mean(1))


class Modulated(nn.Module):
    """Residual blocks whose scale, shift and gate are made of a condition by zero weights."""

    def __init__(self, width: int = 24, depth: int = 3):
        super().__init__()
        self.stem, self.condition = nn.Linear(3, width), nn.Linear(2, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
            for _ in range(depth)
        )
        self.modulations = nn.ModuleList(nn.Linear(width, 3 * width) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(width, elementwise_affine=False), nn.Linear(width, 1)
        for modulation in self.modulations:
            nn.init.zeros_(modulation.get_parameter("weight"))
            nn.init.zeros_(modulation.get_parameter("bias"))

    def forward(self, x: Tensor) -> Tensor:
        condition = functional.silu(self.condition(x[:, 3:]))
        h = self.stem(x[:, :3])
        for block, modulation in zip(self.blocks, self.modulations, strict=True):
            scale, shift, gate = modulation(condition).chunk(3, 1)
            h = h + gate * block(self.norm(h) * (1 + scale) + shift)
        return self.head(h)


class Sines(nn.Module):
    """Layers of sines, with the initial weights that were proposed for them."""

    def __init__(self, width: int = 48, omega: float = 30.0):
        super().__init__()
        self.first, self.second = nn.Linear(2, width), nn.Linear(width, width)
        self.head, self.omega = nn.Linear(width, 1), omega
        nn.init.uniform_(self.first.weight, -1 / 2, 1 / 2)
        for layer in (self.second, self.head):
            bound = math.sqrt(6 / width) / omega
            nn.init.uniform_(layer.weight, -bound, bound)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.sin(self.omega * self.first(x))
        return self.head(torch.sin(self.omega * self.second(h)))


class Sets(nn.Module):
    """Each point by itself, then their sum; the third feature says which are there."""

    def __init__(self) -> None:
        super().__init__()
        self.each1, self.each2 = nn.Linear(3, 32), nn.Linear(32, 32)
        self.all1, self.head = nn.Linear(32, 32), nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = relu(self.each2(relu(self.each1(x)))) * x[..., 2:]
        return self.head(relu(self.all1(h.sum(1))))


class Packed(nn.Module):
    """A GRU over packed sequences; 0 is padding."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.cell = (
            nn.Embedding(40, 12, padding_idx=0),
            nn.GRU(12, 24, batch_first=True),
        )
        self.head = nn.Linear(24, 2)

    def forward(self, x: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(x), (x > 0).sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        return self.head(self.cell(packed)[1][-1])


class Chooses(nn.Module):
    """Six times one of five features is chosen, each by a sample that is one-hot (Gumbel's)."""

    def __init__(self) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(6, 5))
        self.lin1, self.lin2, self.head = nn.Linear(6, 32), nn.Linear(32, 32), nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            choice = functional.gumbel_softmax(self.scores, 0.5, hard=True)
        else:
            choice = functional.one_hot(self.scores.argmax(1), 5).to(x.dtype)
        return self.head(relu(self.lin2(relu(self.lin1(x @ choice.T)))))


class Depths(nn.Module):
    """Residual blocks of which each is left out half of the time, for each row anew."""

    def __init__(self, width: int = 32, depth: int = 6, keep: float = 0.5):
        super().__init__()
        self.stem, self.head, self.keep = nn.Linear(64, width), nn.Linear(width, 10), keep
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width)
            )
            for _ in range(depth)
        )

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        for block in self.blocks:
            share = self.keep
            if self.training:
                share = (torch.rand(len(x), 1) < self.keep).to(x.dtype)
            h = h + share * block(h)
        return self.head(h)


class Hides(nn.Module):
    """An autoencoder; in training up to three quarters of a row are hidden behind learned values."""

    def __init__(self, width: int = 64):
        super().__init__()
        self.hidden = nn.Parameter(torch.zeros(64))
        self.lin1, self.lin2, self.head = (
            nn.Linear(64, width),
            nn.Linear(width, width),
            nn.Linear(width, 64),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            share = 0.75 * torch.rand(len(x), 1)
            x = torch.where(torch.rand_like(x) < share, self.hidden, x)
        return self.head(relu(self.lin2(relu(self.lin1(x)))))
