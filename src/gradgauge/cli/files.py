"""The folder that a command writes into."""

from __future__ import annotations

import tempfile
from pathlib import Path

from gradgauge.errors import OutputProblem


def check_folder(out: Path) -> None:
    """Raise unless `out` is a folder that can be written, or can be made; leave no trace.

    Asked before a training, so that none is done in vain.

    Raises:
        OutputProblem: it is a file, or cannot be written.
    """
    if out.exists() and not out.is_dir():
        raise OutputProblem(out, "is_file")
    existing = next(folder for folder in (out, *out.parents) if folder.exists())
    try:
        # Of a name that nobody can have planted a link under, and that no other process takes.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise OutputProblem(out, "not_writable", why=error.strerror) from None
