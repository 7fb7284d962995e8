"""MNIST (LeCun, Cortes & Burges): the four idx files, shipped with the package."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from pathlib import Path

import numpy as np

from gradgauge.datasets.dataset import Dataset, build
from gradgauge.errors import DataProblem

FOLDER = Path(__file__).parent / "mnist_files"

_FILES = {
    "x_train": (
        "train-images-idx3-ubyte.gz",
        "0b367032e93c5d0cea0925647cfdb18614af8ee15f83e6f2fc2ad904a6835971",
    ),
    "y_train": (
        "train-labels-idx1-ubyte.gz",
        "1787548bbe0bff1ec2ecdc0ef292b02df999e2d1a6002d27500982c652b17203",
    ),
    "x_test": (
        "t10k-images-idx3-ubyte.gz",
        "1a1a05eab793c14bb050b398624a11b0ffd1a2953baed553b1b9bd079e2a20be",
    ),
    "y_test": (
        "t10k-labels-idx1-ubyte.gz",
        "b91679a0acfe4ba0e50a2437a903084cba1f5f92592b016a25a7dfd00455798b",
    ),
}


def load(folder: Path = FOLDER) -> Dataset:
    """MNIST: 60,000 training and 10,000 test images of 28 x 28, ten classes.

    Args:
        folder: where the four files lie.

    Raises:
        DataProblem: a file is missing, cannot be read, or is not the one shipped.
    """
    arrays = {name: _read(folder / file, digest) for name, (file, digest) in _FILES.items()}
    digests = "".join(digest for _, digest in _FILES.values())
    fingerprint = hashlib.sha256(digests.encode()).hexdigest()
    return build("mnist", str(folder), arrays, fingerprint)


def _read(path: Path, digest: str) -> np.ndarray:
    try:
        packed = path.read_bytes()
    except FileNotFoundError:
        raise DataProblem(path, "missing") from None
    except OSError as error:
        raise DataProblem(path, "unreadable", why=error.strerror) from None
    if hashlib.sha256(packed).hexdigest() != digest:
        raise DataProblem(path, "corrupted")
    try:
        return read_idx(gzip.decompress(packed))
    except (EOFError, OSError, zlib.error, ValueError) as error:
        raise DataProblem(path, "truncated", why=error) from None


def read_idx(raw: bytes) -> np.ndarray:
    """The array of bytes in an idx file: two zero bytes, type 8, number of axes, sizes, data.

    Raises:
        ValueError: it is not such a file, or shorter or longer than its header says.
    """
    if len(raw) < 4 or raw[:3] != b"\x00\x00\x08":
        raise ValueError("no idx header of bytes")
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)
