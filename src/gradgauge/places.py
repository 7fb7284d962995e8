"""What lies at a path that somebody gave: a path that cannot be, such as one with a name too long or
after a folder that may not be entered, is a place where nothing lies, not an error."""

from __future__ import annotations

import contextlib
import errno
import tempfile
from pathlib import Path

from gradgauge.errors import OutputProblem


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


def check_folder(out: Path) -> None:
    """Raise unless `out` is a folder that can be written, or can be made; leave no trace.

    Asked before a training, so that none is done in vain.

    Raises:
        OutputProblem: it is a file, or cannot be written.
    """
    if is_there(out) and not is_folder(out):
        raise OutputProblem(out, "is_file")
    existing = next((folder for folder in (out, *out.parents) if is_there(folder)), Path())
    try:
        # A name, or the whole, may be too long for any system.
        for place in (out, *(existing / name for name in out.parts[len(existing.parts) :])):
            with contextlib.suppress(FileNotFoundError):
                place.lstat()
        # Of a name that nobody can have planted a link under, and that no other process takes.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except (OSError, ValueError) as error:
        raise OutputProblem.of(out, error) from None
