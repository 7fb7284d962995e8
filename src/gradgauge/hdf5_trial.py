"""Reads an HDF5 file whole, in a process of its own: `python -P hdf5_trial.py FILE [MEMBER]`.

Over some damaged files the HDF5 library ends the process, or never comes back. Let it be this one:
ended by a signal it says so; an end of its own, whatever it found, is none of that. Imports nothing of gradgauge.
"""

from __future__ import annotations

import contextlib
import io
import math
import sys
import zipfile
from typing import Any

import h5py

_MOST_BYTES = 100_000_000
"""Of one array that is read; larger ones lie in pieces that are like these."""


def read_all(file: h5py.File) -> None:
    """Visit every object once; read attributes and what lies in chunks."""
    seen, waiting = set[Any](), [file["/"]]
    while waiting:
        found: Any = waiting.pop()
        if found.id in seen:
            continue
        seen.add(found.id)
        for name in found.attrs:
            _reads(lambda found=found, name=name: found.attrs[name])
        if isinstance(found, h5py.Dataset):
            _reads(lambda found=found: _read(found))
            _reads(lambda found=found: [dict(axis) for axis in found.dims])
        elif isinstance(found, h5py.Group):
            for name in found:
                if isinstance(found.get(name, getlink=True), h5py.HardLink):
                    _reads(lambda found=found, name=name: waiting.append(found[name]))


def _read(array: h5py.Dataset) -> None:
    chunk = math.prod(array.chunks or (0,))
    if chunk and max(chunk, array.size or 0) * array.dtype.itemsize < _MOST_BYTES:
        array[...]


def _reads(reading: Any) -> None:
    with contextlib.suppress(Exception):  # Whoever reads it in earnest says what is wrong.
        reading()


def _leave_no_core() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Read the file that the command line names, or a member of it that is a zip's."""
    _reads(_leave_no_core)
    path, *member = sys.argv[1:]
    if member:
        with zipfile.ZipFile(path) as file:
            source: Any = io.BytesIO(file.read(member[0]))
    else:
        source = path
    with h5py.File(source, "r") as opened:
        read_all(opened)


if __name__ == "__main__":
    _reads(main)
