"""Small PyTorch modules of 2026e; where one takes `wrong`, the fault is in its forward pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn

relu = torch.relu


class Segments(nn.Module):
    """A convolutional network that gives each pixel its scores."""

    def __init__(self, classes: int):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.head = nn.Conv2d(12, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(relu(self.c2(relu(self.c1(x)))))


class Tagger(nn.Module):
    """A GRU that gives each word its scores: (n, steps, tags)."""

    def __init__(self, words: int = 30, tags: int = 4, units: int = 24):
        super().__init__()
        self.embed, self.cell = nn.Embedding(words, 12), nn.GRU(12, units, batch_first=True)
        self.head = nn.Linear(units, tags)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(self.embed(x))[0])


class Bag(nn.Module):
    """The mean of word vectors, and a perceptron behind it."""

    def __init__(self, words: int, classes: int, width: int = 24):
        super().__init__()
        self.embed, self.hidden = nn.Embedding(words, width), nn.Linear(width, width)
        self.head = nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(relu(self.hidden(self.embed(x).mean(1))))


class Frames(nn.Module):
    """A GRU in both directions over frames: scores of sounds, 0 is none."""

    def __init__(self, features: int, sounds: int, units: int = 16):
        super().__init__()
        self.cell = nn.GRU(features, units, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * units, sounds)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0])


class Variational(nn.Module):
    """A variational autoencoder; outputs are the reconstruction, means and log variances."""

    def __init__(self, features: int, code: int, width: int = 48):
        super().__init__()
        self.enc, self.code = nn.Linear(features, width), nn.Linear(width, 2 * code)
        self.dec, self.out = nn.Linear(code, width), nn.Linear(width, features)

    def forward(self, x: Tensor) -> Tensor:
        mean, log_var = self.code(relu(self.enc(x))).chunk(2, -1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp() if self.training else mean
        return torch.cat([self.out(relu(self.dec(z))), mean, log_var], -1)


class BothWays(nn.Module):
    """A classifier of the last states of both directions; wrong: they are viewed as (n, -1)."""

    def __init__(self, wrong: bool, units: int = 16):
        super().__init__()
        self.cell = nn.GRU(3, units, batch_first=True, bidirectional=True)
        self.head, self.wrong = nn.Linear(2 * units, 3), wrong

    def forward(self, x: Tensor) -> Tensor:
        last = self.cell(x)[1]  # (2, n, units)
        if self.wrong:
            return self.head(last.reshape(len(x), -1))
        return self.head(last.transpose(0, 1).flatten(1))


class Unbatched(nn.Module):
    """A transformer layer over rows as sequences of one; wrong: they have lost that axis.

    What has two axes is one sequence to a transformer layer: (n, width) is taken for n steps.
    """

    def __init__(self, wrong: bool, width: int = 16):
        super().__init__()
        self.lift = nn.Linear(64, width)
        self.block = nn.TransformerEncoderLayer(width, 2, 32, 0.0, batch_first=True)
        self.head, self.wrong = nn.Linear(width, 10), wrong

    def forward(self, x: Tensor) -> Tensor:
        h = self.lift(x)
        h = self.block(h) if self.wrong else self.block(h[:, None])[:, 0]
        return self.head(h)


class Whitened(nn.Module):
    """Features are centered and scaled by those of the batch at hand, in evaluation too."""

    def __init__(self, wrong: bool):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(13, 32), nn.Linear(32, 32), nn.Linear(32, 3)
        self.axis = 0 if wrong else 1

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x)
        h = (h - h.mean(self.axis, keepdim=True)) / (h.std(self.axis, keepdim=True) + 1e-5)
        return self.head(relu(self.second(relu(h))))


class Bare(nn.Module):
    """A narrow layer with weights of its own; wrong: cast after they became a parameter."""

    def __init__(self, wrong: bool, code: int = 3):
        super().__init__()
        start = 0.1 * torch.randn(64, code, dtype=torch.float64)
        # What a cast makes of a parameter is no parameter: no optimizer gets to know it.
        self.weight = nn.Parameter(start).float() if wrong else nn.Parameter(start.float())
        self.hidden, self.head = nn.Linear(code, 32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(relu(self.hidden(torch.tanh(x @ self.weight))))


class Quantized(nn.Module):
    """An autoencoder with a codebook; wrong: its choice lets no gradient through."""

    def __init__(self, wrong: bool, codes: int = 32, width: int = 4):
        super().__init__()
        self.enc1, self.enc2 = nn.Linear(64, 48), nn.Linear(48, 4 * width)
        self.codes = nn.Embedding(codes, width)
        self.dec1, self.dec2 = nn.Linear(4 * width, 48), nn.Linear(48, 64)
        self.wrong, self.width = wrong, width

    def forward(self, x: Tensor) -> Tensor:
        z = self.enc2(relu(self.enc1(x))).view(len(x), -1, self.width)
        nearest = torch.cdist(z, self.codes.weight).argmin(-1)
        code = self.codes(nearest)
        if not self.wrong:
            code = z + 0.5 * (code - z.detach()) + 0.5 * (code - z).detach()
        return self.dec2(relu(self.dec1(code.flatten(1))))


class Adapted(nn.Module):
    """A trained layer that stays, and a product of two thin matrices beside it."""

    def __init__(self, base: nn.Linear, both_zero: bool, rank: int = 4):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)
        if both_zero:
            nn.init.zeros_(self.down.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.base(x) + self.up(self.down(x))


class Highway(nn.Module):
    """Layers behind gates that begin nearly shut; wrong: shut for good."""

    def __init__(self, bias: float, depth: int = 4, width: int = 5):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.gates = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.activations = nn.ModuleList(nn.Sigmoid() for _ in range(depth))
        self.head = nn.Linear(width, 1)
        for gate in self.gates:
            nn.init.constant_(gate.get_parameter("bias"), bias)

    def forward(self, x: Tensor) -> Tensor:
        for layer, gate, squash in zip(self.layers, self.gates, self.activations, strict=True):
            open_ = squash(gate(x))
            x = open_ * torch.tanh(2 * layer(x)) + (1 - open_) * x
        return self.head(x)


class Counted(nn.Module):
    """Attention over words; wrong: the numbers of their places are added as they are."""

    def __init__(self, wrong: bool, steps: int = 8, width: int = 16):
        super().__init__()
        self.embed = nn.Embedding(60, width)
        nn.init.normal_(self.embed.weight, std=0.02)
        self.block = nn.TransformerEncoderLayer(width, 2, 32, 0.0, batch_first=True)
        self.head = nn.Linear(width, 4)
        count = torch.arange(steps, dtype=torch.float32)[:, None] + 1
        along = torch.linspace(1, 5, width)
        self.register_buffer("places", 200 * count * along if wrong else 0.02 * torch.sin(count))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.block(self.embed(x) + self.get_buffer("places")).mean(1))


class Softmaxes(nn.Module):
    """A perceptron with softmax (wrong) or ReLU as its hidden activation."""

    def __init__(self, wrong: bool, width: int = 32):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(64, width), nn.Linear(width, width)
        self.lin3, self.lin4 = nn.Linear(width, width), nn.Linear(width, 10)
        self.wrong = wrong

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.lin1, self.lin2, self.lin3):
            x = layer(x).softmax(-1) if self.wrong else relu(layer(x))
        return self.lin4(x)


class Memory(nn.Module):
    """An LSTM whose forget gates begin with a bias: 1 keeps, -6 forgets within a step."""

    def __init__(self, bias: float, units: int = 16):
        super().__init__()
        self.cell, self.head = nn.LSTM(2, units, batch_first=True), nn.Linear(units, 2)
        with torch.no_grad():
            self.cell.get_parameter("bias_ih_l0")[units : 2 * units] = bias

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, -1])


class Spotted(nn.Module):
    """Convolutions with batch normalization, for one image at a time too."""

    def __init__(self, momentum: float = 0.1):
        super().__init__()
        self.c1, self.norm = nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12, momentum=momentum)
        self.c2, self.head = nn.Conv2d(12, 8, 3), nn.Linear(8 * 36, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(relu(self.c2(relu(self.norm(self.c1(x))))).flatten(1))


class Halved(nn.Module):
    """A perceptron in half precision between single-precision ends."""

    def __init__(self, body: nn.Module, kind: torch.dtype):
        super().__init__()
        self.body, self.kind = body.to(kind), kind

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.to(self.kind)).float()
