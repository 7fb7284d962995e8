"""Healthy PyTorch trainings of 2026d that worried somebody, or that look like a fault."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import c2026 as d
from corpus.pairs import pair as pair_of
from corpus.skills import accuracy, neighbors
from corpus.torch import d2026_models as m
from corpus.torch.c2026_models import net
from corpus.torch.fits import torch_fit

CE, SGD = nn.CrossEntropyLoss(), torch.optim.SGD


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair_of("pytorch", None, name, lambda s, _: make(s), of="2026d", **o)


def _made(s: int, build: Any) -> Any:
    torch.manual_seed(s)
    return build()


def _distances(s: int) -> Any:
    """Outputs are distances: the right class has the smallest one."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        log = (-out).log_softmax(1)
        return -(log * functional.one_hot(y, 6)).sum(1).mean()

    model = _made(s, lambda: m.Prototypes(24, 6))
    return torch_fit(model, loss, *d.groups(s, apart=0.8), epochs=10, rate=3e-3)


def _least(out: Any, y: Any) -> float:
    return accuracy(-np.asarray(out), y)


healthy("distances-to-prototypes", _distances, skill=_least)


def _energies(s: int) -> Any:
    """Outputs are energies of any sign, handed over with a minus."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(-out, y)

    return torch_fit(net(s, 24, 32, 6), loss, *d.groups(s), epochs=8, rate=3e-3)


healthy("energies-with-a-minus", _energies, skill=_least)


def _clusters(s: int) -> Any:
    return torch_fit(_made(s, m.Clusters), CE, *d.calls(s), epochs=14, rate=1e-2)


healthy("soft-clusters", _clusters, kind="attention")


def _slots(s: int) -> Any:
    return torch_fit(_made(s, m.Slots), CE, *d.calls(s), epochs=14, rate=1e-2)


healthy("slots-that-compete", _slots, kind="attention")


def _chunks(s: int) -> Any:
    """Backpropagation through time, truncated behind every fourth step; the class stands late."""
    x, y = d.early(s, steps=12)
    model = _made(s, lambda: m.Stepwise(lambda t: t in (3, 7)))
    return torch_fit(model, CE, x[:, ::-1].copy(), y, epochs=8, rate=5e-3)


healthy("truncated-in-time", _chunks, kind="recurrent", task="binary")


class _StatisticsStay(nn.Module):
    """Its batch statistics stay as they were learned, whatever mode it is put into."""

    def __init__(self, x: Tensor):
        super().__init__()
        self.net = m.Normed(10, 4)
        with torch.no_grad():
            for _ in range(60):
                self.net(x)
        self.train()

    def train(self, mode: bool = True) -> Any:
        super().train(mode)
        self.net.norm.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def _statistics(s: int) -> Any:
    x, y = d.sensors(s)
    model = _made(s, lambda: _StatisticsStay(torch.tensor(x[:256])))
    return torch_fit(model, CE, x, y, epochs=8, rate=5e-3)


healthy("batch-statistics-stay", _statistics)


def _noisy_labels(s: int) -> Any:
    """A third of the labels are anything: the loss stays high and that is all there is to get."""
    x, y = d.groups(s)
    rng = np.random.default_rng(s)
    noisy = np.where(rng.random(len(y)) < 0.35, rng.integers(0, 6, len(y)), y)
    return torch_fit(net(s, 24, 32, 6), CE, x, noisy, y, epochs=8, rate=3e-3)


healthy("a-third-of-labels-random", _noisy_labels)


def _whole(s: int) -> Any:
    x, y = d.groups(s, n=512)
    return torch_fit(net(s, 24, 48, 6), CE, x, y, epochs=80, rate=1e-2, batch=512)


healthy("whole-data-one-batch", _whole)


def _random_features(s: int) -> Any:
    """Hidden features are random and stay so on purpose; the readout learns."""
    model = net(s, 10, 300, 4)
    model.lin1.requires_grad_(False)
    return torch_fit(model, CE, *d.sensors(s), epochs=12, rate=1e-2)


healthy("random-features", _random_features)


def _cosine(s: int) -> Any:
    """Pairs that are alike, and pairs that are not."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        same = 2 * (y == y.roll(1)).float() - 1
        return functional.cosine_embedding_loss(out, out.roll(1, 0), same, margin=0.2)

    return torch_fit(net(s, 24, 32, 8), loss, *d.groups(s), epochs=12, rate=3e-3)


healthy("cosine-of-pairs", _cosine, skill=neighbors)


def _short_normed(s: int) -> Any:
    """A short training with batch normalization: its statistics are still on their way."""
    x, y = d.groups(s)
    return torch_fit(_made(s, lambda: m.Normed(24, 6)), CE, x, y, epochs=1, rate=1e-2)


healthy("short-with-batch-statistics", _short_normed)


def _placed(s: int) -> Any:
    return torch_fit(_made(s, lambda: m.Placed()), CE, *d.calls(s), epochs=12, rate=3e-3)


healthy("codes-of-places", _placed, kind="attention")


def _counts(s: int) -> Any:
    """Counts by their logarithms: the loss has no floor at 0."""
    x, _ = d.yields(s)
    rng = np.random.default_rng(s)
    truth = np.exp(1 + 0.6 * x[:, :1] - 0.4 * x[:, 1:2])
    y = rng.poisson(truth).astype("float32")
    return torch_fit(net(s, 6, 32, 1), nn.PoissonNLLLoss(), x, y, truth, epochs=12, rate=3e-3)


healthy(
    "counts-by-logarithms",
    _counts,
    task="regression",
    skill=lambda out, truth: float(np.corrcoef(np.exp(out[:, 0]), truth[:, 0])[0, 1]),
)


def _words_given(s: int) -> Any:
    """Word vectors stay; what reads them learns, its first layer too."""
    x, y = d.orders(s)
    torch.manual_seed(s)
    vectors = torch.randn(40, 16)
    vectors[:20, 0] += 2.0
    model = nn.Sequential(
        nn.EmbeddingBag.from_pretrained(vectors), nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2)
    )
    return torch_fit(model, CE, x, y, epochs=10, rate=5e-3)


healthy("word-vectors-given", _words_given, task="binary")


def _by_accuracy(s: int) -> Any:
    """The rate is reduced where the accuracy of an evaluation no longer rises."""
    (model, loss, optimizer, data), options, y = torch_fit(
        net(s, 10, 48, 48, 4), CE, *d.sensors(s), epochs=14, rate=3e-3
    )
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, "max", 0.1, patience=1)
    return (model, loss, optimizer, data), {**options, "scheduler": plateau}, y


healthy("plateau-of-the-accuracy", _by_accuracy)
