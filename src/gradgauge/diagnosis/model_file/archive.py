"""A model's file opened as what it is, a zip or HDF5: its description, and how many numbers it holds.

Sizes are held against the file before anything of that size is read or allocated.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from gradgauge.hdf5 import Fatal, Outside, TooLarge, numbers_in, survive
from gradgauge.machine import free_memory

if TYPE_CHECKING:
    import h5py

KERAS = ".keras"
WEIGHTS = "model.weights.h5"
_LARGEST_TEXT = 64_000_000
_MOST_MEMBERS = 5_000
_DEFLATE = 1_032
"""Bytes that one compressed byte can at most stand for (zlib's limit)."""

DAMAGED = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    TypeError,
    RuntimeError,  # an encrypted member, a damaged HDF5; NotImplementedError and RecursionError too
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
    Fatal,
)
"""What the readers of zip, JSON and HDF5 raise at damaged files."""


class Refused(Exception):
    """A file that asks for what no model needs.

    Args:
        reason: a key of the catalogue's `errors.model` table.
        why: fills its placeholder.
    """

    reason: str
    why: str

    def __init__(self, reason: str, why: str):
        self.reason, self.why = reason, why
        super().__init__(reason, why)


@dataclass(frozen=True)
class Contents:
    """What was found in a model's file.

    Attributes:
        description: its JSON, the model's first.
        numbers: how many numbers its arrays hold.
    """

    description: list[Any]
    numbers: int


def contents(path: Path) -> Contents:
    """What a model's file holds, checked.

    Raises:
        Refused: it points to other files, or declares more than it can hold.
        OSError, ValueError, ...: it is damaged; all of DAMAGED.
    """
    return _zip(path) if path.suffix == KERAS else _hdf5(path)


def _zip(path: Path) -> Contents:
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
        if len(members) > _MOST_MEMBERS:  # Keras may unpack them all.
            raise ValueError(f"{len(members):,} files")
        for member in members:
            _check_member(member)
        description = [json.loads(_text(file, "config.json"))]
        numbers = 0
        if WEIGHTS in file.namelist():
            numbers = _numbers_inside(path, file, WEIGHTS)
        return Contents(description, numbers)


def _check_member(member: zipfile.ZipInfo) -> None:
    place = PurePosixPath(member.filename)
    if place.is_absolute() or ".." in place.parts or "\\" in member.filename:
        raise Refused("outside", member.filename)
    if member.file_size > _DEFLATE * max(member.compress_size, 1):
        raise Refused("larger_than_file", member.filename)
    if member.filename.endswith(".json") and member.file_size > _LARGEST_TEXT:
        raise Refused("larger_than_file", member.filename)


def _text(file: zipfile.ZipFile, name: str) -> bytes:
    """A member, never more of it than allowed, whatever its header says."""
    with file.open(name) as member:
        text = member.read(_LARGEST_TEXT + 1)
    if len(text) > _LARGEST_TEXT:
        raise Refused("larger_than_file", name)
    return text


def _numbers_inside(path: Path, file: zipfile.ZipFile, name: str) -> int:
    """Numbers in the HDF5 file that is a member of a zip."""
    import h5py

    if file.getinfo(name).file_size > free_memory():
        raise Refused("larger_than_file", name)
    survive(path, name)
    # In memory: at every step back in a packed member, zipfile begins anew.
    with h5py.File(io.BytesIO(file.read(name)), "r") as weights:
        return _numbers(weights)


def _hdf5(path: Path) -> Contents:
    import h5py

    survive(path)
    with h5py.File(path, "r") as file:
        texts = [_attribute(file, name, path) for name in ("model_config", "training_config")]
        if texts[0] is None:
            raise ValueError("model_config")
        return Contents([json.loads(text) for text in texts if text is not None], _numbers(file))


def _attribute(file: h5py.File, name: str, path: Path) -> str | None:
    import h5py

    if name not in file.attrs:
        return None
    if h5py.h5a.open(file.id, name.encode()).get_storage_size() > path.stat().st_size:
        raise Refused("larger_than_file", name)
    found = file.attrs[name]
    if isinstance(found, bytes):
        return found.decode("utf-8")
    if not isinstance(found, str):
        raise ValueError(name)
    return found


def _numbers(file: h5py.File) -> int:
    try:
        return numbers_in(file)
    except Outside as error:
        raise Refused("outside", str(error)) from None
    except TooLarge as error:
        raise Refused("larger_than_file", str(error)) from None
