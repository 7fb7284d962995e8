"""Databases from strangers: nothing in them runs, and nothing outside of them is touched."""

from __future__ import annotations

import os
import sqlite3
import struct

import pytest

from gradgauge.errors import GradgaugeError
from gradgauge.remedies.store import Store as TrialStore
from gradgauge.sqlite import Unsafe, check_files, columns, distrust, is_plain
from gradgauge.study.sweep.store import status
from tests.study.sweep.test_store import open_store

MAGIC = bytes.fromhex("d9d505f920a163d7")
PAGE, SECTOR = 4096, 512


def hot_journal(database, other):
    """A journal that undoes nothing and names a super-journal (sqlite.org/fileformat.html)."""
    page = database.read_bytes()[:PAGE]
    pages = database.stat().st_size // PAGE
    head = (MAGIC + struct.pack(">5I", 1, 0, pages, SECTOR, PAGE)).ljust(SECTOR, b"\0")
    checksum = sum(page[at] for at in range(PAGE - 200, 0, -200))
    record = struct.pack(">I", 1) + page + struct.pack(">I", checksum)
    name = os.fsencode(other)
    end = struct.pack(">2I", len(name), sum(name)) + MAGIC
    database.with_name(f"{database.name}-journal").write_bytes(
        head + record + struct.pack(">I", 2**30 // PAGE + 1) + name + end
    )


def test_sqlite_itself_would_delete_the_file_that_a_journal_names(tmp_path):
    """Why it is asked at all."""
    own, other = tmp_path / "some.sqlite", tmp_path / "thesis.txt"
    with sqlite3.connect(own) as db:
        db.execute("CREATE TABLE t(a)")
    db.close()
    other.write_text("years of work")
    hot_journal(own, other)
    with pytest.raises(Unsafe):
        check_files(own)
    db = sqlite3.connect(own)
    db.execute("SELECT * FROM t").fetchall()
    db.close()
    assert not other.exists()


def _study(folder):
    open_store(folder).close()
    return folder / "study.sqlite", (lambda: open_store(folder), lambda: status(folder))


def _trial(folder):
    store = TrialStore(folder)
    assert store.get("nothing yet") is None  # It is made when it is first asked.
    store.close()
    return folder / "remedy.sqlite", (lambda: TrialStore(folder),)


@pytest.mark.parametrize("make", [_study, _trial])
def test_a_strangers_database_deletes_and_follows_nothing(tmp_path, make):
    database, readers = make(tmp_path / "strange")
    with sqlite3.connect(database) as db:
        db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    good = database.read_bytes()
    other = tmp_path / "thesis.txt"
    other.write_text("years of work")

    def journal():
        hot_journal(database, other)

    def link():
        database.rename(tmp_path / "elsewhere")
        database.symlink_to(tmp_path / "elsewhere")

    def log_link():
        database.with_name(f"{database.name}-wal").symlink_to(other)

    def pipe():
        database.unlink()
        os.mkfifo(database)

    def pipe_for_a_log():
        os.mkfifo(database.with_name(f"{database.name}-journal"))

    for plant in (journal, link, log_link, pipe, pipe_for_a_log):
        plant()
        for read in readers:
            with pytest.raises(GradgaugeError):
                read()
        assert other.read_text() == "years of work"
        for file in database.parent.iterdir():
            file.unlink()
        database.write_bytes(good)
    for read in readers:
        read()


def test_a_journal_of_ones_own_is_undone(tmp_path):
    """Killed while the file was made: SQLite's own business."""
    database, _ = _study(tmp_path)
    head = (MAGIC + struct.pack(">5I", 0, 0, 1, SECTOR, PAGE)).ljust(SECTOR, b"\0")
    for content in (b"", MAGIC, head):
        database.with_name("study.sqlite-journal").write_bytes(content)
        check_files(database)
        assert status(tmp_path)["left"] == 6


def test_what_a_schema_would_run_is_seen(tmp_path):
    db = sqlite3.connect(tmp_path / "x")
    distrust(db)
    db.execute("CREATE TABLE t(a, b)")
    assert is_plain(db) and columns(db, "t") == {"a", "b"} and not columns(db, "u")
    index = "CREATE INDEX i ON t(a)"
    db.execute(index)
    assert not is_plain(db) and is_plain(db, [f" {index}\n"])
    db.execute("CREATE TABLE c(a, b AS (a + 1))")
    assert columns(db, "c") == set()
    db.execute("CREATE VIEW v AS SELECT 1")
    assert not is_plain(db, [index])
    db.close()
