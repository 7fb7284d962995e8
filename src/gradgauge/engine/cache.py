"""The folder of compiled programs that outlive a process. Knows nothing of JAX.

    *.program       ours (`executables`), sealed one by one
    xla-*/          JAX's own cache: its files cannot be sealed, so its name cannot be guessed

The folder must be the user's own, and nobody else's to write: what lies there is machine code.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from gradgauge.places import is_folder
from gradgauge.seal import folder_name, private_folder, secret

VARIABLE = "GRADGAUGE_CACHE"
PROGRAM = ".program"
_JAX = "xla"
_JAX_FILES = ("-cache", "-atime")
_LOCK = ".lockfile"


def cache_folder() -> Path:
    """Where compiled programs lie: $GRADGAUGE_CACHE, else the user's cache folder."""
    own = os.environ.get(VARIABLE)
    if own:
        return Path(own)
    try:
        return platformdirs.user_cache_path("gradgauge")
    except RuntimeError:  # An account without a home: nothing is kept (`secret`).
        return Path(tempfile.gettempdir()) / "gradgauge"


def usable_folder() -> Path | None:
    """The folder, made unless it is there; None where others could have written into it."""
    return private_folder(cache_folder()) if secret() is not None else None


def jax_folder() -> Path | None:
    """The folder for JAX's own cache; None where there can be none."""
    folder, key = usable_folder(), secret()
    if folder is None or key is None:
        return None
    return private_folder(folder / folder_name(_JAX, key))


def keep_jax_programs() -> None:
    """Let a JAX that starts later keep what it compiles, unless the user has chosen a folder."""
    folder = jax_folder()
    if folder is not None:
        os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


@dataclass(frozen=True)
class Cleared:
    """What became of a cache folder.

    Attributes:
        size: bytes that were deleted.
        failed: what could not be deleted, and why.
        foreign: how many files that are not the cache's lie there still.
    """

    size: int
    failed: list[tuple[Path, str]]
    foreign: int


def cache_size() -> int:
    """Bytes of the cache's own files."""
    return sum(_size(file) for file in _own_files())


def clear_cache() -> Cleared:
    """Delete the cache's own files, and its folders where nothing else is in them."""
    size, failed = 0, []
    for file in list(_own_files()):
        taken = _size(file)
        try:
            file.unlink()
        except OSError as error:
            failed.append((file, error.strerror or str(error)))
        else:
            size += taken
    places = _places()
    for own in reversed(places):
        with contextlib.suppress(OSError):  # Not empty, or not ours: the files say why.
            own.rmdir()
    left = sum(1 for file in places[0].rglob("*") if not file.is_dir()) if places else 0
    return Cleared(size, failed, max(left - len(failed), 0))


def _places() -> list[Path]:
    """The folder, and those of JAX's in it; nothing where it is not there."""
    folder = cache_folder()
    if not is_folder(folder):
        return []
    folder = folder.resolve()
    return [folder, *folder.glob(f"{_JAX}-*")]


def _own_files() -> Iterator[Path]:
    """Files that the cache has written; JAX's may lie in the folder itself (older versions)."""
    for place in _places():
        if place.is_symlink() or not place.is_dir():
            continue
        for file in sorted(place.iterdir()):
            own = file.suffix == PROGRAM or file.name.endswith(_JAX_FILES) or file.name == _LOCK
            if own and file.is_file() and not file.is_symlink():
                yield file


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:  # Another process has just replaced or deleted it.
        return 0
