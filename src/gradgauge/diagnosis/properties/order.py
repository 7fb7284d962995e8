"""The batches of an epoch look like the data: their order, their classes, their repeats."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradgauge.diagnosis.limits import RuleLimits, shipped

EPOCH_SECONDS = 2.0
"""How long the data is gone through to see an epoch of it."""
_MOST_BATCHES = 2_000

LEAST_BATCHES = 4
_LEAST_ROWS = 32
_FEW = 10
"""Distinct numbers up to which targets are classes."""


@dataclass(frozen=True)
class Epoch:
    """One pass over the user's batches.

    Attributes:
        targets: of every batch, (rows, ...).
        rows: of every batch a number for each row of inputs: equal rows have equal numbers.
        samples: how many samples there are to draw from; 0: not known.
        shuffled: whether the framework shuffles rows anew in every epoch.
    """

    targets: tuple[np.ndarray, ...]
    rows: tuple[np.ndarray, ...]
    samples: int = 0
    shuffled: bool = False


@dataclass(frozen=True)
class Order:
    """What is odd about the batches of an epoch.

    Attributes:
        case: `sorted_classes`, `sorted_targets`, `same_batch`, `same_sample`; empty: nothing.
        batches: how many were looked at.
        share: share of the largest class in a batch, mean over batches; NaN: no classes.
        expected: the same of rows in random order.
        reason: why it cannot be told; empty: it can.
        one_class: whether all targets of the epoch, which was seen to its end, are one whole
            number.
        rows: how many rows were looked at.
    """

    case: str = ""
    batches: int = 0
    share: float = float("nan")
    expected: float = float("nan")
    reason: str = ""
    one_class: bool = False
    rows: int = 0


def epoch_of(
    batches: Iterable[tuple[np.ndarray, Sequence[np.ndarray]]],
    samples: int = 0,
    shuffled: bool = False,
) -> Epoch:
    """One pass over the batches, or over as many as a few seconds give.

    Args:
        batches: the targets of each, and its inputs, both (rows, ...).
        samples, shuffled: see Epoch.
    """
    targets: list[np.ndarray] = []
    rows: list[np.ndarray] = []
    began = time.perf_counter()
    for y, inputs in batches:
        targets.append(y)
        rows.append(row_numbers(inputs))
        if time.perf_counter() - began > EPOCH_SECONDS or len(targets) >= _MOST_BATCHES:
            break
    return Epoch(tuple(targets), tuple(rows), samples, shuffled)


def order_of(epoch: Epoch, limits: RuleLimits | None = None) -> Order:
    """Repeats first, then classes, then the order of numbers.

    Args:
        epoch: the batches.
        limits: of `unshuffled-batches`; None: the shipped ones.
    """
    limits = shipped()["unshuffled-batches"] if limits is None else limits
    rows = sum(len(y) for y in epoch.targets)
    return replace(_order(epoch, limits), one_class=_one_class(epoch, rows), rows=rows)


def _one_class(epoch: Epoch, rows: int) -> bool:
    if rows < max(_LEAST_ROWS, epoch.samples) or not epoch.samples:
        return False
    labels = [_labels(y) for y in epoch.targets]
    known = [y for y in labels if y is not None and y.dtype.kind in "iu"]
    return len(known) == len(labels) and len(np.unique(np.concatenate(known))) == 1


def _order(epoch: Epoch, limits: RuleLimits) -> Order:
    count = len(epoch.targets)
    if count < LEAST_BATCHES:
        return Order(reason="few_batches", batches=count)
    repeated = _repeats(epoch)
    if repeated:
        return Order(repeated, count)
    if epoch.shuffled:
        return Order(batches=count)
    labels = [_labels(y) for y in epoch.targets]
    if any(y is None for y in labels):
        return Order(reason="targets_not_single", batches=count)
    known = [y for y in labels if y is not None]
    if len(np.unique(np.concatenate(known))) <= _FEW or known[0].dtype.kind in "iub":
        return _classes(known, limits)
    goes_one_way = _is_sorted(np.concatenate(known), limits["monotone"].value)
    return Order("sorted_targets" if goes_one_way else "", count)


def _repeats(epoch: Epoch) -> str:
    """Batches that all hold the same rows, or one row that is all there is."""
    whole = np.concatenate(epoch.rows)
    if len(whole) >= _LEAST_ROWS and len(np.unique(whole)) == 1:
        return "same_sample"
    first = np.unique(epoch.rows[0])
    same = all(np.array_equal(np.unique(rows), first) for rows in epoch.rows)
    # The whole data as one batch, again and again, is a choice; a part of them is not.
    return "same_batch" if same and epoch.samples > 1.5 * len(epoch.rows[0]) else ""


def _classes(labels: Sequence[np.ndarray], limits: RuleLimits) -> Order:
    names, whole = np.unique(np.concatenate(labels), return_inverse=True)
    count, sizes = len(labels), [len(y) for y in labels]
    if len(names) < 2:
        return Order(reason="one_class", batches=count)
    share = _purity(np.split(whole, np.cumsum(sizes)[:-1]))
    draw = np.random.default_rng(0)
    expected = float(
        np.mean(
            [_purity(np.split(draw.permutation(whole), np.cumsum(sizes)[:-1])) for _ in range(8)]
        )
    )
    pure = share >= limits["pure"].value and expected <= limits["by_chance"].value
    by_chance = len(whole) * (1 - float(np.sum((np.bincount(whole) / len(whole)) ** 2)))
    changes = int((np.diff(whole) != 0).sum())
    in_runs = changes <= 2 * len(names) and by_chance >= limits["runs"].value * len(names)
    # Samplers that draw a few classes for every batch make runs too, of classes in any order.
    found = in_runs and (pure or _is_sorted(whole, limits["monotone"].value))
    return Order("sorted_classes" if found else "", count, share, expected)


def _purity(labels: Sequence[np.ndarray]) -> float:
    return float(np.mean([np.bincount(y).max() / len(y) for y in labels if len(y)]))


def _is_sorted(values: np.ndarray, monotone: float) -> bool:
    """Whether numbers go one way only, wherever they change: in that share of the changes."""
    steps = np.diff(values.astype(np.float64))
    steps = steps[steps != 0]
    if len(steps) < 2:
        return False
    return bool(max((steps > 0).mean(), (steps < 0).mean()) >= monotone)


def _labels(y: np.ndarray) -> np.ndarray | None:
    """One number a row: a class, or a target; one-hot rows as classes."""
    y = np.asarray(y)
    if y.dtype.kind not in "iufb":
        return None
    if y.ndim == 2 and y.shape[1] > 1:
        one_hot = bool(((y == 0) | (y == 1)).all()) and bool((y.sum(axis=1) == 1).all())
        return y.argmax(axis=1) if one_hot else None
    if y.size != len(y) or not np.isfinite(y.astype(np.float64)).all():
        return None
    return y.reshape(-1)


def row_numbers(inputs: Sequence[np.ndarray]) -> np.ndarray:
    """A number for each row of a batch of inputs: equal rows have equal numbers."""
    total = np.zeros(len(inputs[0])) if inputs else np.zeros(0)
    for x in inputs:
        if len(x) == len(total) and x.dtype.kind in "iufb":
            flat = np.asarray(x, np.float64).reshape(len(x), -1)
            total = total + flat @ np.random.default_rng(flat.shape[1]).random(flat.shape[1])
    return total
