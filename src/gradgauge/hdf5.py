"""HDF5 files from strangers: nothing points out of the file, nothing is larger than it can fill,
and none that the HDF5 library does not survive is opened in this process."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

from gradgauge.machine import free_memory

_DEFLATE = 1_032
"""Bytes that one compressed byte can at most stand for (zlib's limit)."""

_UNWRITTEN = 1_000_000
"""Bytes of an array that may be declared and not written, such as an axis without values."""

_TRIAL = Path(__file__).with_name("hdf5_trial.py")
_LONGEST = 60.0
_WINDOWS_CRASH = 0x80000000


class Outside(Exception):
    """An object whose content lies in another file; its name."""


class TooLarge(Exception):
    """An array that is larger than the file, or the memory, can hold; its name."""


class Fatal(Exception):
    """A file over which the HDF5 library ends its process, or never comes back."""

    def __init__(self) -> None:
        super().__init__("the HDF5 library does not get through it")


def survive(path: Path | str, member: str | None = None) -> None:
    """Raise where the HDF5 library does not survive reading a file: tried in another process.

    Args:
        path: the file.
        member: of a zip, which is read instead.

    Raises:
        Fatal: it does not.
    """
    if not sys.executable:  # Python inside of another program: there is none to start.
        return
    command = [sys.executable, "-P", str(_TRIAL), str(path), *([member] if member else [])]
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    try:
        code = subprocess.run(command, **quiet, timeout=_LONGEST, check=False).returncode
    except subprocess.TimeoutExpired:
        raise Fatal from None
    except (OSError, ValueError):  # No process can be started here.
        return
    if code < 0 or code >= _WINDOWS_CRASH:
        raise Fatal


def numbers_in(file: Any) -> int:
    """Numbers in all arrays of an open h5py file; no link is followed out of it.

    Raises:
        Outside: a link, external or virtual storage.
        TooLarge: an array declares more than is stored, or than fits the memory.
        TypeError: an array of texts or references of any length, each of which may be all others.
    """
    import h5py

    numbers, bytes_, seen = 0, 0, set[Any]()
    waiting: list[Any] = [file["/"]]
    while waiting:
        group = waiting.pop()
        if group.id in seen:  # h5py compares by the address in the file.
            continue
        seen.add(group.id)
        for name in group:
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise Outside(f"{group.name}/{name}")
            found = group[name]
            if isinstance(found, h5py.Group):
                waiting.append(found)
            elif isinstance(found, h5py.Dataset):
                numbers += _size(found)
                bytes_ += _bytes(found)
                if bytes_ > free_memory():
                    raise TooLarge(str(found.name))
    return numbers


def _size(array: Any) -> int:
    if array.is_virtual or array.external:
        raise Outside(str(array.name))
    if not _is_plain(array.id.get_type()):
        raise TypeError(str(array.name))
    if _bytes(array) > _DEFLATE * array.id.get_storage_size() + _UNWRITTEN:
        raise TooLarge(str(array.name))
    return int(array.size or 0)  # None where it has no space at all.


def _bytes(array: Any) -> int:
    """Bytes that reading takes: of the whole, or of one chunk where that is more."""
    return max(int(array.size or 0), math.prod(array.chunks or (0,))) * array.dtype.itemsize


def _is_plain(kind: Any) -> bool:
    """Whether all elements of a type are of the same length and lie where the array lies."""
    from h5py import h5t

    found = kind.get_class()
    if found == h5t.STRING:
        return not kind.is_variable_str()
    if found == h5t.ARRAY:
        return _is_plain(kind.get_super())
    if found == h5t.COMPOUND:
        return all(_is_plain(kind.get_member_type(at)) for at in range(kind.get_nmembers()))
    return found in (h5t.INTEGER, h5t.FLOAT, h5t.ENUM, h5t.OPAQUE, h5t.BITFIELD)
