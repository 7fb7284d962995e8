"""PyTorch trainings of 2026e that are healthy and resemble faults: what practitioners mean to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import c2026, e2026
from corpus.pairs import pair as pair_of
from corpus.skills import explained, neighbors
from corpus.torch import e2026_healthy_models as m
from corpus.torch.c2026_models import net
from corpus.torch.e2026_wiring import scaled_wine
from corpus.torch.fits import torch_fit
from corpus.torch.models import train

d = e2026
CE, MSE, SGD = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair_of("pytorch", None, name, lambda s, _: make(s), of="2026e", **o)


def _made(s: int, build: Any) -> Any:
    torch.manual_seed(s)
    return build()


# -- losses without a floor at 0, or over the whole batch


def _mixture_density(s: int) -> Any:
    """Two branches of a square root: a density of three Gaussians, whose loss falls below 0."""
    rng = np.random.default_rng(s)
    x = rng.uniform(0, 1, (1000, 1))
    y = np.sqrt(x) * rng.choice([-1, 1], x.shape) + 0.03 * rng.normal(size=x.shape)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        weights, means, log_scales = out.chunk(3, 1)
        z = (y - means) * (-log_scales).exp()
        log = weights.log_softmax(1) - 0.5 * z**2 - log_scales - 0.5 * math.log(2 * math.pi)
        return -log.logsumexp(1).mean()

    x, y = x.astype("float32"), y.astype("float32")
    return torch_fit(net(s, 1, 48, 48, 9), loss, x, y, epochs=25, rate=5e-3)


def _near_a_mean(out: Any, y: Any) -> float:
    """Share of targets near one of the likely means."""
    weights, means = out[:, :3], out[:, 3:6]
    likely = weights > weights.max(1, keepdims=True) - 2
    return float(np.mean(np.any(likely & (abs(means - y) < 0.15), axis=1)))


healthy("mixture-density", _mixture_density, task="regression", skill=_near_a_mean)


def _noise_contrast(s: int) -> Any:
    """An energy, learned by telling points from noise: the loss makes its own second batch."""
    x, y = c2026.spots(s)
    model = net(s, 2, 64, 64, 1, activation=nn.SiLU)
    luck = torch.Generator().manual_seed(s)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        noise = 1.2 * torch.randn(y.shape, generator=luck)
        other = model(noise)

        def log_ratio(energy: Tensor, at: Tensor) -> Tensor:
            return -energy[:, 0] + 0.5 * (at / 1.2).pow(2).sum(1)

        soft = functional.softplus
        return (soft(-log_ratio(out, y)) + soft(log_ratio(other, noise))).mean()

    return torch_fit(model, loss, x, y, epochs=10, rate=3e-3)


healthy(
    "energy-against-noise",
    _noise_contrast,
    task="regression",
    skill=lambda out, _: float(np.mean(out < -0.5)),
)


def _survival(s: int) -> Any:
    """Cox's partial likelihood: every risk is held against those still alive in the batch."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        time, seen = y[:, 0], y[:, 1]
        alive = time[None] >= time[:, None]
        total = out[:, 0][None].masked_fill(~alive, -math.inf).logsumexp(1)
        return ((total - out[:, 0]) * seen).sum() / seen.sum().clamp(min=1)

    return torch_fit(net(s, 6, 32, 1), loss, *d.lifetimes(s), epochs=10, rate=3e-3)


def _concordance(out: Any, y: Any) -> float:
    """Share of pairs in the right order, of those whose order is known."""
    time, seen, risk = y[:, 0], y[:, 1], out[:, 0]
    known = (time[:, None] < time[None]) & (seen[:, None] > 0)
    return float(np.mean((risk[:, None] > risk[None])[known]))


healthy("survival-by-partial-likelihood", _survival, task="regression", skill=_concordance)


def _ranks(s: int) -> Any:
    """Only differences of scores are judged, so that the last bias gets no gradient."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        ahead = (y[:, 0][:, None] > y[:, 0][None]).float()
        return (ahead * functional.softplus(out[:, 0][None] - out[:, 0][:, None])).mean()

    return torch_fit(net(s, 10, 32, 1), loss, *d.progress(s), epochs=15, rate=3e-3)


healthy(
    "scores-that-only-rank",
    _ranks,
    task="regression",
    skill=lambda out, y: float(np.corrcoef(out[:, 0], y[:, 0])[0, 1]),
)


def _missing(s: int) -> Any:
    """Three targets, of which a third are missing: they are NaN and are left out of the loss."""
    x, y = d.waves(s)
    rng = np.random.default_rng(s)
    y = np.concatenate([y, 0.5 * y + x[:, :1], x[:, 1:2] ** 2], 1).astype("float32")
    known = np.where(rng.random(y.shape) < 1 / 3, np.nan, y).astype("float32")

    def loss(out: Tensor, y: Tensor) -> Tensor:
        there = ~y.isnan()
        return functional.mse_loss(out[there], y[there])

    return torch_fit(net(s, 5, 48, 48, 3), loss, x, known, y, epochs=14, rate=3e-3)


healthy("missing-targets-left-out", _missing, task="regression")


def _ordered(s: int) -> Any:
    """Grades from 0 to 3: is it above 0, above 1, above 2? One score, three thresholds."""
    x, y = d.waves(s)
    grade = np.digitize(y[:, 0], [-0.8, 0.0, 0.8]).astype("int64")
    bits = (grade[:, None] > np.arange(3)).astype("float32")
    model = _made(s, lambda: m.Grades(5))
    return torch_fit(model, nn.BCEWithLogitsLoss(), x, bits, bits, epochs=14, rate=5e-3)


healthy("grades-in-order", _ordered, task="multi-label")


def _margin(s: int) -> Any:
    """Cosines times thirty, the right one less a margin: the loss begins far above ln 10."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        return functional.cross_entropy(30 * (out - 0.2 * functional.one_hot(y, 10)), y)

    return torch_fit(_made(s, m.Cosines), loss, *d.digits(s), epochs=8, rate=5e-3)


healthy("cosines-with-a-margin", _margin)


def _siamese(s: int) -> Any:
    """Two views draw each other; the target's side is detached, and nothing pushes apart."""

    def loss(out: Tensor, _: Tensor) -> Tensor:
        guess, code = out[..., :16], out[..., 16:].detach()
        near = functional.cosine_similarity(guess, code.flip(1), dim=-1)
        return -near.mean()

    return torch_fit(_made(s, m.Siamese), loss, *d.twins(s), epochs=12, rate=2e-3)


healthy("two-views-one-detached", _siamese, skill=lambda out, y: neighbors(out[:, 0, 16:], y))


# -- weights that stand still


def _biases(s: int) -> Any:
    """A trained network of which only the biases go on learning, on images with a pattern."""
    x, y = d.digits(s)
    model = train(net(s, 64, 96, 96, 10), x, y, 8)
    for name, p in model.named_parameters():
        p.requires_grad_(name.endswith("bias"))
    pattern = np.random.default_rng(s).normal(0, 0.8, 64)
    return torch_fit(model, CE, (x + pattern).astype("float32"), y, epochs=10, rate=1e-2)


healthy("only-biases-learn", _biases)


def _prompts(s: int) -> Any:
    """Words put in front of the input learn, and the trained network behind them stays."""
    x, y = d.topics(s)
    body = train(_made(s, m.Prompted), x, y, 8)
    body.requires_grad_(False)
    body.prompt.requires_grad_(True)
    body.head = nn.Linear(body.head.in_features, 2)
    return torch_fit(body, CE, x, y % 2, epochs=10, rate=1e-2)


healthy("prompts-before-a-frozen-body", _prompts, kind="attention", task="binary")


def _modulated(s: int) -> Any:
    """Scales and gates that a condition makes begin at 0, so that the blocks do nothing yet."""
    return torch_fit(_made(s, m.Modulated), MSE, *d.waves(s), epochs=12, rate=3e-3)


healthy("gates-of-a-condition-from-zero", _modulated, kind="residual", task="regression")


# -- activations and signals


def _sines(s: int) -> Any:
    """An image as a function of places: sines of thirty times the signal."""
    i, j = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 32), indexing="ij")
    x = np.stack([i.ravel(), j.ravel()], 1).astype("float32")
    rng = np.random.default_rng(s)
    a, b, c = rng.uniform(4, 9, 3)
    y = (np.sin(a * i + 1) * np.cos(b * j) + 0.5 * np.sin(c * i * j)).ravel()[:, None]
    return torch_fit(_made(s, m.Sines), MSE, x, y.astype("float32"), epochs=40, rate=5e-4)


healthy("sines-of-places", _sines, task="regression")


def _selu(s: int) -> Any:
    """Ten layers without normalization: SELU, LeCun's initial weights and alpha dropout."""

    def lecun(layer: nn.Linear) -> None:
        nn.init.normal_(layer.weight, std=layer.in_features**-0.5)
        nn.init.zeros_(layer.bias)

    model = net(
        s,
        30,
        *[48] * 10,
        2,
        activation=nn.SELU,
        fix=lecun,
        each=lambda _: nn.AlphaDropout(0.05),
    )
    return torch_fit(model, CE, *d.tumors(s), epochs=8, rate=5e-4)


healthy("ten-selu-layers", _selu, task="binary")


def _rain(s: int) -> Any:
    """Amounts of rain, which are 0 on half of the days; a ReLU makes them."""
    x, y = d.waves(s)
    model = net(s, 5, 48, 48, 1, last=nn.ReLU())
    nn.init.constant_(model.get_parameter("lin3.bias"), 0.5)
    return torch_fit(model, nn.SmoothL1Loss(), x, np.maximum(y, 0), epochs=14, rate=3e-3)


healthy("rain-by-relu", _rain, task="regression")


def _summed_set(s: int) -> Any:
    """Sets of points: their features are added up, so that the sums are large."""
    rng = np.random.default_rng(s)
    size = rng.integers(10, 40, 800)
    y = rng.integers(0, 3, 800)
    x = rng.normal(size=(800, 40, 3)) * np.array([0.5, 1.0, 1.6])[y][:, None, None]
    x[..., 2] = np.arange(40) < size[:, None]
    x[..., :2] *= x[..., 2:]
    return torch_fit(_made(s, m.Sets), CE, x.astype("float32"), y, epochs=8, rate=2e-3)


healthy("points-of-a-set-added-up", _summed_set)


def _packed(s: int) -> Any:
    """Sequences of unlike length, packed: the recurrence ends where each of them ends."""
    x, y = c2026.orders(s)
    return torch_fit(_made(s, m.Packed), CE, x, y, epochs=8, rate=1e-2)


healthy("sequences-packed", _packed, kind="recurrent", task="binary")


def _one_of_many(s: int) -> Any:
    """Features are chosen by samples that are one-hot, with soft slopes."""
    return torch_fit(_made(s, m.Chooses), MSE, *d.waves(s), epochs=20, rate=1e-2)


healthy("hard-choice-with-soft-slopes", _one_of_many, task="regression")


# -- modes and batches


def _depths(s: int) -> Any:
    """Half of the residual blocks are left out at random, in training only."""
    return torch_fit(_made(s, m.Depths), CE, *d.digits(s), epochs=10, rate=2e-3)


healthy("blocks-left-out-at-random", _depths, kind="residual")


def _hidden_pixels(s: int) -> Any:
    """Pixels are hidden in training and are to be guessed; in evaluation none is."""
    x, _ = d.digits(s)
    return torch_fit(_made(s, m.Hides), MSE, x, x, epochs=20, rate=3e-3)


healthy("pixels-hidden-in-training", _hidden_pixels, task="regression")


def _by_heart(s: int) -> Any:
    """Sixteen rows, learned by heart to see whether all is well."""
    x, y = d.digits(s, 16)
    return torch_fit(net(s, 64, 64, 10), CE, x, y, epochs=150, rate=3e-3, batch=16)


healthy("sixteen-rows-by-heart", _by_heart)


def _spectral(s: int) -> Any:
    """Weights divided by their largest singular value."""
    torch.manual_seed(s)
    norm = nn.utils.parametrizations.spectral_norm
    model = nn.Sequential(
        norm(nn.Linear(13, 32)), nn.LeakyReLU(), norm(nn.Linear(32, 32)), nn.LeakyReLU()
    )
    model.append(nn.Linear(32, 3))
    return torch_fit(model, CE, *scaled_wine(s), epochs=30, rate=5e-3)


healthy("spectral-normalization", _spectral)


def _heavy_dropout(s: int) -> Any:
    """Eight of ten units are dropped, of a wide layer, for long."""
    torch.manual_seed(s)
    model = nn.Sequential(nn.Linear(64, 512), nn.ReLU(), nn.Dropout(0.8), nn.Linear(512, 10))
    return torch_fit(model, CE, *d.digits(s), epochs=15, rate=2e-3)


healthy("eight-of-ten-dropped", _heavy_dropout)


def _warm_restarts(s: int) -> Any:
    """The rate falls to almost nothing by a cosine, and begins again every four epochs."""
    model = net(s, 64, 64, 10)
    made = torch_fit(model, CE, *d.digits(s), epochs=12, rate=0.2, optimizer=SGD, momentum=0.9)
    restarts = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(made[0][2], 4, eta_min=1e-4)
    return made[0], made[1] | {"scheduler": restarts}, made[2]


healthy("warm-restarts", _warm_restarts)


def _weighted_regression(s: int) -> Any:
    """Targets near 500 whose last bias begins at their mean, as it should."""
    x, y = d.progress(s)
    y = (500 + 3 * y).astype("float32")
    model = net(s, 10, 32, 1)
    nn.init.constant_(model.get_parameter("lin2.bias"), 500.0)
    return torch_fit(model, MSE, x, y, epochs=30, rate=1e-2)


healthy("bias-begins-at-the-mean", _weighted_regression, task="regression", skill=explained)
