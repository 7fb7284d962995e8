"""All pairs of factor levels in few rows."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any


def pairwise(factors: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows of levels such that every two levels of two factors meet in one of them.

    Greedy: each row begins with the pair that is still open and longest waiting, and takes for
    every other factor the level that closes most open pairs; ties go to the level used least.
    """
    names = list(factors)
    open_pairs = {
        ((a, x), (b, y)): None
        for a, b in itertools.combinations(names, 2)
        for x in factors[a]
        for y in factors[b]
    }
    used: dict[tuple[str, Any], int] = {}
    rows: list[dict[str, Any]] = []
    while open_pairs:
        row = dict(next(iter(open_pairs)))
        for name in names:
            if name in row:
                continue
            taken = list(row.items())

            def gain(level: Any, name: str = name, taken: list = taken) -> tuple[int, int]:
                closes = sum(_pair(names, other, (name, level)) in open_pairs for other in taken)
                return closes, -used.get((name, level), 0)

            row[name] = max(factors[name], key=gain)
        for pair in itertools.combinations([(name, row[name]) for name in names], 2):
            open_pairs.pop(pair, None)
        for item in row.items():
            used[item] = used.get(item, 0) + 1
        rows.append({name: row[name] for name in names})
    return rows


def _pair(names: Sequence[str], one: tuple[str, Any], two: tuple[str, Any]) -> tuple:
    return (one, two) if names.index(one[0]) < names.index(two[0]) else (two, one)
