"""What can be wrong with a study's folder, and SQLite's errors as such."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gradgauge.errors import FileProblem, GradgaugeError, OutputProblem
from gradgauge.messages.catalog import Message
from gradgauge.sqlite import Unsafe

_SHOWN_CHANGES = 3
_SHOWN_LETTERS = 60


class StudyProblem(FileProblem):
    """A study's folder that cannot be used.

    Args:
        path: the folder.
        reason: a key of the catalogue's `errors.sweep.study` table.
        changes: of a changed plan: name -> (before, now).
    """

    table = "sweep.study"
    changes: Mapping[str, tuple[Any, Any]]

    def __init__(
        self,
        path: Path | str,
        reason: str,
        changes: Mapping[str, tuple[Any, Any]] | None = None,
        **facts: object,
    ):
        GradgaugeError.__init__(
            self, path=str(path), reason=reason, changes=changes or {}, facts=facts
        )

    def message(self) -> Message:
        """See GradgaugeError."""
        shown: list[Message | str] = [
            Message(
                "errors.sweep.study.change",
                {"name": name, "before": _short(before), "now": _short(now)},
            )
            for name, (before, now) in list(self.changes.items())[:_SHOWN_CHANGES]
        ]
        if len(self.changes) > _SHOWN_CHANGES:
            shown.append("…")
        key, facts = super().message()
        return Message(key, {"changes": tuple(shown), **facts})


def _short(value: Any) -> str:
    text = "–" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_LETTERS else f"{text[:_SHOWN_LETTERS]}…"


@contextlib.contextmanager
def disk_problems(folder: Path) -> Iterator[None]:
    """Turn SQLite's and the disk's errors into one sentence about `folder`."""
    try:
        yield
    except Unsafe:
        raise StudyProblem(folder, "not_a_study") from None
    except sqlite3.DatabaseError as error:
        raise _problem(folder, error) from error
    except OSError as error:
        raise OutputProblem.of(folder, error) from error


def _problem(folder: Path, error: sqlite3.DatabaseError) -> GradgaugeError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        return StudyProblem(folder, "disk_full", why=error)
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return StudyProblem(folder, "not_a_study")
    if code == sqlite3.SQLITE_BUSY:
        return StudyProblem(folder, "busy")
    return OutputProblem(folder, "not_writable", why=error)
