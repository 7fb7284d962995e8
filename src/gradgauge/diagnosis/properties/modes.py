"""Training and evaluation mode agree as far as dropout and batch statistics explain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Modes:
    """What makes evaluation differ from training, or evaluations from each other.

    Attributes:
        dropout: an operation that drops values in evaluation mode too, because nobody told it
            the mode; empty: none.
        frozen: names of normalization layers whose running statistics training never changes,
            and that stand as they were made.
    """

    dropout: str = ""
    frozen: tuple[str, ...] = ()
