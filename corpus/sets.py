"""The sets of the corpus: which files hold them, and which cases belong to them.

| set | what |
|---|---|
| tuning | the half of the first cases that limits may be chosen on |
| held | the other half, drawn by a hash of names before any limit was chosen |
| 2026a | written on other data when all limits stood; its names begin with `fresh` |
| 2026b | on other data and models, without a look at the rules; its names begin with `second` |
| 2026c | after public reports, without a look at the rules |
| 2026d | kinds of public reports that the others do not hold, by the hands that wrote the rules |
| 2026e | after public reports, on other data and models, without a look at the rules |
| 2026f | after public reports, as 2026e; its author had seen which kinds the others hold |
"""

from __future__ import annotations

import hashlib
import importlib

from corpus.case import CASES

SPLIT_SEED = 20261124

FILES = {
    "first": (
        "keras.faulty_layers",
        "keras.faulty_loss_and_data",
        "keras.healthy",
        "keras.healthy_harder",
        "torch.faulty",
        "torch.healthy",
    ),
    "2026a": ("keras.a2026", "torch.a2026"),
    "2026b": (
        "keras.b2026_loss_and_rates",
        "keras.b2026_layers",
        "keras.b2026_healthy",
        "torch.b2026_loss_and_rates",
        "torch.b2026_layers",
        "torch.b2026_healthy",
        "jax.b2026_loss_and_rates",
        "jax.b2026_layers",
        "jax.b2026_healthy",
    ),
    "2026c": (
        "torch.c2026_loss",
        "torch.c2026_wiring",
        "torch.c2026_layers",
        "torch.c2026_loops",
        "torch.c2026_healthy_losses",
        "torch.c2026_healthy",
        "keras.c2026",
        "jax.c2026",
    ),
    "2026d": (
        "torch.d2026_faults",
        "torch.d2026_loops",
        "torch.d2026_healthy",
        "keras.d2026",
        "jax.d2026",
    ),
    "2026e": (
        "torch.e2026_loss",
        "torch.e2026_wiring",
        "torch.e2026_loops",
        "torch.e2026_healthy",
        "torch.e2026_healthy_loops",
        "keras.e2026",
        "jax.e2026",
    ),
    "2026f": (
        "torch.f2026_loss",
        "torch.f2026_wiring",
        "torch.f2026_healthy",
        "keras.f2026",
        "jax.f2026",
    ),
}
"""Files by set; the first cases are split into tuning and held."""

UNSEEN = tuple(name for name in FILES if name != "first")
SETS = ("tuning", "held", *UNSEEN)
OLD_NAMES = {"fresh": "2026a", "second": "2026b"}


def load() -> None:
    """Import every file of cases."""
    for files in FILES.values():
        for name in files:
            importlib.import_module(f"corpus.{name}")


def halves() -> tuple[list[str], list[str]]:
    """(tuning, held): by a hash of seed and name, so that a new case moves no other."""

    def tunes(name: str) -> bool:
        return hashlib.sha256(f"{SPLIT_SEED} {name}".encode()).digest()[0] % 2 == 0

    names = members("first")
    return [n for n in names if tunes(n)], [n for n in names if not tunes(n)]


def members(which: str) -> list[str]:
    """The names of a set's cases."""
    if which in ("tuning", "held"):
        return halves()[which == "held"]
    return sorted(name for name, case in CASES.items() if case.set == which)
