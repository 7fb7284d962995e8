"""PyTorch trainings of 2026e in loops of their own, which are watched: faulty ones, with twins."""

from __future__ import annotations

import copy
import functools
from typing import Any

import torch
from torch import Tensor, nn

from corpus.data import c2026, e2026
from corpus.pairs import Loop, Made
from corpus.pairs import pair as pair_of
from corpus.torch.c2026_loops import loop
from corpus.torch.c2026_models import net
from corpus.torch.models import loader
from corpus.torch.rivals import Rivals, drawing, meets

d = e2026
pair = functools.partial(pair_of, "pytorch", of="2026e")
cross_entropy, mse = nn.functional.cross_entropy, nn.functional.mse_loss
SLOW = ("learning-rate-too-low", "update-ratio", "loss-not-falling")


# -- steps that come to nothing


def _clips_scaled(s: int, b: bool) -> Made:
    """Gradients are clipped while they are still scaled up for half precision."""
    model = net(s, 64, 48, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=65536.0)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        scaler.scale(cross_entropy(model(x), y)).backward()
        if not b:
            scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()

    return loop(model, step, *d.digits(s), epochs=8)


pair(SLOW, "clipped-before-unscaled", _clips_scaled)


def _cleared_between(s: int, b: bool) -> Made:
    """Gradients are to be gathered over sixteen batches, but each clears those before it."""
    model = net(s, 64, 48, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.4)

    def step(i: int, x: Tensor, y: Tensor) -> None:
        if b or i % 16 == 0:
            optimizer.zero_grad()
        (cross_entropy(model(x), y) / 16).backward()
        if i % 16 == 15:
            optimizer.step()

    return loop(model, step, *d.digits(s), epochs=50)


# It learns at a sixteenth of the rate that was meant.
pair(SLOW, "cleared-between-gathered-batches", _cleared_between)


def _wrong_way(s: int, b: bool) -> Made:
    """The scheduler waits for the loss to rise, and lowers the rate where it falls."""
    model = net(s, 5, 48, 48, 1)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    mode = "max" if b else "min"
    falls = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode, 0.1, patience=1)
    recent: list[float] = []

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        value = mse(model(x), y)
        value.backward()
        optimizer.step()
        recent.append(value.item())
        if len(recent) == 32:
            falls.step(sum(recent) / 32)
            recent.clear()

    return loop(model, step, *d.waves(s), epochs=14)


pair(SLOW, "plateau-waits-for-the-loss-to-rise", _wrong_way, task="regression")


def _rebound(s: int, b: bool) -> Made:
    """Own gradient descent that binds a new tensor to a name, and leaves the weights."""
    model = net(s, 13, 24, 3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        model.zero_grad()
        cross_entropy(model(x), y).backward()
        with torch.no_grad():
            for p in model.parameters():
                if b:
                    p = p - 0.1 * p.grad
                else:
                    p -= 0.1 * p.grad

    x, y = d.wine(s)
    return loop(model, step, ((x - x.mean(0)) / x.std(0)).astype("float32"), y, epochs=20)


pair(("unreached-layer", *SLOW), "own-descent-binds-a-name", _rebound)


# -- what is learned is lost again


def _loaded(s: int, b: bool) -> Made:
    """The weights kept at the beginning are loaded before each epoch."""
    model = net(s, 64, 48, 10)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    kept = copy.deepcopy(model.state_dict())

    def step(i: int, x: Tensor, y: Tensor) -> None:
        if b and i % 29 == 28:
            model.load_state_dict(kept)
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    return loop(model, step, *d.digits(s), epochs=6)


pair(("regressed", "loss-not-falling"), "first-weights-loaded-each-epoch", _loaded)


def _cycle(s: int, b: bool) -> Made:
    """A cyclical rate whose upper end was taken for a factor."""
    model = net(s, 64, 48, 48, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.01, 0.9)
    cycle = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.01, 8.0 if b else 0.1, 40)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        cycle.step()

    return loop(model, step, *d.digits(s), epochs=8)


pair(
    ("learning-rate-too-high", "regressed", "dead-units", "exploding-gradient", "non-finite"),
    "cycle-up-to-eight",
    _cycle,
)


# -- data


def _zipped(s: int, b: bool) -> Made:
    """Inputs and labels come from two loaders, each of which shuffles for itself."""
    x, y = d.digits(s)
    model = net(s, 64, 48, 10)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    inputs, labels = loader(x, y, seed=s), loader(x, y, seed=s + 1 if b else s)

    def train(watch: Any) -> None:
        with watch(model):
            for _ in range(6):
                for (a, _), (_, target) in zip(inputs, labels, strict=True):
                    optimizer.zero_grad()
                    cross_entropy(model(a), target).backward()
                    optimizer.step()

    def outputs() -> Any:
        with torch.no_grad():
            return model(torch.tensor(x)).numpy()

    return Loop(model, train, outputs), {}, y


pair("loss-not-falling", "two-loaders-zipped", _zipped)


def _two_domains(s: int, b: bool) -> Made:
    """Clean and darkened images go through batch normalization in turns, in training only."""
    torch.manual_seed(s)
    model = nn.Sequential(
        nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Linear(48, 32), nn.ReLU()
    )
    model.append(nn.Linear(32, 10))
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        value = cross_entropy(model(x), y)
        if b:
            value = value + cross_entropy(model(40 * x + 30), y)
        value.backward()
        optimizer.step()

    return loop(model, step, *d.digits(s), epochs=6)


pair("train-eval-gap", "statistics-of-two-domains", _two_domains)


# -- two optimizers


def _rivals(s: int, fault: str = "") -> Made:
    torch.manual_seed(s)
    model, soft = Rivals(), nn.functional.softplus
    of_generator = torch.optim.Adam(model.generator.parameters(), 1e-3, (0.0, 0.9))
    of_critic = torch.optim.Adam(model.critic.parameters(), 3e-3, (0.0, 0.9))
    noise = torch.Generator().manual_seed(s)

    def step(_: int, x: Tensor, __: Tensor) -> None:
        z = torch.randn(len(x), 2, generator=noise)
        (of_generator if fault == "uncleared" else of_critic).zero_grad()
        fake = model.generator(z)
        made = fake if fault == "frozen" else fake.detach()
        (soft(-model.critic(x)).mean() + soft(model.critic(made)).mean()).backward()
        of_critic.step()
        of_generator.zero_grad()
        fake = model.generator(z)
        judged = model.critic(fake.detach() if fault == "detached" else fake)
        soft(-judged).mean().backward()
        of_generator.step()

    if fault == "frozen":
        model.critic.requires_grad_(False)
    return loop(model, step, *c2026.spots(s), epochs=20, score=drawing(model, noise))


def _never_thawed(s: int, b: bool) -> Made:
    """The critic was frozen for a look at the generator, and never thawed."""
    return _rivals(s, "frozen" if b else "")


def _detached(s: int, b: bool) -> Made:
    """Points are detached in the generator's own step too."""
    return _rivals(s, "detached" if b else "")


def _wrong_cleared(s: int, b: bool) -> Made:
    """The critic's gradients are never cleared: the other optimizer's are, twice."""
    return _rivals(s, "uncleared" if b else "")


rivals = functools.partial(pair, task="regression", skill=meets)
rivals("unreached-layer", "critic-never-thawed", _never_thawed, ("critic.0", "critic.2"))
rivals("unreached-layer", "generator-detached", _detached, ("generator.0", "generator.2"))
rivals("stale-gradients", "wrong-optimizer-cleared", _wrong_cleared)
