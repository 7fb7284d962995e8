"""SQLite files from strangers: nothing that a schema says is run, nothing beside the file is followed.

SQLite keeps a log and a journal beside a database and believes them. A journal may name another
file, which SQLite deletes once it has undone what the journal holds; ours never name one.
"""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Collection
from pathlib import Path
from typing import Any

_BESIDE = ("", "-journal", "-wal", "-shm")
_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


class Unsafe(Exception):
    """A database that is no file of its own, or that would make SQLite touch others; its name."""


def check_files(path: Path) -> None:
    """Raise unless a database, where there is one, and all that SQLite reads beside it, are plain
    files that name no others. Ask before it is opened.

    Raises:
        Unsafe: they are not.
        OSError: they cannot be looked at.
    """
    for ending in _BESIDE:
        place = path.with_name(path.name + ending)
        try:
            mode = place.lstat().st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISREG(mode):
            raise Unsafe(place.name)
    if _names_another(path.with_name(f"{path.name}-journal")):
        raise Unsafe(f"{path.name}-journal")


def _names_another(journal: Path) -> bool:
    """Whether a journal ends with the name of a super-journal (sqlite.org/fileformat.html, 3)."""
    try:
        with journal.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - len(_JOURNAL_MAGIC), 0))
            # With nothing before it, it is the journal's own head.
            return file.read() == _JOURNAL_MAGIC and size > len(_JOURNAL_MAGIC)
    except FileNotFoundError:
        return False


def distrust(db: sqlite3.Connection) -> None:
    """Let SQLite run nothing that a schema says by itself."""
    db.execute("PRAGMA trusted_schema = OFF")
    db.execute("PRAGMA cell_size_check = ON")


def is_plain(db: sqlite3.Connection, indexes: Collection[str] = ()) -> bool:
    """Whether there are tables and these indexes only: no view, trigger or virtual table.

    Args:
        db: distrusted.
        indexes: the statements that make them.
    """
    known = {_normal(sql) for sql in indexes}
    for kind, sql in db.execute("SELECT type, sql FROM sqlite_master").fetchall():
        text = _normal(sql or "")
        if kind == "index" and (not text or text in known):  # Without: a key's own.
            continue
        if kind != "table" or not text.upper().startswith("CREATE TABLE "):
            return False
    return True


def columns(db: sqlite3.Connection, table: str) -> set[str]:
    """A table's columns; none where one is computed, or there is no such table."""
    rows = db.execute(f"PRAGMA table_xinfo({table})").fetchall()
    return set() if any(hidden for *_, hidden in rows) else {row[1] for row in rows}


def _normal(sql: Any) -> str:
    return " ".join(str(sql).split())
