"""What a training of the battery is, and what becomes of it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

Watch = Callable[[Any], AbstractContextManager[Any]]


@dataclass
class Training:
    """A model, freshly built, and how it is trained.

    Attributes:
        model: a `torch.nn.Module`.
        train: trains it to the end; is given what to put round the training: for a module, a
            Trainer or a callback's owner, whatever `gradgauge.watch` takes.
        z: pattern of a layer's name -> where its z is, if it is not the layer's own output:
            `out MODULE` or `in MODULE`, groups of the pattern as `\\1`.
        h: the same for h, if it is neither z nor what a PyTorch function makes of z.
        activations: pattern -> the names that are right, where no PyTorch function shows it.
        norms: pattern -> the normalization that belongs to the layer, where `z` does not name it.
        summed: patterns of layers that are added to another branch before an activation, which
            may be called that branch's own: their g, spread and activation are not compared.
        above: pattern -> names of the layers above, where gains are compared, too.
    """

    model: Any
    train: Callable[[Watch], None]
    z: Mapping[str, str] = field(default_factory=dict)
    h: Mapping[str, str] = field(default_factory=dict)
    activations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    norms: Mapping[str, str] = field(default_factory=dict)
    summed: tuple[str, ...] = ()
    above: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A training of the battery.

    Attributes:
        name: of its own.
        group: the process it runs in: `torch`, `jax`, or `keras-` and a backend.
        make: builds it; random numbers are seeded before.
        needs: packages beside those of the group.
        fast: belongs to the part that the tests run, once it is green.
    """

    name: str
    group: str
    make: Callable[[], Any]
    needs: tuple[str, ...] = ()
    fast: bool = False

    @property
    def missing(self) -> str:
        """The first package that is not there; empty: all are."""
        return next((p for p in self.needs if importlib.util.find_spec(p) is None), "")


@dataclass
class Outcome:
    """What became of a case.

    Attributes:
        crashed: an exception's text; empty: none.
        harmed: what the watched training ended with that the plain one did not.
        wrong: figures that are not ours.
        silent: figures that are missing without a note, parameters in no row and no note.
        figures: how many were compared.
        noted: how many are missing, with a note.
        skipped: why it did not run.
    """

    name: str
    crashed: str = ""
    harmed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    figures: int = 0
    noted: int = 0
    skipped: str = ""
    seconds: float = 0.0

    @property
    def verdict(self) -> str:
        if self.skipped:
            return "skipped"
        if self.crashed:
            return "crashed"
        if self.harmed:
            return "harmed"
        if self.wrong:
            return "wrong figure"
        return "missing without note" if self.silent else "ok"


CASES: dict[str, Case] = {}


def case(
    group: str, *needs: str, fast: bool = False
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Write a training down under the function's name."""

    def write(make: Callable[[], Any]) -> Callable[[], Any]:
        name = f"{group}-{make.__name__.replace('_', '-')}"
        if name in CASES:
            raise KeyError(name)
        CASES[name] = Case(name, group, make, needs, fast)
        return make

    return write
