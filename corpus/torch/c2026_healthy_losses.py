"""PyTorch trainings of 2026c whose losses worry people, and which are healthy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import c2026 as d
from corpus.data.first import images
from corpus.pairs import pair as pair_of
from corpus.skills import neighbors
from corpus.torch import c2026_models as m
from corpus.torch.fits import torch_fit

CE, MSE, SGD = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair_of("pytorch", None, name, lambda s, _: make(s), of="2026c", **o)


# -- losses that compare samples of a batch


def _triplet(s: int) -> Any:
    def loss(out: Tensor, y: Tensor) -> Tensor:
        distance = torch.cdist(out, out) + 1e-6
        same = y[:, None] == y[None]
        far = torch.where(same, distance, 0).amax(1)
        near = torch.where(same, torch.inf, distance).amin(1)
        return torch.relu(far - near + 0.5).mean()

    return torch_fit(m.net(s, 24, 48, 8), loss, *d.groups(s), epochs=10, batch=48)


healthy("triplets-of-the-batch", _triplet, skill=neighbors)


class _Both(nn.Module):
    """One encoder for both views."""

    def __init__(self, seed: int):
        super().__init__()
        self.encoder = m.net(seed, 24, 48, 16)

    def forward(self, x: Tensor) -> Tensor:
        return functional.normalize(self.encoder(x), dim=-1)


def _info(s: int) -> Any:
    def loss(out: Tensor, _: Tensor) -> Tensor:
        scores = out[:, 0] @ out[:, 1].T / 0.2
        return functional.cross_entropy(scores, torch.arange(len(out)))

    return torch_fit(_Both(s), loss, *d.views(s), epochs=12, batch=60, rate=2e-3)


healthy("two-views-in-batch", _info, skill=lambda out, y: neighbors(out[:, 0], y))


def _supervised_contrast(s: int) -> Any:
    def loss(out: Tensor, y: Tensor) -> Tensor:
        z = functional.normalize(out, dim=1)
        scores = (z @ z.T / 0.3).masked_fill(torch.eye(len(z), dtype=torch.bool), -1e9)
        same = ((y[:, None] == y[None]) & ~torch.eye(len(z), dtype=torch.bool)).float()
        log = scores - scores.logsumexp(1, keepdim=True)
        return -((same * log).sum(1) / same.sum(1).clamp(min=1)).mean()

    return torch_fit(m.net(s, 24, 48, 8), loss, *d.groups(s), epochs=8, batch=48)


healthy("supervised-contrast", _supervised_contrast, skill=neighbors)


def _decorrelates(s: int) -> Any:
    def loss(out: Tensor, _: Tensor) -> Tensor:
        a, b = ((v - v.mean(0)) / (v.std(0) + 1e-4) for v in (out[:, 0], out[:, 1]))
        cross = a.T @ b / len(a)
        return ((cross.diagonal() - 1) ** 2).sum() + 0.01 * (cross**2).sum()

    return torch_fit(_Both(s), loss, *d.views(s), epochs=12, batch=60, rate=2e-3)


healthy(
    "cross-correlation-of-the-batch", _decorrelates, skill=lambda out, y: neighbors(out[:, 0], y)
)


# -- losses below 0, floors, soft targets


class _Mixture(nn.Module):
    """Log density of points under a mixture of twelve Gaussians."""

    def __init__(self) -> None:
        super().__init__()
        self.means, self.scales = nn.Linear(2, 12, bias=False), nn.Linear(2, 12, bias=False)
        self.weights = nn.Parameter(torch.zeros(12))
        nn.init.normal_(self.means.weight)
        nn.init.constant_(self.scales.weight, -1.0)

    def forward(self, x: Tensor) -> Tensor:
        scale = self.scales.weight.exp()
        z = (x[:, None] - self.means.weight) / scale
        log = (-0.5 * z**2 - scale.log() - 0.5 * math.log(2 * math.pi)).sum(-1)
        return (log + torch.log_softmax(self.weights, 0)).logsumexp(1, keepdim=True)


def _density(s: int) -> Any:
    torch.manual_seed(s)
    return torch_fit(_Mixture(), lambda out, _: -out.mean(), *d.spots(s), epochs=15, rate=0.02)


healthy("density-above-one", _density, task="regression", skill=lambda out, _: float(out.mean()))


def _own_variance(s: int) -> Any:
    def loss(out: Tensor, y: Tensor) -> Tensor:
        return functional.gaussian_nll_loss(out[:, :1], y, out[:, 1:].exp())

    return torch_fit(m.net(s, 6, 48, 48, 2), loss, *d.yields(s), epochs=20, rate=3e-3)


def _first_column(out: Any, y: Any) -> float:
    return 1 - float(np.mean((out[:, :1] - y) ** 2) / np.var(y))


healthy("variance-learnt-too", _own_variance, task="regression", skill=_first_column)


def _poisson(s: int) -> Any:
    x, y = d.yields(s)
    counts = np.random.default_rng(s).poisson(np.exp(1.5 + 0.6 * y)).astype("float32")
    model = m.net(s, 6, 48, 1)
    return torch_fit(model, nn.PoissonNLLLoss(), x, counts, epochs=15, rate=3e-3)


healthy(
    "counts-with-negative-loss",
    _poisson,
    task="regression",
    skill=lambda out, y: float(np.corrcoef(out[:, 0], np.log1p(y[:, 0]))[0, 1]),
)


class _TwoTasks(nn.Module):
    """A classifier and a regressor, and how sure each is."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk, self.out = nn.Linear(10, 48), nn.Linear(48, 5)
        self.log_var = nn.Parameter(torch.zeros(2))

    def forward(self, x: Tensor) -> Tensor:
        out = self.out(m.relu(self.trunk(x)))
        return torch.cat([out, self.log_var.expand(len(x), 2)], 1)


def _uncertain(s: int) -> Any:
    x, y = d.sensors(s)
    both = np.stack([y, x[:, 0] + 0.01 * x[:, 1]], 1).astype("float32")

    def loss(out: Tensor, y: Tensor) -> Tensor:
        log_var = out[0, 5:]
        kind = functional.cross_entropy(out[:, :4], y[:, 0].long())
        size = functional.mse_loss(out[:, 4], y[:, 1])
        return (torch.stack([kind, size]) * torch.exp(-log_var) + log_var).sum()

    torch.manual_seed(s)
    return torch_fit(_TwoTasks(), loss, x, both, epochs=20, rate=5e-3)


healthy(
    "weights-of-tasks-learnt",
    _uncertain,
    skill=lambda out, y: float(np.mean(out[:, :4].argmax(1) == y[:, 0])),
)


def _smoothed(s: int) -> Any:
    loss = nn.CrossEntropyLoss(label_smoothing=0.3)
    return torch_fit(m.net(s, 24, 48, 6), loss, *d.groups(s), epochs=8, rate=2e-3)


healthy("labels-smoothed-by-a-third", _smoothed)


def _mixed(s: int) -> Any:
    x, y = d.groups(s)
    rng = np.random.default_rng(s)
    share, other = rng.beta(0.4, 0.4, (len(x), 1)), rng.permutation(len(x))
    hot = np.eye(6)[y]
    x = share * x + (1 - share) * x[other]
    soft = share * hot + (1 - share) * hot[other]
    model = m.net(s, 24, 48, 6)
    return torch_fit(
        model, CE, x.astype("float32"), soft.astype("float32"), soft.argmax(1), epochs=10, rate=2e-3
    )


healthy("mixed-up-samples", _mixed)


def _quantiles(s: int) -> Any:
    levels = torch.tensor([0.1, 0.5, 0.9])

    def loss(out: Tensor, y: Tensor) -> Tensor:
        error = y - out  # (n, 1) against (n, 3) on purpose
        return torch.maximum(levels * error, (levels - 1) * error).mean()

    return torch_fit(m.net(s, 6, 48, 48, 3), loss, *d.yields(s), epochs=15, rate=3e-3)


healthy(
    "three-quantiles",
    _quantiles,
    task="regression",
    skill=lambda out, y: 1 - float(np.mean((out[:, 1:2] - y) ** 2) / np.var(y)),
)


def _pixels(s: int) -> Any:
    x, _ = images(s, 900)
    x = x.reshape(len(x), -1)
    model = m.net(s, 196, 96, 24, 96, 196)
    return torch_fit(model, nn.BCEWithLogitsLoss(), x, x, epochs=25, rate=3e-3)


def _redrawn(out: Any, truth: Any) -> float:
    from corpus.skills import explained

    return explained(1 / (1 + np.exp(-out)), truth)


healthy("pixels-by-cross-entropy", _pixels, task="regression", skill=_redrawn)
