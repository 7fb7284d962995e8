"""A user's own data: an .npz file with x_train, y_train, x_test, y_test."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np

from gradgauge.datasets._dataset import Dataset, build
from gradgauge.errors import DataProblem

_NAMES = ("x_train", "y_train", "x_test", "y_test")


def load(path: Path, classification: bool = True) -> Dataset:
    """The data in an .npz file.

    Integer images are scaled to [0, 1]; floats are taken as they are.

    Args:
        path: the file.
        classification: whether y are classes (whole numbers from 0) or target numbers.

    Raises:
        DataProblem: the file is missing, damaged or not what it should be; says which array.
    """
    try:
        with path.open("rb") as raw:
            fingerprint = hashlib.file_digest(raw, "sha256").hexdigest()
            raw.seek(0)
            arrays = _read(path, np.load(raw, allow_pickle=False))
    except FileNotFoundError:
        raise DataProblem(path, "missing") from None
    except IsADirectoryError:
        raise DataProblem(path, "wrong_format", why="folder") from None
    # RuntimeError: a flipped bit may make zipfile see an encrypted or exotically packed file.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise DataProblem(path, "truncated", why=error) from None
    except PermissionError as error:
        raise DataProblem(path, "unreadable", why=error.strerror) from None
    except (OSError, ValueError) as error:
        raise DataProblem(path, "wrong_format", why=str(error).partition("\n")[0]) from None
    return build(str(path), str(path), arrays, fingerprint, classification)


def _read(path: Path, file: object) -> dict[str, np.ndarray]:
    if not isinstance(file, np.lib.npyio.NpzFile):
        raise DataProblem(path, "wrong_format", why=".npy")
    missing = [name for name in _NAMES if name not in file.files]
    if missing:
        present = ", ".join(file.files) or "-"
        raise DataProblem(path, "wrong_names", missing=", ".join(missing), present=present)
    arrays = {}
    for name in _NAMES:
        try:
            arrays[name] = file[name]
        except ValueError as error:
            if "Object arrays" in str(error):
                raise DataProblem(path, "object_array", name=name) from None
            raise
    return arrays
