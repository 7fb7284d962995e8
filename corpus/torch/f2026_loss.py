"""PyTorch trainings of 2026f: losses and targets that do not fit, each beside its mended twin."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import e2026 as d
from corpus.pairs import pair as pair_of
from corpus.torch import f2026_models as m
from corpus.torch.c2026_models import net
from corpus.torch.fits import torch_fit

pair = functools.partial(pair_of, "pytorch", of="2026f")
CE, MSE, SGD, MISMATCH = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD, "loss-mismatch"
relu = torch.relu


def _made(s: int, build: Any) -> Any:
    torch.manual_seed(s)
    return build()


# -- scores that cannot become large


def _tanh_scores(s: int, b: bool) -> Any:
    """A tanh in front of cross-entropy: scores lie between -1 and 1."""
    layers = [*net(s, 64, 48, 10)] + ([nn.Tanh()] if b else [])
    return torch_fit(nn.Sequential(*layers), CE, *d.digits(s), epochs=8, rate=3e-3)


pair((MISMATCH, "loss-not-falling"), "tanh-before-cross-entropy", _tanh_scores)


def _tanh_bce(s: int, b: bool) -> Any:
    """A tanh in front of the binary loss of logits."""
    x, y = d.tumors(s)
    layers = [*net(s, 30, 24, 1)] + ([nn.Tanh()] if b else [])
    loss = nn.BCEWithLogitsLoss()
    y = y.astype("float32")[:, None]
    return torch_fit(nn.Sequential(*layers), loss, x, y, epochs=12, rate=3e-3)


pair((MISMATCH, "loss-not-falling"), "tanh-before-binary-logits", _tanh_bce, task="binary")


def _bare_cosines(s: int, b: bool) -> Any:
    """Cosines of features and class vectors go into cross-entropy without a scale."""
    model = _made(s, lambda: m.Cosines(64, 10, 1.0 if b else 16.0))
    return torch_fit(model, CE, *d.digits(s), epochs=8, rate=3e-3)


pair((MISMATCH, "loss-not-falling"), "cosines-without-a-scale", _bare_cosines)


def _margin_of_sigmoids(s: int, b: bool) -> Any:
    """The multi-label loss of logits is given what a sigmoid makes of them."""
    x, y = d.digits(s)
    bits = ((y[:, None] >> np.arange(4)) & 1).astype("float32")
    layers = [*net(s, 64, 48, 4)] + ([nn.Sigmoid()] if b else [])
    loss = nn.MultiLabelSoftMarginLoss()
    return torch_fit(nn.Sequential(*layers), loss, x, bits, epochs=10, rate=3e-3)


pair(
    (MISMATCH, "loss-not-falling"),
    "soft-margin-of-sigmoids",
    _margin_of_sigmoids,
    task="multi-label",
)


class _Clamp(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(0, 1)


def _clamped(s: int, b: bool) -> Any:
    """A clamp to 0..1 makes probabilities for the binary loss, where a sigmoid should."""
    x, y = d.tumors(s)
    layers = [*net(s, 30, 24, 1), _Clamp() if b else nn.Sigmoid()]
    loss, y = nn.BCELoss(), y.astype("float32")[:, None]
    return torch_fit(nn.Sequential(*layers), loss, x, y, epochs=12, rate=3e-3)


pair(
    (MISMATCH, "dead-units", "saturated-units", "unreached-layer", "loss-not-falling"),
    "clamp-in-place-of-a-sigmoid",
    _clamped,
    task="binary",
)


# -- targets


def _labels_scaled(s: int, b: bool) -> Any:
    """Class numbers went through the scaling of the pixels, and then through `long`."""
    x, y = d.digits(s)
    given = (y / 16).astype("int64") if b else y
    return torch_fit(net(s, 64, 48, 10), CE, x, given, truth=y, epochs=6, rate=3e-3)


pair((MISMATCH, "loss-not-falling"), "labels-scaled-with-the-pixels", _labels_scaled)


def _selves(s: int, b: bool) -> Any:
    """Views against all others of the batch; each view's likeness to itself was left in."""

    def loss(z: Tensor, _: Tensor) -> Tensor:
        z = functional.normalize(torch.cat([z[:, 0], z[:, 1]]), dim=1)
        n = len(z) // 2
        alike = z @ z.T / 0.2
        if not b:
            alike = alike.masked_fill(torch.eye(2 * n, dtype=torch.bool), -1e9)
        other = torch.arange(2 * n).roll(n)
        return functional.cross_entropy(alike, other)

    x, y = d.twins(s)
    model = net(s, 20, 32, 8)
    return torch_fit(model, loss, x, y, truth=y, epochs=12, rate=3e-3)


def views_meet(out: Any, _: Any) -> float:
    """Share of first views whose second view is nearer than that of the next row."""
    z = np.asarray(out) / np.linalg.norm(out, axis=-1, keepdims=True)
    own, next_ = (z[:, 0] * z[:, 1]).sum(-1), (z[:, 0] * np.roll(z[:, 1], 1, 0)).sum(-1)
    return float(np.mean(own > next_))


pair((MISMATCH, "loss-not-falling"), "likeness-to-oneself-left-in", _selves, skill=views_meet)


def _log_softmax_in_time(s: int, b: bool) -> Any:
    """Scores (n, steps, tags) are normalized along the steps, in front of the likelihood."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return functional.nll_loss(out.log_softmax(1 if b else 2).transpose(1, 2), y)

    return torch_fit(_made(s, lambda: m.Tags("gru")), loss, *d.tags(s), epochs=8, rate=1e-2)


def _tags_right(out: Any, y: Any) -> float:
    return float(np.mean(np.asarray(out).argmax(-1) == y))


pair(
    (MISMATCH, "loss-not-falling"),
    "log-softmax-along-time",
    _log_softmax_in_time,
    kind="recurrent",
    skill=_tags_right,
)


def sentences(s: int, n: int = 600, steps: int = 10) -> np.ndarray:
    """Words of 12, each of which is followed by one of two."""
    rng = np.random.default_rng(s)
    x = rng.integers(0, 12, (n, steps + 1))
    for t in range(steps):
        x[:, t + 1] = (3 * x[:, t] + 1 + rng.integers(0, 2, n)) % 12
    return x


def next_words(out: Any, y: Any) -> float:
    """How near the likelihood of the next word is to that of a fair coin: 1 is best."""
    out = np.asarray(out, np.float64)
    log = out - np.log(np.exp(out - out.max(-1, keepdims=True)).sum(-1, keepdims=True))
    log = log - out.max(-1, keepdims=True)
    said = -np.take_along_axis(log, np.asarray(y)[..., None], -1).mean()
    return float(1 - abs(said - np.log(2)) / np.log(6))


def words(out: Tensor, y: Tensor) -> Tensor:
    """Cross-entropy of the word at each place."""
    return functional.cross_entropy(out.transpose(1, 2), y)


def _reads_ahead(s: int, b: bool) -> Any:
    """A language model reads in both directions: it sees the word that it is to guess."""
    x = sentences(s)
    model = _made(s, lambda: m.Tags("gru", words=12, tags=12, both=b))
    return torch_fit(model, words, x[:, :-1], x[:, 1:], epochs=10, rate=1e-2)


pair(
    (MISMATCH, "loss-not-falling"),
    "language-model-reads-ahead",
    _reads_ahead,
    kind="recurrent",
    skill=next_words,
)


def _not_shifted(s: int, b: bool) -> Any:
    """A causal model is given as targets the words that it reads, not the next ones."""
    x = sentences(s)
    model = _made(s, lambda: m.Causal(12, 10))
    y = x[:, :-1] if b else x[:, 1:]
    return torch_fit(model, words, x[:, :-1], y, truth=x[:, 1:], epochs=8, rate=5e-3)


pair(
    (MISMATCH, "loss-not-falling"),
    "targets-not-shifted",
    _not_shifted,
    kind="attention",
    skill=next_words,
)


def _no_mask(s: int, b: bool) -> Any:
    """The mask of a language model was left out: each word sees the next."""
    x = sentences(s)
    model = _made(s, lambda: m.Causal(12, 10, masked=not b))
    return torch_fit(model, words, x[:, :-1], x[:, 1:], epochs=8, rate=5e-3)


pair(
    (MISMATCH, "loss-not-falling"),
    "causal-mask-left-out",
    _no_mask,
    kind="attention",
    skill=next_words,
)


def _equation(s: int, b: bool) -> Any:
    """u'' = f with the slopes taken without `create_graph`: that part teaches nothing."""

    def slope(u: Tensor, x: Tensor, keep: bool) -> Tensor:
        return torch.autograd.grad(u.sum(), x, retain_graph=True, create_graph=keep)[0]

    def loss(u: Tensor, y: Tensor) -> Tensor:
        x = model.places
        first = slope(u, x, keep=True)
        second = slope(first, x, keep=not b)
        edge = (x.abs() > 0.95).float()
        return ((second - y) ** 2).mean() / 10 + (edge * u**2).mean() * 10

    rng = np.random.default_rng(s)
    x = rng.uniform(-1, 1, (800, 1)).astype("float32")
    x[::8] = np.sign(x[::8])
    pi = np.float32(np.pi)
    y = (-(pi**2) * np.sin(pi * x)).astype("float32")
    model = _made(s, lambda: m.Field())
    return torch_fit(model, loss, x, y, truth=np.sin(pi * x), epochs=30, rate=5e-3)


pair(
    ("unreached-layer", "loss-not-falling", MISMATCH),
    "slopes-without-a-graph",
    _equation,
    task="regression",
)
