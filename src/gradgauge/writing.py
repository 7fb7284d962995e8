"""Files that are written whole or not at all: whatever happens, the old one or the new one is there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from gradgauge.errors import OutputProblem


def write_whole(path: Path | str, write: Any) -> Path:
    """Call `write(temporary)` and move the result to `path`: whole or not at all.

    Raises:
        OutputProblem: the folder cannot be made or written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = _new_file_beside(path)
    except (OSError, ValueError) as error:
        raise OutputProblem.of(path, error) from None
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputProblem.of(path, error) from None
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def _new_file_beside(path: Path) -> Path:
    """An empty hidden file in the same folder, with the permissions that any new file gets."""
    while True:
        # Room for the dots and letters in a name of at most 255 bytes.
        own = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}"
        try:
            os.close(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            continue
        return own


def write_text_whole(path: Path | str, text: str) -> Path:
    """Write `text` to `path`, whole or not at all."""
    return write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
