"""A user's own data: a CSV file whose last column is what to predict."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gradgauge.datasets._dataset import Dataset, build
from gradgauge.datasets._split import split
from gradgauge.errors import DataProblem

if TYPE_CHECKING:
    import pandas


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
    table = _read(path)
    if table.shape[1] < 2:
        raise DataProblem(path, "csv_columns", columns=table.shape[1])
    last = table.columns[-1]
    x = np.stack([_numbers(path, table, name) for name in table.columns[:-1]], axis=1)
    y = _classes(table[last]) if classification else _numbers(path, table, last)
    fingerprint = hashlib.sha256(path.read_bytes()).hexdigest()
    arrays = split(x.astype(np.float32), y)
    return build(str(path), str(path), arrays, fingerprint, classification)


def _read(path: Path) -> pandas.DataFrame:
    import pandas

    try:
        first = pandas.read_csv(path, header=None, nrows=1).iloc[0]
        named = all(isinstance(cell, str) for cell in first)
        return pandas.read_csv(path, header=0 if named else None)
    except FileNotFoundError:
        raise DataProblem(path, "missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataProblem(path, "unreadable", why=type(error).__name__) from None
    except (pandas.errors.EmptyDataError, pandas.errors.ParserError):
        raise DataProblem(path, "csv_unreadable") from None


def _numbers(path: Path, table: pandas.DataFrame, name: object) -> np.ndarray:
    import pandas

    values = pandas.to_numeric(table[name], errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        row = int(wrong[0])
        found = str(table[name].iloc[row])[:40]
        raise DataProblem(path, "csv_not_a_number", column=str(name), row=row + 1, found=found)
    return values


def _classes(column: pandas.Series) -> np.ndarray:
    return np.unique(column.astype(str).to_numpy(), return_inverse=True)[1]
