"""PyTorch trainings of 2026d in loops of their own, which are watched."""

from __future__ import annotations

import functools

import torch
from torch import Tensor, nn

from corpus.data import c2026 as d
from corpus.pairs import Made
from corpus.pairs import pair as pair_of
from corpus.torch import d2026_models as m
from corpus.torch.c2026_loops import loop
from corpus.torch.c2026_models import net

pair = functools.partial(pair_of, "pytorch", of="2026d")
cross_entropy = nn.functional.cross_entropy


def _stays_in_eval(s: int, b: bool) -> Made:
    torch.manual_seed(s)
    model = m.Normed(10, 4, 0.2)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    model.train()

    def step(i: int, x: Tensor, y: Tensor) -> None:
        if i == 5 or (i and i % 38 == 0):
            model.eval()
            with torch.no_grad():
                model(x)
            if not b:
                model.train()
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    return loop(model, step, *d.sensors(s), epochs=6)


pair("train-eval-gap", "train-forgotten-after-eval", _stays_in_eval)


def _not_divided(s: int, b: bool) -> Made:
    model = net(s, 10, 48, 48, 4)
    optimizer = torch.optim.SGD(model.parameters(), 0.2, momentum=0.9)

    def step(i: int, x: Tensor, y: Tensor) -> None:
        (cross_entropy(model(x), y) / (1 if b else 16)).backward()
        if i % 16 == 15:
            optimizer.step()
            optimizer.zero_grad()

    return loop(model, step, *d.sensors(s), epochs=24)


pair(
    ("learning-rate-too-high", "exploding-gradient", "dead-units", "regressed", "non-finite"),
    "accumulated-not-divided",
    _not_divided,
)


def _no_rate(s: int, b: bool) -> Made:
    model = net(s, 24, 32, 6)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    # A warm-up by hand in whole numbers: 0 until the very end.
    rate = (lambda i: i // 2000) if b else (lambda i: min(1.0, i / 20))

    def step(i: int, x: Tensor, y: Tensor) -> None:
        for group in optimizer.param_groups:
            group["lr"] = 3e-3 * rate(i)
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    return loop(model, step, *d.groups(s))


pair(("update-ratio", "learning-rate-too-low"), "warm-up-in-whole-numbers", _no_rate)


def _generator_stays(s: int, b: bool) -> Made:
    """Embeddings are to learn from both sides; wrong: one side is another copy each time."""
    model = net(s, 24, 32, 6)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        logits = model(x)
        (cross_entropy(logits.detach().requires_grad_() if b else logits, y)).backward()
        optimizer.step()

    return loop(model, step, *d.groups(s))


pair(("unreached-layer", "loss-not-falling"), "logits-detached-in-the-loop", _generator_stays)


# -- healthy


def _eval_from_the_start(s: int, _: bool) -> Made:
    """Fine-tuned in evaluation mode on purpose: statistics that fit stay."""
    torch.manual_seed(s)
    model = m.Normed(10, 4)
    x, y = d.sensors(s)
    with torch.no_grad():
        for _i in range(60):
            model(torch.tensor(x[:256]))
    model.eval()
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()

    return loop(model, step, x, y, epochs=8)


pair(None, "evaluation-mode-from-the-start", _eval_from_the_start)


def _decays_late(s: int, _: bool) -> Made:
    """The rate falls a hundredfold when three quarters are made."""
    model = net(s, 10, 48, 48, 4)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)
    falls = torch.optim.lr_scheduler.MultiStepLR(optimizer, [230, 280], 0.1)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        optimizer.step()
        falls.step()

    return loop(model, step, *d.sensors(s), epochs=8)


pair(None, "rate-falls-late", _decays_late)


def _clips_hard(s: int, _: bool) -> Made:
    """Clipped to a hundredth under Adam, which does not care."""
    model = net(s, 10, 48, 48, 4)
    optimizer = torch.optim.Adam(model.parameters(), 5e-3)

    def step(_: int, x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        cross_entropy(model(x), y).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1e-2)
        optimizer.step()

    return loop(model, step, *d.sensors(s), epochs=8)


pair(None, "clipped-under-adam", _clips_hard)
