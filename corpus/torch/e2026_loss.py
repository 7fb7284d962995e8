"""PyTorch trainings of 2026e: losses and targets that do not fit, each beside its mended twin."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import e2026 as d
from corpus.pairs import pair as pair_of
from corpus.skills import neighbors
from corpus.torch import e2026_models as m
from corpus.torch.c2026_models import net
from corpus.torch.fits import torch_fit

pair = functools.partial(pair_of, "pytorch", of="2026e")
CE, MSE, SGD, MISMATCH = nn.CrossEntropyLoss(), nn.MSELoss(), torch.optim.SGD, "loss-mismatch"


def _made(s: int, build: Any) -> Any:
    torch.manual_seed(s)
    return build()


# -- outputs laid beside the wrong targets


def _pixels_viewed(s: int, b: bool) -> Any:
    """Class scores (n, c, h, w) are viewed as (-1, c), which takes neighbors for classes."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        flat = out.reshape(-1, 3) if b else out.permute(0, 2, 3, 1).reshape(-1, 3)
        return functional.cross_entropy(flat, y.reshape(-1))

    model = _made(s, lambda: m.Segments(3))
    return torch_fit(model, loss, *d.cells(s), epochs=6, rate=1e-2)


def _pixels_right(out: Any, y: Any) -> float:
    """Mean over classes of the share of its pixels that are found."""
    found = out.argmax(1)
    return float(np.mean([np.mean(found[y == k] == k) for k in range(3)]))


pair(
    (MISMATCH, "loss-not-falling"),
    "pixels-viewed-not-permuted",
    _pixels_viewed,
    kind="convolution",
    skill=_pixels_right,
)


def _tags_viewed(s: int, b: bool) -> Any:
    """Scores (n, steps, tags) are viewed as (n, tags, steps) for the loss, not transposed."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        n, steps, tags = out.shape
        return functional.cross_entropy(
            out.reshape(n, tags, steps) if b else out.transpose(1, 2), y
        )

    return torch_fit(_made(s, m.Tagger), loss, *d.tags(s), epochs=8, rate=1e-2)


def _tags_right(out: Any, y: Any) -> float:
    return float(np.mean(out.argmax(-1) == y))


pair(
    (MISMATCH, "loss-not-falling"),
    "tags-viewed-not-transposed",
    _tags_viewed,
    kind="recurrent",
    skill=_tags_right,
)


def _class_numbers(s: int, b: bool) -> Any:
    """Squares of probabilities against class numbers: (n, 10) against (n, 1) broadcasts."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        target = y[:, None].float() if b else functional.one_hot(y, 10).float()
        return ((out.softmax(1) - target) ** 2).mean()

    return torch_fit(net(s, 64, 48, 10), loss, *d.digits(s), epochs=8, rate=5e-3)


pair((MISMATCH, "loss-not-falling"), "squares-against-class-numbers", _class_numbers)


def _flat_rewards(s: int, b: bool) -> Any:
    """Values of the actions taken, (n, 1), against rewards, (n,): every one against every one."""
    x, value = d.waves(s)
    rng = np.random.default_rng(s)
    action = rng.integers(0, 3, len(x))
    reward = value[:, 0] * np.array([1.0, -1.0, 0.3])[action] + action
    y = np.stack([action, reward], 1).astype("float32")

    def loss(out: Tensor, y: Tensor) -> Tensor:
        taken = out.gather(1, y[:, :1].long())
        reward = y[:, 1]
        return functional.smooth_l1_loss(taken, reward if b else reward[:, None])

    return torch_fit(net(s, 5, 48, 48, 3), loss, x, y, epochs=10, rate=3e-3)


def _rewards_met(out: Any, y: Any) -> float:
    taken = out[np.arange(len(y)), y[:, 0].astype(int)]
    return float(1 - np.mean((taken - y[:, 1]) ** 2) / np.var(y[:, 1]))


pair(
    (MISMATCH, "loss-not-falling"),
    "values-against-flat-rewards",
    _flat_rewards,
    task="regression",
    skill=_rewards_met,
)


# -- outputs that the loss does not expect


def _raw_dice(s: int, b: bool) -> Any:
    """Soft Dice of logits: without a sigmoid it has no bound."""
    x, y = d.cells(s, classes=2)
    y = y[:, None].astype("float32")

    def loss(out: Tensor, y: Tensor) -> Tensor:
        p = out if b else out.sigmoid()
        both, either = (p * y).sum((1, 2, 3)), (p + y).sum((1, 2, 3))
        return 1 - ((2 * both + 1) / (either + 1)).mean()

    return torch_fit(_made(s, lambda: m.Segments(1)), loss, x, y, epochs=8, rate=3e-3)


def _overlap(out: Any, y: Any) -> float:
    """Dice of what is above the threshold."""
    found, real = out > 0, y > 0
    return float(2 * np.sum(found & real) / (np.sum(found) + np.sum(real)))


pair(
    (MISMATCH, "loss-not-falling", "exploding-gradient", "learning-rate-too-high"),
    "dice-of-logits",
    _raw_dice,
    kind="convolution",
    task="multi-label",
    skill=_overlap,
)


def _bytes_mask(s: int, b: bool) -> Any:
    """Masks read from files have 0 and 255; the loss falls far below 0."""
    x, y = d.cells(s, classes=2)
    y = y[:, None].astype("float32")
    model = _made(s, lambda: m.Segments(1))
    target = 255 * y if b else y
    return torch_fit(model, nn.BCEWithLogitsLoss(), x, target, y, epochs=10, rate=1e-2)


pair(
    MISMATCH,
    "masks-of-255",
    _bytes_mask,
    kind="convolution",
    task="multi-label",
    skill=_overlap,
)


def _kl_of_probabilities(s: int, b: bool) -> Any:
    """`kl_div` wants log probabilities; probabilities make it a loss that falls to nowhere."""
    x, y = d.topics(s)
    soft = (np.eye(4)[y] * 0.9 + 0.025).astype("float32")

    def loss(out: Tensor, y: Tensor) -> Tensor:
        given = out.softmax(1) if b else out.log_softmax(1)
        return functional.kl_div(given, y, reduction="batchmean")

    model = _made(s, lambda: m.Bag(60, 4))
    return torch_fit(model, loss, x, soft, y, epochs=6, rate=0.03, optimizer=SGD, momentum=0.9)


# Its slope is that of the expected probability: it learns, but slowly and to another end.
pair(MISMATCH, "kl-of-probabilities", _kl_of_probabilities)


def _poisson_twice(s: int, b: bool) -> Any:
    """The network's end makes rates; the loss takes them for logarithms, as is its default."""
    model = net(s, 6, 48, 1, last=nn.Softplus())
    loss = nn.PoissonNLLLoss(log_input=b)
    return torch_fit(model, loss, *d.visits(s), epochs=10, rate=3e-3)


pair(MISMATCH, "poisson-rates-as-logarithms", _poisson_twice, task="regression")


def _tanh_for_bytes(s: int, b: bool) -> Any:
    """An autoencoder of pixels up to 255 that ends in a tanh."""
    x, _ = d.digits(s)
    y = (x * 255).astype("float32") if b else 2 * x - 1
    return torch_fit(net(s, 64, 32, 64, last=nn.Tanh()), MSE, x, y, epochs=10, rate=5e-3)


pair((MISMATCH, "saturated-units"), "tanh-for-bytes", _tanh_for_bytes, task="regression")


def _relu_scores(s: int, b: bool) -> Any:
    """A ReLU in front of cross-entropy: scores below 0 do not exist, and nor does their slope."""
    model = net(s, 64, 64, 32, 10, last=nn.ReLU() if b else None)
    return torch_fit(model, CE, *d.digits(s), epochs=10, rate=0.1, optimizer=SGD, momentum=0.9)


pair((MISMATCH, "dead-units"), "relu-on-scores", _relu_scores, ("lin3", "last"))


def _negative_variance(s: int, b: bool) -> Any:
    """The variance is a bare output, clamped to be positive; right: a softplus of it."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        mean, spread = out[:, :1], out[:, 1:]
        variance = spread.clamp(min=1e-6) if b else functional.softplus(spread) + 1e-3
        return (0.5 * variance.log() + 0.5 * (y - mean) ** 2 / variance).mean()

    return torch_fit(net(s, 5, 48, 48, 2), loss, *d.waves(s), epochs=10, rate=3e-3)


def _first_column(out: Any, y: Any) -> float:
    return 1 - float(np.mean((out[:, :1] - y) ** 2) / np.var(y))


pair(
    (MISMATCH, "exploding-gradient", "learning-rate-too-high", "loss-not-falling"),
    "variance-clamped-to-be-positive",
    _negative_variance,
    task="regression",
    skill=_first_column,
)


def _raw_ctc(s: int, b: bool) -> Any:
    """CTC of raw scores: its loss falls without an end below 0."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        given = out if b else out.log_softmax(-1)
        steps = torch.full((len(y),), out.shape[1])
        return functional.ctc_loss(given.transpose(0, 1), y, steps, torch.full((len(y),), 2))

    return torch_fit(_made(s, lambda: m.Frames(4, 4)), loss, *d.spoken(s), epochs=12, rate=1e-2)


def _spelled(out: Any, y: Any) -> float:
    """Share of rows whose best path is the target."""

    def collapsed(path: Any) -> list[int]:
        return [int(k) for i, k in enumerate(path) if k and (i == 0 or k != path[i - 1])]

    return float(np.mean([collapsed(p) == list(t) for p, t in zip(out.argmax(-1), y, strict=True)]))


pair(
    (MISMATCH, "exploding-gradient"),
    "ctc-of-raw-scores",
    _raw_ctc,
    kind="recurrent",
    skill=_spelled,
)


# -- parts of a loss


def _summed_divergence(s: int, b: bool) -> Any:
    """The divergence is summed over everything, the reconstruction is averaged."""
    x, _ = d.digits(s)
    model = _made(s, lambda: m.Variational(64, 6))

    def loss(out: Tensor, y: Tensor) -> Tensor:
        reconstruction, mean, log_var = out[:, :64], out[:, 64:70], out[:, 70:]
        divergence = -0.5 * (1 + log_var - mean**2 - log_var.exp())
        if b:
            return functional.mse_loss(reconstruction, y) + divergence.sum()
        return functional.mse_loss(reconstruction, y) + 0.1 * divergence.mean() / 64

    return torch_fit(model, loss, x, x, epochs=14, rate=5e-3)


def _redrawn(out: Any, y: Any) -> float:
    return float(1 - np.mean((out[:, :64] - y) ** 2) / np.mean((y - y.mean(0)) ** 2))


pair(
    ("signal-collapse", MISMATCH, "loss-not-falling", "vanishing-gradient"),
    "divergence-summed-rest-averaged",
    _summed_divergence,
    task="regression",
    skill=_redrawn,
)


def _full_penalty(s: int, b: bool) -> Any:
    """A penalty on all weights whose factor was forgotten."""
    model = net(s, 30, 32, 2)

    def loss(out: Tensor, y: Tensor) -> Tensor:
        penalty = torch.stack([p.pow(2).sum() for p in model.parameters()]).sum()
        return functional.cross_entropy(out, y) + (1.0 if b else 1e-4) * penalty

    return torch_fit(model, loss, *d.tumors(s), epochs=14, rate=5e-3)


def _surely(out: Any, y: Any) -> float:
    """Share of rows whose class is found with scores that differ."""
    return float(np.mean((out.argmax(1) == y) & (np.ptp(out, axis=1) > 0.2)))


pair(
    ("loss-not-falling", "signal-collapse", "vanishing-gradient", "regressed", "dead-units"),
    "penalty-without-its-factor",
    _full_penalty,
    task="binary",
    skill=_surely,
)


def _chosen(s: int, b: bool) -> Any:
    """The error of the class that was chosen: what `argmax` gives has no slope."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        if b:
            error = (out.argmax(1) != y).float().mean()
            return error.requires_grad_()
        return functional.cross_entropy(out, y)

    return torch_fit(net(s, 13, 32, 3), loss, *_wine(s), epochs=20, rate=1e-2)


def _wine(s: int) -> Any:
    x, y = d.wine(s)
    return ((x - x.mean(0)) / x.std(0)).astype("float32"), y


pair(("unreached-layer", "loss-not-falling", MISMATCH), "error-of-the-chosen-class", _chosen)


def _angle(s: int, b: bool) -> Any:
    """An angle by arccos, whose slope is infinite where two directions are the same."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        z = functional.normalize(out, dim=1)
        cosine = (z @ z.T).clamp(-1 if b else -0.999, 1 if b else 0.999)
        same = (y[:, None] == y[None]).float()
        return ((cosine.acos() / math.pi - (1 - same)) ** 2).mean()

    return torch_fit(net(s, 64, 48, 8), loss, *d.digits(s), epochs=8, rate=5e-3)


def _near(out: Any, y: Any) -> float:
    return neighbors(np.nan_to_num(out), y)


pair(("non-finite", "exploding-gradient"), "arccos-of-one", _angle, skill=_near)


def _mined(s: int, b: bool) -> Any:
    """Triplets whose positive is the anchor itself: the nearest of its class, itself included."""

    def loss(out: Tensor, y: Tensor) -> Tensor:
        distance = torch.cdist(out, out)
        same = y[:, None] == y[None]
        own = torch.eye(len(y), dtype=torch.bool)
        if b:
            near = distance.masked_fill(~same, math.inf).amin(1)
        else:
            near = distance.masked_fill(~same | own, 0).amax(1)
        far = distance.masked_fill(same, math.inf).amin(1)
        return torch.relu((far if b else near) - (near if b else far) + 0.5).mean()

    return torch_fit(net(s, 64, 48, 8), loss, *d.digits(s), epochs=8, rate=3e-3)


# Anchor and negative changed places too, so that everything is drawn to one point.
pair(
    ("signal-collapse", "loss-not-falling", MISMATCH),
    "triplets-mined-the-wrong-way",
    _mined,
    skill=neighbors,
)
