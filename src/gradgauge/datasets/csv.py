"""A user's own data: a CSV file whose last column is what to predict."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.datasets._split import split
from gradgauge.datasets.dataset import Dataset, build
from gradgauge.errors import DataProblem
from gradgauge.machine import free_memory
from gradgauge.places import is_file, is_there

_OBJECTS = 30
"""Bytes in memory for one of the file, every cell being an object at first."""


def load(path: Path, classification: bool = True) -> Dataset:
    """The data in a CSV file: numbers, the last column the class or the target number.

    A first row of names is left out. Classes may be words; they are numbered in sorted order. A
    fifth of the rows, the same at every call, is kept for testing.

    Args:
        path: the file.
        classification: whether the last column holds classes.

    Raises:
        DataProblem: the file is missing or holds something else; says in which column.
    """
    names, cells = _read(path)
    if len(names) < 2:
        raise DataProblem(path, "csv_columns", columns=len(names))
    *inputs, target = [_Column(name, cells[:, at]) for at, name in enumerate(names)]
    x = np.stack([column.numbers(path) for column in inputs], axis=1)
    y = target.classes() if classification else target.numbers(path)
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    arrays = split(x.astype(np.float32), y)
    return build(str(path), str(path), arrays, fingerprint, classification)


def _read(path: Path) -> tuple[list[str], np.ndarray]:
    """The columns' names, and the cells: (rows, columns) of objects."""
    import pandas

    if is_there(path) and not is_file(path):
        raise DataProblem(path, "no_file")
    try:
        needs, has = _OBJECTS * path.stat().st_size, free_memory()
        if needs > has:
            sizes = {"needs": f"{needs / 1e9:.1f}", "has": f"{has / 1e9:.1f}"}
            raise DataProblem(path, "too_large", name=path.name, **sizes)
        first = pandas.read_csv(path, header=None, nrows=1).iloc[0]
        named = all(isinstance(cell, str) for cell in first)
        table = pandas.read_csv(path, header=0 if named else None)
        return [str(name) for name in table.columns], table.to_numpy(object)
    except FileNotFoundError:
        raise DataProblem(path, "missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataProblem(path, "unreadable", why=type(error).__name__) from None
    except (pandas.errors.EmptyDataError, pandas.errors.ParserError, ValueError):
        raise DataProblem(path, "csv_unreadable") from None


@dataclass(frozen=True)
class _Column:
    name: str
    cells: np.ndarray

    def numbers(self, path: Path) -> np.ndarray:
        values = np.array([_number(cell) for cell in self.cells])
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            row = int(wrong[0])
            found = str(self.cells[row])[:40]
            raise DataProblem(path, "csv_not_a_number", column=self.name, row=row + 1, found=found)
        return values

    def classes(self) -> np.ndarray:
        return np.unique(self.cells.astype(str), return_inverse=True)[1]


def _number(cell: Any) -> float:
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return math.nan
