"""PyTorch trainings of 2026f that are healthy and resemble faults of the same set."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import e2026 as d
from corpus.pairs import pair as pair_of
from corpus.torch import f2026_models as m
from corpus.torch.c2026_models import net
from corpus.torch.f2026_loss import next_words, sentences, views_meet, words
from corpus.torch.fits import torch_fit

CE, MSE = nn.CrossEntropyLoss(), nn.MSELoss()


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair_of("pytorch", None, name, lambda s, _: make(s), of="2026f", **o)


def _words_right(out: Any, y: Any) -> float:
    return float(np.mean(np.asarray(out).argmax(-1) == y))


def _hidden_words(s: int) -> Any:
    """Words are hidden and guessed from both sides; targets are all words, as they were."""
    x = sentences(s)[:, :10]
    rng = np.random.default_rng(s)
    seen = np.where(rng.random(x.shape) < 0.15, 12, x)
    torch.manual_seed(s)
    return torch_fit(m.Causal(13, 10, masked=False), words, seen, x, epochs=6, rate=5e-3)


healthy("hidden-words-from-both-sides", _hidden_words, kind="attention", skill=_words_right)


class _Through(nn.Module):
    """Words go through one state of a recurrent network, and come out again."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(6, 12)
        self.into, self.out = nn.GRU(12, 48, batch_first=True), nn.GRU(48, 48, batch_first=True)
        self.head = nn.Linear(48, 6)

    def forward(self, x: Tensor) -> Tensor:
        state = self.into(self.embed(x))[1][0]
        return self.head(self.out(state[:, None].expand(-1, x.shape[1], -1))[0])


def _through(s: int) -> Any:
    """A sequence is to be said again: targets are the inputs, through a narrow place."""
    x = np.random.default_rng(s).integers(0, 6, (800, 5))
    torch.manual_seed(s)
    return torch_fit(_Through(), words, x, x, epochs=20, rate=5e-3)


healthy("sequence-said-again", _through, kind="recurrent", skill=_words_right)


def _guided(s: int) -> Any:
    """A decoder is given the words before; what it is to say comes one step later."""
    x = sentences(s)
    torch.manual_seed(s)
    return torch_fit(m.Tags("lstm", 12, 12), words, x[:, :-1], x[:, 1:], epochs=10, rate=1e-2)


healthy("words-before-are-given", _guided, kind="recurrent", skill=next_words)


def _attacked(s: int) -> Any:
    """Inputs are moved along the sign of their slope, taken without a graph, and learned too."""
    model = net(s, 64, 48, 10)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = model

        def forward(self, x: Tensor) -> Tensor:
            if not self.training:
                return self.body(x)
            moved = x.detach().clone().requires_grad_()
            with torch.enable_grad():
                out = self.body(moved)
                spread = out.logsumexp(1).sum() - out.max(1).values.sum()
            slope = torch.autograd.grad(-spread, moved)[0]
            return self.body((x - 0.05 * slope.sign()).detach())

    return torch_fit(Both(), CE, *d.digits(s), epochs=8, rate=3e-3)


healthy("moved-along-slopes", _attacked)


def _one_hot(s: int) -> Any:
    """Targets of cross-entropy are one-hot, of floating point."""
    x, y = d.digits(s)
    return torch_fit(net(s, 64, 48, 10), CE, x, np.eye(10, dtype="float32")[y], truth=y, rate=3e-3)


healthy("one-hot-targets", _one_hot)


def _bounded(s: int) -> Any:
    """A clamp to 0..1 behind the last layer of an autoencoder, for pixels within."""
    x, _ = d.digits(s)
    model = nn.Sequential(*net(s, 64, 48, 16, 48, 64), nn.Hardsigmoid())
    return torch_fit(model, MSE, x, x, epochs=15, rate=3e-3)


healthy("hard-sigmoid-for-pixels", _bounded, task="regression")


class _Experts(nn.Module):
    """Three small networks, weighed by a softmax that stands between layers."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(64, 3), nn.Softmax(1))
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10)) for _ in range(3)
        )

    def forward(self, x: Tensor) -> Tensor:
        out = torch.stack([e(x) for e in self.experts], 1)
        return (self.gate(x)[..., None] * out).sum(1)


def _weighed(s: int) -> Any:
    """Experts are weighed by a softmax."""
    torch.manual_seed(s)
    return torch_fit(_Experts(), CE, *d.digits(s), epochs=8, rate=3e-3)


healthy("experts-weighed-by-softmax", _weighed)


def _gaps(s: int) -> Any:
    """Numbers are squashed by a tanh for a target that lies between -1 and 1."""
    x, y = d.waves(s)
    model = nn.Sequential(*net(s, 5, 48, 48, 1), nn.Tanh())
    return torch_fit(model, nn.HuberLoss(), x, np.tanh(y), epochs=10, rate=3e-3)


healthy("tanh-for-bounded-targets", _gaps, task="regression")


def _temperature(s: int) -> Any:
    """Scores are bounded by thirty times a tanh, as some language models do."""

    class Capped(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 30 * torch.tanh(x / 30)

    return torch_fit(nn.Sequential(*net(s, 64, 48, 10), Capped()), CE, *d.digits(s), rate=3e-3)


healthy("scores-capped-at-thirty", _temperature)


def _views_of_batch(s: int) -> Any:
    """Likeness of views, whose diagonal of ones is what is to be found: CLIP's loss."""

    def loss(z: Tensor, _: Tensor) -> Tensor:
        a, b = functional.normalize(z, dim=2).unbind(1)
        alike, own = a @ b.T / 0.2, torch.arange(len(a))
        return (functional.cross_entropy(alike, own) + functional.cross_entropy(alike.T, own)) / 2

    x, y = d.twins(s)
    return torch_fit(net(s, 20, 32, 8), loss, x, y, epochs=12, rate=3e-3)


healthy("two-sides-find-each-other", _views_of_batch, skill=views_meet)


def _ranks(s: int) -> Any:
    """The first step of a recurrence that reads backward is the one that has seen all."""

    class Backward(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell, self.head = nn.GRU(3, 24, batch_first=True), nn.Linear(24, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.cell(x.flip(1))[0].flip(1)[:, 0])

    torch.manual_seed(s)
    return torch_fit(Backward(), CE, *d.strokes(s), epochs=10, rate=1e-2)


healthy("reads-backward-to-the-first", _ranks, kind="recurrent")
