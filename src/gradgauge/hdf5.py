"""HDF5 files from strangers: nothing points out of the file, nothing is larger than it can fill."""

from __future__ import annotations

from typing import Any

_DEFLATE = 1_032
"""Bytes that one compressed byte can at most stand for (zlib's limit)."""

_UNWRITTEN = 1_000_000
"""Bytes of an array that may be declared and not written, such as an axis without values."""


class Outside(Exception):
    """An object whose content lies in another file; its name."""


class TooLarge(Exception):
    """An array that is larger than the file can fill; its name."""


def numbers_in(file: Any) -> int:
    """Numbers in all arrays of an open h5py file; no link is followed out of it.

    Raises:
        Outside: a link, external or virtual storage.
        TooLarge: an array declares more than is stored.
    """
    import h5py

    numbers, seen = 0, set[Any]()
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
    return numbers


def _size(array: Any) -> int:
    if array.is_virtual or array.external:
        raise Outside(str(array.name))
    numbers = int(array.size or 0)  # None where it has no space at all.
    if numbers * array.dtype.itemsize > _DEFLATE * array.id.get_storage_size() + _UNWRITTEN:
        raise TooLarge(str(array.name))
    return numbers
