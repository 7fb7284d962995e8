"""Case: a training, and what is wrong with it."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SPLIT_SEED = 20261124


@dataclass(frozen=True)
class Case:
    """A training with a known state of health.

    Attributes:
        name: of its own.
        framework: `keras`, `pytorch` or `jax`.
        kind: dense, convolution, recurrent, residual, attention.
        task: regression, binary, multi-class, multi-label.
        make: seed -> the arguments of `diagnose`: (positional, keyword).
        rule: what is wrong; None: healthy.
        layers: the layers that are a right answer; empty: the fault has none.
        unseen: the set it belongs to, if it was written when all limits stood: in neither half.
    """

    name: str
    framework: str
    kind: str
    task: str
    make: Callable[[int], tuple[tuple[Any, ...], dict[str, Any]]]
    rule: str | None = None
    layers: tuple[str, ...] = ()
    unseen: str = ""

    @property
    def healthy(self) -> bool:
        return self.rule is None

    @property
    def seed(self) -> int:
        """Its own, from its name."""
        return zlib.crc32(self.name.encode()) % 100_000


CASES: dict[str, Case] = {}


@dataclass
class Book:
    """Writes cases down: one a file of the corpus."""

    framework: str
    unseen: str = ""
    cases: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        kind: str,
        task: str,
        make: Callable[[int], Any],
        rule: str | None = None,
        layers: tuple[str, ...] = (),
    ) -> None:
        start = f"{self.unseen}-{self.framework}" if self.unseen else self.framework
        full = f"{start}-{'healthy' if rule is None else rule}-{name}"
        if full in CASES:
            raise KeyError(full)
        CASES[full] = Case(full, self.framework, kind, task, make, rule, layers, self.unseen)
        self.cases.append(full)


def halves() -> tuple[list[str], list[str]]:
    """(tuning, held out): by a hash of seed and name, so that a new case moves no other."""

    def tunes(name: str) -> bool:
        return hashlib.sha256(f"{SPLIT_SEED} {name}".encode()).digest()[0] % 2 == 0

    names = sorted(name for name, case in CASES.items() if not case.unseen)
    return [n for n in names if tunes(n)], [n for n in names if not tunes(n)]


def unseen(which: str) -> list[str]:
    """The cases of a set that was written when all limits stood: `fresh`, `second`."""
    return sorted(name for name, case in CASES.items() if case.unseen == which)
