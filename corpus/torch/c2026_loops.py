"""PyTorch trainings of 2026c in loops of their own, which are watched: faulty and healthy ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from corpus.data import c2026 as d
from corpus.pairs import Loop, Made
from corpus.pairs import pair as pair_of
from corpus.torch import c2026_models as m
from corpus.torch.models import loader
from corpus.torch.rivals import Rivals, drawing, meets

pair = functools.partial(pair_of, "pytorch", of="2026c")
cross_entropy = nn.functional.cross_entropy
Step = Callable[[int, Tensor, Tensor], None]


def loop(model: Any, step: Step, x: Any, y: Any, epochs: int = 6, score: Any = None) -> Made:
    """`step(i, x, y)` for every batch; outputs in evaluation mode, of `score` or of the model."""
    data = loader(x, y)

    def train(watch: Any) -> None:
        with watch(model):
            i = 0
            for _ in range(epochs):
                for a, b in data:
                    step(i, a, b)
                    i += 1

    def outputs() -> Any:
        with torch.no_grad():
            model.eval()
            return (score or model)(torch.tensor(x)).numpy()

    return Loop(model, train, outputs), {}, y


def _sgd(model: nn.Module, rate: float = 0.05, momentum: float = 0.9) -> torch.optim.SGD:
    return torch.optim.SGD(model.parameters(), rate, momentum)


def _never_cleared(s: int, b: bool) -> Made:
    model = m.net(s, 10, 32, 32, 4)
    optimizer = _sgd(model, 0.02)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        if not b:
            optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    return loop(model, step, *d.sensors(s), epochs=10)


pair(
    ("stale-gradients", "learning-rate-too-high", "exploding-gradient"),
    "no-zero-grad",
    _never_cleared,
)


def _cleared_once(s: int, b: bool) -> Made:
    x, y = d.yields(s)
    model = m.net(s, 6, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)

    def step(i: int, x: Tensor, y: Tensor) -> None:
        if not b or i % 40 == 0:  # once an epoch, not once a batch
            optimizer.zero_grad()
        nn.functional.mse_loss(model(x), y).backward()
        optimizer.step()

    return loop(model, step, x, y)


pair(
    ("stale-gradients", "learning-rate-too-high", "exploding-gradient"),
    "zero-grad-once-an-epoch",
    _cleared_once,
    task="regression",
)


def _cleared_too_early(s: int, b: bool) -> Made:
    model = m.net(s, 24, 32, 6)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        cross_entropy(model(x), y).backward()
        if b:
            optimizer.zero_grad()
        optimizer.step()
        optimizer.zero_grad()

    return loop(model, step, *d.groups(s))


pair(
    ("unreached-layer", "update-ratio", "learning-rate-too-low", "loss-not-falling"),
    "zero-grad-before-step",
    _cleared_too_early,
)


def _per_batch(s: int, b: bool) -> Made:
    model = m.net(s, 10, 48, 48, 4)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1 if b else 38, 0.7)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        scheduler.step()

    return loop(model, step, *d.sensors(s), epochs=8)


pair(("learning-rate-too-low", "update-ratio"), "schedule-stepped-per-batch", _per_batch)


def _one_cycle(s: int, b: bool) -> Made:
    model = m.net(s, 10, 48, 48, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.05, 0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 0.05, total_steps=8 * 38, div_factor=1e4, cycle_momentum=False
    )

    def step(i: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        if not b or i % 38 == 37:  # once an epoch, though its length is in batches
            cycle.step()

    return loop(model, step, *d.sensors(s), epochs=8)


pair(("learning-rate-too-low", "update-ratio"), "one-cycle-stepped-per-epoch", _one_cycle)


def _growing(s: int, b: bool) -> Made:
    model = m.net(s, 24, 48, 48, 6)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    grows = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: 1.03**i if b else 0.999**i)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        grows.step()

    return loop(model, step, *d.groups(s), epochs=8)


pair(("regressed", "learning-rate-too-high", "dead-units"), "rate-grows-for-ever", _growing)


def _clipped(s: int, b: bool) -> Made:
    model = m.net(s, 10, 32, 32, 4)
    optimizer = _sgd(model, 0.1, 0.0)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-3 if b else 1.0)
        optimizer.step()

    return loop(model, step, *d.sensors(s), epochs=12)


pair(("learning-rate-too-low", "update-ratio", "loss-not-falling"), "clipped-to-nothing", _clipped)


def _divided(s: int, b: bool) -> Made:
    model = m.net(s, 10, 32, 32, 4)
    optimizer = _sgd(model, 0.05)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        (cross_entropy(model(x), y) / (512 if b else 1)).backward()
        optimizer.step()
        optimizer.zero_grad()

    return loop(model, step, *d.sensors(s), epochs=8)


pair(
    ("learning-rate-too-low", "update-ratio", "loss-not-falling"),
    "loss-divided-but-not-accumulated",
    _divided,
)


# -- healthy


def _accumulates(s: int, _: bool) -> Made:
    model = m.net(s, 10, 48, 48, 4)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)

    def step(i: int, x: Tensor, y: Tensor) -> None:
        (cross_entropy(model(x), y) / 4).backward()
        if i % 4 == 3:
            optimizer.step()
            optimizer.zero_grad()

    return loop(model, step, *d.sensors(s), epochs=16)


pair(None, "accumulates-over-four", _accumulates)


def _clips(s: int, _: bool) -> Made:
    torch.manual_seed(s)
    model = m.Recur(0.95)
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.2)
        optimizer.step()

    return loop(model, step, *d.early(s), epochs=8)


pair(None, "clipped-recurrence", _clips, kind="recurrent", task="binary")


def _gan(s: int, _: bool) -> Made:
    torch.manual_seed(s)
    model = Rivals()
    of_generator = torch.optim.Adam(model.generator.parameters(), 2e-3, (0.5, 0.9))
    of_critic = torch.optim.Adam(model.critic.parameters(), 2e-3, (0.5, 0.9))
    soft = nn.functional.softplus
    noise = torch.Generator().manual_seed(s)

    def step(_: int, x: Tensor, __: Tensor) -> None:
        z = torch.randn(len(x), 2, generator=noise)
        of_critic.zero_grad()
        fake = model.generator(z).detach()
        (soft(-model.critic(x)).mean() + soft(model.critic(fake)).mean()).backward()
        of_critic.step()
        of_generator.zero_grad()
        soft(-model.critic(model.generator(z))).mean().backward()
        of_generator.step()

    return loop(model, step, *d.spots(s), epochs=20, score=drawing(model, noise))


pair(None, "two-rivals", _gan, task="regression", skill=meets)


def _bandit(s: int, _: bool) -> Made:
    model = m.net(s, 24, 48, 6)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    luck = torch.Generator().manual_seed(s)
    baseline = torch.zeros(())

    def step(_: int, x: Tensor, y: Tensor) -> None:
        log = torch.log_softmax(model(x), 1)
        action = torch.multinomial(log.exp(), 1, generator=luck)
        reward = (action[:, 0] == y).float()
        optimizer.zero_grad()
        (-(reward - baseline) * log.gather(1, action)[:, 0]).mean().backward()
        optimizer.step()
        baseline.mul_(0.9).add_(0.1 * reward.mean())

    return loop(model, step, *d.groups(s), epochs=14)


pair(None, "rewards-for-actions", _bandit)


def _checked(s: int, _: bool) -> Made:
    torch.manual_seed(s)
    model = nn.Sequential(
        nn.Linear(10, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.3), nn.Linear(48, 4)
    )
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)

    def step(i: int, x: Tensor, y: Tensor) -> None:
        if i % 20 == 19:  # a look at the held-out rows, as it should be done
            model.eval()
            with torch.no_grad():
                model(x)
            model.train()
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    return loop(model, step, *d.sensors(s), epochs=8)


pair(None, "validation-between", _checked)


def _warm(s: int, _: bool) -> Made:
    model = m.net(s, 10, 48, 48, 4)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    rises = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, 10.0 ** (i / 40 - 4)))

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        rises.step()

    return loop(model, step, *d.sensors(s), epochs=14)


pair(None, "warm-up-of-four-decades", _warm)
