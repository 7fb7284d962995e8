"""Writes down faulty trainings, each beside its mended twin, and healthy ones."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from corpus.case import CASES, Book, Case
from corpus.skills import SKILLS

Made = tuple[Any, dict[str, Any], Any]
"""What `diagnose` takes (positional, keyword), or a `Loop` and nothing; and the meant targets."""

Make = Callable[[int, bool], Made]
Skill = Callable[[Any, Any], float]
TWINS: dict[str, tuple[Make, Skill]] = {}
_BOOKS: dict[tuple[str, str], Book] = {}


@dataclass(frozen=True)
class Loop:
    """A training in a loop of its own, which can be watched but not be handed over.

    Attributes:
        model: a PyTorch module.
        train: trains it inside of what it is given: `gradgauge.watch`, or nothing.
        outputs: what it makes of its inputs afterwards.
    """

    model: Any
    train: Callable[[Callable[[Any], AbstractContextManager[Any]]], None]
    outputs: Callable[[], Any]


def pair(
    framework: str,
    rule: str | tuple[str, ...] | None,
    name: str,
    make: Make,
    layers: tuple[str, ...] = (),
    kind: str = "dense",
    task: str = "multi-class",
    skill: Skill | None = None,
    of: str = "2026b",
) -> None:
    """Write down a case: `make(seed, broken)` gives arguments, options and the meant targets.

    Args:
        framework: `keras`, `pytorch` or `jax`.
        rule: what is wrong; of several the first is the likeliest, the others are right as well.
        name: of its own.
        make: see above; a healthy one is made with `broken` True.
        layers: the layers that are a right answer.
        kind: dense, convolution, recurrent, residual, attention.
        task: regression, binary, multi-class, multi-label.
        skill: how well outputs meet targets; by default the task's.
        of: the set.
    """
    book = _BOOKS.setdefault((framework, of), Book(framework, of))
    rules = (rule,) if isinstance(rule, str) else rule or ()
    first = rules[0] if rules else None
    book.add(name, kind, task, lambda s: make(s, True)[:2], first, layers, rules[1:])
    TWINS[book.cases[-1]] = make, skill or SKILLS[task]


def twins(case: Case) -> tuple[float, ...]:
    """How well a plain training does, without any diagnosis; of a faulty one, and its twin."""
    from corpus.plain import outcome

    make, skill = TWINS[case.name]
    found = []
    for broken in (True,) if case.healthy else (True, False):
        args, options, truth = make(case.seed, broken)
        if isinstance(args, tuple) and any(a is None for a in args):
            continue
        try:
            found.append(skill(outcome(case, args, options), truth))
        except (IndexError, RuntimeError):
            if not broken or "index-out-of-range" not in case.rules:
                raise
            found.append(math.nan)  # that the training breaks off is the fault
    return tuple(found)


def check(parts: list[str]) -> int:
    """One line a case: how well it did, and its twin."""
    for name in TWINS:
        if parts and not any(part in name for part in parts):
            continue
        figures = "  mended: ".join(f"{v:7.3f}" for v in twins(CASES[name]))
        print(f"{name:58s} {figures}", flush=True)
    return 0
