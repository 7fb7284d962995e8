"""PyTorch trainings of 2026e in loops of their own that are healthy and resemble faults."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from corpus.data import c2026, e2026
from corpus.pairs import pair as pair_of
from corpus.torch.c2026_loops import loop
from corpus.torch.c2026_models import net
from corpus.torch.e2026_wiring import scaled_wine
from corpus.torch.models import train
from corpus.torch.rivals import Rivals, drawing, meets

d = e2026
cross_entropy, mse = functional.cross_entropy, functional.mse_loss


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair_of("pytorch", None, name, lambda s, _: make(s), of="2026e", **o)


class _Taught(nn.Module):
    """A student, and a teacher that is the moving average of it and gets no gradient."""

    def __init__(self, student: nn.Module):
        super().__init__()
        self.student = student
        self.teacher = copy.deepcopy(student).requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        return self.student(x)

    @torch.no_grad()
    def follow(self, keep: float) -> None:
        for own, other in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            own.mul_(keep).add_(other, alpha=1 - keep)


def _moving_average(s: int) -> Any:
    """A fifth of the rows have labels; on all of them the student follows the teacher."""
    x, y = d.digits(s)
    known = np.random.default_rng(s).random(len(y)) < 0.2
    both = np.stack([y, known], 1)
    model = _Taught(net(s, 64, 64, 10))
    optimizer = torch.optim.Adam(model.student.parameters(), 3e-3)
    luck = torch.Generator().manual_seed(s)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        noisy = x + 0.1 * torch.randn(x.shape, generator=luck)
        out, known = model(noisy), y[:, 1] == 1
        with torch.no_grad():
            wanted = model.teacher(x).softmax(1)
        value = mse(out.softmax(1), wanted)
        if known.any():
            value = value + cross_entropy(out[known], y[known, 0])
        value.backward()
        optimizer.step()
        model.follow(0.97)

    return loop(model, step, x, both, epochs=10)


healthy(
    "teacher-by-moving-average",
    _moving_average,
    skill=lambda out, y: float(np.mean(out.argmax(1) == y[:, 0])),
)


def _values(s: int) -> Any:
    """Values of a chain of twelve states: targets come of an older copy, without a gradient."""
    rng = np.random.default_rng(s)
    state = rng.integers(0, 12, 1500)
    x = np.eye(12, dtype="float32")[np.stack([state, np.minimum(state + 1, 11)], 1)]
    model = _Taught(net(s, 12, 32, 1))
    optimizer = torch.optim.Adam(model.student.parameters(), 3e-3)

    def step(i: int, x: Tensor, _: Tensor) -> None:
        here, there = x[:, 0], x[:, 1]
        with torch.no_grad():
            target = there[:, 11:] + 0.8 * model.teacher(there) * (1 - there[:, 11:])
        optimizer.zero_grad()
        mse(model(here), target).backward()
        optimizer.step()
        if i % 20 == 19:
            model.follow(0.0)

    worth = np.minimum(0.8 ** (10.0 - state), 1.0).astype("float32")[:, None]
    return loop(model, step, x, worth, epochs=20, score=lambda x: model(x[:, 0]))


healthy("targets-of-an-older-copy", _values, task="regression")


def _penalty(s: int) -> Any:
    """A critic without a bound, held by a penalty on its slope: losses of any sign."""
    torch.manual_seed(s)
    model = Rivals()
    of_generator = torch.optim.Adam(model.generator.parameters(), 1e-3, (0.0, 0.9))
    of_critic = torch.optim.Adam(model.critic.parameters(), 3e-3, (0.0, 0.9))
    noise = torch.Generator().manual_seed(s)

    def step(_: int, x: Tensor, __: Tensor) -> None:
        z = torch.randn(len(x), 2, generator=noise)
        fake = model.generator(z).detach()
        between = torch.rand(len(x), 1, generator=noise)
        at = (between * x + (1 - between) * fake).requires_grad_()
        (slope,) = torch.autograd.grad(model.critic(at).sum(), at, create_graph=True)
        penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
        of_critic.zero_grad()
        (model.critic(fake).mean() - model.critic(x).mean() + penalty).backward()
        of_critic.step()
        of_generator.zero_grad()
        (-model.critic(model.generator(z)).mean()).backward()
        of_generator.step()

    return loop(model, step, *c2026.spots(s), epochs=24, score=drawing(model, noise))


healthy("critic-with-a-slope-penalty", _penalty, task="regression", skill=meets)


def _sharpness(s: int) -> Any:
    """Each step climbs a little first, and descends from where it was by the slope found there."""
    model = net(s, 64, 48, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        slopes = [p.grad.clone() for p in model.parameters() if p.grad is not None]
        norm = torch.stack([g.norm() for g in slopes]).norm() + 1e-12
        with torch.no_grad():
            for p, g in zip(model.parameters(), slopes, strict=True):
                p.add_(g, alpha=0.05 / norm.item())
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        with torch.no_grad():
            for p, g in zip(model.parameters(), slopes, strict=True):
                p.sub_(g, alpha=0.05 / norm.item())
        optimizer.step()

    return loop(model, step, *d.digits(s), epochs=8)


healthy("climbs-before-it-descends", _sharpness)


def _two_backward(s: int) -> Any:
    """Two losses are sent back one after the other, before one step."""
    x, y = d.digits(s)
    model = net(s, 64, 64, 74)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        out = model(x)
        cross_entropy(out[:, :10], y).backward(retain_graph=True)
        mse(out[:, 10:], x).backward()
        optimizer.step()

    return loop(model, step, x, y, epochs=8, score=lambda x: model(x)[:, :10])


healthy("two-losses-sent-back-in-turn", _two_backward)


def _skips(s: int) -> Any:
    """The scale is too large at first: some steps overflow and are left out, as is normal."""
    model = net(s, 64, 48, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.1, 0.9)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        scaler.scale(cross_entropy(model(x), y)).backward()
        scaler.step(optimizer)
        scaler.update()

    return loop(model, step, *d.digits(s), epochs=8)


healthy("first-steps-overflow-and-are-skipped", _skips)


def _thawed(s: int) -> Any:
    """First the new head learns, and the trained body stays; then the body goes on too."""
    x, y = d.digits(s)
    model = train(net(s, 64, 48, 48, 10), x, y, 8)
    model.lin3 = head = nn.Linear(48, 5)
    body = [model.get_submodule(name).requires_grad_(False) for name in ("lin1", "lin2")]
    optimizer = torch.optim.Adam(head.parameters(), 5e-3)

    def step(i: int, x: Tensor, y: Tensor) -> None:
        if i == 80:
            for layer in body:
                layer.requires_grad_(True)
                optimizer.add_param_group({"params": list(layer.parameters()), "lr": 1e-3})
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    return loop(model, step, x, y // 2, epochs=8)


healthy("body-thawed-later", _thawed)


def _lbfgs(s: int) -> Any:
    """L-BFGS on all rows at once: it runs its closure many times a step."""
    x, y = scaled_wine(s)
    model = net(s, 13, 16, 3)
    optimizer = torch.optim.LBFGS(
        model.parameters(), 0.5, max_iter=5, line_search_fn="strong_wolfe"
    )
    rows, classes = torch.tensor(x), torch.tensor(y)

    def closure() -> Tensor:
        optimizer.zero_grad()
        penalty = torch.stack([p.pow(2).sum() for p in model.parameters()]).sum()
        value = cross_entropy(model(rows), classes) + 1e-3 * penalty
        value.backward()
        return value

    def step(_: int, __: Tensor, ___: Tensor) -> None:
        optimizer.step(closure)

    return loop(model, step, x, y, epochs=4)


healthy("second-order-by-a-closure", _lbfgs)


def _triangles(s: int) -> Any:
    """The rate climbs tenfold and falls again, four times over."""
    model = net(s, 64, 48, 10)
    optimizer = torch.optim.SGD(model.parameters(), 0.02, 0.9)
    cycle = torch.optim.lr_scheduler.CyclicLR(optimizer, 0.02, 0.2, 36, cycle_momentum=True)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        cycle.step()

    return loop(model, step, *d.digits(s), epochs=10)


healthy("rate-in-triangles", _triangles)
