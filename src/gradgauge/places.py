"""What lies at a path that somebody gave: a path that cannot be, such as one with a name too long or
after a folder that may not be entered, is a place where nothing lies, not an error."""

from __future__ import annotations

import errno
from pathlib import Path


def is_there(path: Path | str) -> bool:
    """Whether anything lies there."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def is_file(path: Path | str) -> bool:
    """Whether a file lies there; no folder, device or pipe."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def is_folder(path: Path | str) -> bool:
    """Whether a folder lies there."""
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):
        return False


def make_folder(path: Path) -> None:
    """Make a folder and those above it, where they are not there.

    Raises:
        OSError: it cannot be made; also for a name with a NUL.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from None
