"""Indices fit the table that they are looked up in: words an embedding, labels the classes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

INPUTS, TARGETS = "inputs", "targets"


@dataclass(frozen=True)
class Outside:
    """Indices that lie outside of the table they are looked up in.

    Attributes:
        what: `inputs` or `targets`.
        layer: name of the layer whose table it is; empty: not known.
        size: entries of the table.
        low, high: the smallest and the largest index.
        count: how many lie outside.
    """

    what: str
    layer: str
    size: int
    low: int
    high: int
    count: int


def outside(
    indices: np.ndarray, size: int, what: str, layer: str = "", passed_over: Collection[int] = ()
) -> Outside | None:
    """The indices outside of 0 to size - 1; None where there are none.

    Args:
        indices: whole numbers of any shape.
        size: entries of the table.
        what, layer: see Outside.
        passed_over: indices that are not looked up, such as a label that the loss ignores.
    """
    flat = np.asarray(indices).reshape(-1)
    if flat.dtype.kind not in "iuf" or not flat.size or not np.isfinite(flat).all():
        return None
    flat = flat[~np.isin(flat, list(passed_over))]
    wrong = (flat < 0) | (flat >= size)
    if not wrong.any():
        return None
    return Outside(what, layer, size, int(flat.min()), int(flat.max()), int(wrong.sum()))


def joined(found: Collection[Outside | None]) -> tuple[Outside, ...]:
    """One for each table: of several batches the whole range."""
    tables: dict[tuple[str, str], Outside] = {}
    for one in found:
        if one is None:
            continue
        key = (one.what, one.layer)
        other = tables.get(key, one)
        count = one.count if other is one else one.count + other.count
        low, high = min(one.low, other.low), max(one.high, other.high)
        tables[key] = Outside(one.what, one.layer, one.size, low, high, count)
    return tuple(tables.values())
