"""Case: a training, and what is wrong with it."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


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
        also: other rules that are right as well.
        layers: the layers that are a right answer; empty: the fault has none.
        set: the set it belongs to, see `corpus.sets`.
    """

    name: str
    framework: str
    kind: str
    task: str
    make: Callable[[int], tuple[tuple[Any, ...], dict[str, Any]]]
    rule: str | None = None
    layers: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    set: str = "first"

    @property
    def rules(self) -> tuple[str, ...]:
        """All that are right."""
        return () if self.rule is None else (self.rule, *self.also)

    @property
    def healthy(self) -> bool:
        return self.rule is None

    @property
    def seed(self) -> int:
        """Its own, from its name."""
        return zlib.crc32(self.name.encode()) % 100_000


CASES: dict[str, Case] = {}

BEGINNINGS = {"first": "", "2026a": "fresh-", "2026b": "second-"}
"""How names of older sets begin. A case's seed is drawn from its name, so they stay."""


@dataclass
class Book:
    """Writes cases down: one a file of the corpus."""

    framework: str
    set: str = "first"
    cases: list[str] = field(default_factory=list)

    def add(
        self,
        name: str,
        kind: str,
        task: str,
        make: Callable[[int], Any],
        rule: str | None = None,
        layers: tuple[str, ...] = (),
        also: tuple[str, ...] = (),
    ) -> None:
        start = f"{BEGINNINGS.get(self.set, self.set + '-')}{self.framework}"
        full = f"{start}-{'healthy' if rule is None else rule}-{name}"
        if full in CASES:
            raise KeyError(full)
        CASES[full] = Case(full, self.framework, kind, task, make, rule, layers, also, self.set)
        self.cases.append(full)
