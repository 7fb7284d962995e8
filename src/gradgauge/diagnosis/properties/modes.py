"""Training and evaluation mode agree as far as dropout and batch statistics explain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Following:
    """Running statistics on their way from where they begin (0 and 1) to those of the data.

    Attributes:
        layer: whose they are.
        share: what a step takes of its batch's statistics: PyTorch's momentum, 1 less Keras's.
        left: share of where they began that is left in them after the user's whole training.
    """

    layer: str
    share: float
    left: float


@dataclass(frozen=True)
class Modes:
    """What makes evaluation differ from training, or evaluations from each other.

    Attributes:
        dropout: an operation that drops values in evaluation mode too, because nobody told it
            the mode; empty: none.
        frozen: names of normalization layers whose running statistics training never changes,
            and that stand as they were made.
        slow: normalization layers whose running statistics are new, and how fast they follow.
    """

    dropout: str = ""
    frozen: tuple[str, ...] = ()
    slow: tuple[Following, ...] = ()
