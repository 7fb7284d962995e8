"""Arrays of a user's own, in an .npz file: nothing in it is run, nothing is taken on trust.

Every size is held against the file, and against memory, before an array is allocated.
"""

from __future__ import annotations

import hashlib
import math
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numpy.lib import format as npy

from gradgauge.datasets.dataset import Dataset, build
from gradgauge.errors import DataProblem
from gradgauge.machine import free_memory
from gradgauge.places import is_file, is_there

NAMES = ("x_train", "y_train", "x_test", "y_test")

_DEFLATE = 1_032
"""Bytes that one compressed byte can at most stand for (zlib's limit)."""

_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    OSError,
    UnicodeDecodeError,
)
"""RuntimeError: a flipped bit may make zipfile see an encrypted or exotically packed member;
UnicodeDecodeError: names that are no text."""

_DAMAGED_HEADER = (ValueError, TypeError, SyntaxError, MemoryError, tokenize.TokenError)
"""What numpy raises at the header of an array: a Python literal, read by Python's own parser."""


def load(path: Path, classification: bool = True) -> Dataset:
    """The data in an .npz file.

    Integer images are scaled to [0, 1]; floats are taken as they are.

    Args:
        path: the file.
        classification: whether y are classes (whole numbers from 0) or target numbers.

    Raises:
        DataProblem: the file is missing, damaged or not what it should be; says which array.
    """
    arrays = read_arrays(path, [NAMES])
    with path.open("rb") as raw:
        fingerprint = hashlib.file_digest(raw, "sha256").hexdigest()
    return build(str(path), str(path), arrays, fingerprint, classification)


def read_arrays(path: Path, choices: Sequence[Sequence[str]]) -> dict[str, np.ndarray]:
    """Arrays of an .npz file.

    Args:
        path: the file.
        choices: sets of names; the first that the file holds in full is read.

    Raises:
        DataProblem: the file is missing, damaged, of another kind or too large; says which array.
    """
    if not is_there(path):
        raise DataProblem(path, "missing")
    if not is_file(path):
        raise DataProblem(path, "no_file")
    try:
        with path.open("rb") as raw:
            start = raw.read(6)
            if not start.startswith(b"PK"):
                kind = "npy" if start == npy.MAGIC_PREFIX else "no_npz"
                raise DataProblem(path, kind if start else "empty")
            with zipfile.ZipFile(raw) as file:
                return _read(path, file, choices)
    except PermissionError as error:
        raise DataProblem(path, "unreadable", why=error.strerror) from None
    except _DAMAGED_ZIP as error:
        raise DataProblem(path, "truncated", why=_first_line(error)) from None


def _read(
    path: Path, file: zipfile.ZipFile, choices: Sequence[Sequence[str]]
) -> dict[str, np.ndarray]:
    members = {info.filename.removesuffix(".npy"): info for info in file.infolist()}
    wanted = next((names for names in choices if members.keys() >= set(names)), None)
    if wanted is None:
        missing = ", ".join(name for name in choices[0] if name not in members)
        present = ", ".join(members) or "-"
        raise DataProblem(path, "wrong_names", missing=missing, present=present)
    total = 0
    for name in wanted:
        total += _size(path, name, file, members[name])
        if total > free_memory():
            needs, has = (f"{number / 1e9:.1f}" for number in (total, free_memory()))
            raise DataProblem(path, "too_large", name=name, needs=needs, has=has)
    arrays = {}
    for name in wanted:
        with file.open(members[name]) as member:
            try:
                arrays[name] = npy.read_array(member, allow_pickle=False)
            except _DAMAGED_HEADER as error:
                raise _wrong(path, name, error) from None
    return arrays


def _size(path: Path, name: str, file: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """Bytes of an array, as its header says, if the file can hold them."""
    with file.open(info) as member:
        try:
            shape, dtype = _header(member)
        except _DAMAGED_HEADER as error:
            raise _wrong(path, name, error) from None
        if dtype.hasobject:
            raise DataProblem(path, "object_array", name=name)
        needed = math.prod(shape) * dtype.itemsize
        held = min(info.file_size - member.tell(), _DEFLATE * info.compress_size)
    if min(shape, default=0) < 0 or needed > held:
        raise DataProblem(path, "larger_than_file", name=name, shape=shape)
    return needed


def _header(member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype]:
    version = npy.read_magic(member)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read(member)
    return shape, dtype


def _wrong(path: Path, name: str, error: BaseException) -> DataProblem:
    return DataProblem(path, "wrong_array", name=name, why=_first_line(error))


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0][:200] or type(error).__name__
