"""Store: a study's folder. SQLite in WAL mode, one transaction a cell.

    study      key -> value: format, plan, fingerprints
    sessions   every process that worked on it: where, since when, versions, last heartbeat
    cells      every cell of the plan: its group, state, who has claimed it, tries, error
    results    every cell that is done: network, seed, outcomes

A process claims cells before it trains them. The claims of one that died go back: at once
where its number is no longer running on this machine, else when its heartbeat stops. A process
that was only stopped may come back: what it has trained meanwhile counts unless somebody else
was first.
The folder must lie on a disk of one machine: SQLite's WAL does not work over a network.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from gradgauge.places import is_file, is_folder, is_there, make_folder
from gradgauge.sqlite import check_files, distrust
from gradgauge.study.sweep.grid import Plan
from gradgauge.study.sweep.problems import StudyProblem, disk_problems
from gradgauge.study.sweep.processes import Process, this_process
from gradgauge.study.sweep.schema import (
    FORMAT,
    TABLES,
    is_empty,
    read_facts,
    read_study,
    results_table,
)

FILE = "study.sqlite"
WAITING, CLAIMED, DONE, FAILED = range(4)

TRIES = 2
"""A cell that raises is tried once more."""

DEATHS = 5
"""Workers that may die over a cell: they are killed for reasons of their own, too."""

LEASE = 120.0
"""Seconds without a heartbeat after which a process counts as dead, or as stopped for good."""

_ENDED: set[tuple[Path, int]] = set()
"""Sessions of this process that are over, also where a full disk kept that from being written."""

_BUSY = 1.0
"""Seconds that SQLite itself waits for a lock: nothing can stop it meanwhile."""

_PATIENCE = 600.0
"""Seconds that a lock is waited for in all."""

_SCAN = 4_096


class Store:
    """An open study. Every method is one transaction; threads may share it.

    Args:
        folder: where it lies; made if it does not exist.
        plan: what it studies.
        dataset_fingerprint: of the data it trains on.
        group_of: each cell's group.
        runner, versions: noted down with what this process does.

    Raises:
        StudyProblem: the folder holds another plan, other data, or no study; the disk is full.
        OutputProblem: it cannot be written.
    """

    folder: Path
    path: Path
    session: int

    def __init__(
        self,
        folder: Path | str,
        plan: Plan,
        dataset_fingerprint: str,
        group_of: Sequence[int],
        runner: str = "local",
        versions: dict[str, str] | None = None,
    ):
        self.folder = Path(folder)
        self.path = self.folder / FILE
        self._lock = threading.RLock()
        with disk_problems(self.folder):
            if is_there(self.folder) and not is_folder(self.folder):
                raise StudyProblem(self.folder, "is_file")
            make_folder(self.folder)
            self._db = connect(self.path)
            try:
                self._create(plan, dataset_fingerprint, group_of)
                self._check(plan, dataset_fingerprint)
                there = self.path.stat()
                self._place = (there.st_dev, there.st_ino)
                self.session = self._begin(this_process(), runner, versions or {})
            except BaseException:
                self._db.close()
                raise

    def _create(self, plan: Plan, dataset_fingerprint: str, group_of: Sequence[int]) -> None:
        with self._transaction():
            if not is_empty(self._db):
                return
            for statement in (*TABLES.split(";")[:-1], results_table(plan)):
                self._db.execute(statement)
            facts = {
                "format": str(FORMAT),
                "plan": json.dumps(plan.canonical()),
                "fingerprint": plan.fingerprint,
                "dataset_fingerprint": dataset_fingerprint,
            }
            self._db.executemany("INSERT INTO study VALUES (?, ?)", facts.items())
            rows = ((cell, int(group)) for cell, group in enumerate(group_of))
            self._db.executemany("INSERT INTO cells(cell, grp) VALUES (?, ?)", rows)

    def _check(self, plan: Plan, dataset_fingerprint: str) -> None:
        facts, before = read_study(self._db, self.folder)
        if facts["fingerprint"] != plan.fingerprint or before.fingerprint != plan.fingerprint:
            raise StudyProblem(self.folder, "plan_changed", changes=before.changes(plan))
        if facts["dataset_fingerprint"] != dataset_fingerprint:
            raise StudyProblem(self.folder, "data_changed", dataset=plan.dataset)

    def _begin(self, process: Process, runner: str, versions: dict[str, str]) -> int:
        now = time.time()
        row = (*process, now, now, runner, json.dumps(versions))
        with self._transaction():
            cursor = self._db.execute(
                "INSERT INTO sessions(host, pid, process, began, beat, runner, versions) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                row,
            )
        return int(cursor.lastrowid or 0)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing, whatever happens within."""
        with self._lock, disk_problems(self.folder):
            self._begin_immediate()
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                # After a full disk SQLite has rolled back by itself.
                with contextlib.suppress(sqlite3.OperationalError):
                    self._db.execute("ROLLBACK")
                raise

    def _begin_immediate(self) -> None:
        """Take the lock; another process may keep it for minutes, a backup for one."""
        began = time.monotonic()
        while True:
            try:
                self._db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() - began > _PATIENCE:
                    raise
            else:
                return

    def claim(self, pick: Callable[[list[tuple[int, int, int]], int], list[int]]) -> list[int]:
        """Take cells that nobody has; fewest tries first, then group by group.

        Args:
            pick: given the first waiting rows (cell, group, tries) and how many wait in all,
                says which cells to take.
        """
        with self._transaction() as db:
            rows = db.execute(
                "SELECT cell, grp, tries FROM cells WHERE state = 0 "
                "ORDER BY tries, grp, cell LIMIT ?",
                (_SCAN,),
            ).fetchall()
            if not rows:
                return []
            (waiting,) = db.execute("SELECT count(*) FROM cells WHERE state = 0").fetchone()
            cells = pick(rows, waiting)
            db.executemany(
                "UPDATE cells SET state = 1, session = ? WHERE cell = ?",
                ((self.session, cell) for cell in cells),
            )
        return cells

    def done(
        self, cell: int, notation: str, seed: int, figures: Sequence[float], run: str | None
    ) -> None:
        """Write a cell's results down. The first result of a cell stays."""
        row = (cell, self.session, time.time(), notation, seed, run, *figures)
        with self._transaction() as db:
            db.execute(f"INSERT OR IGNORE INTO results VALUES ({', '.join('?' * len(row))})", row)
            db.execute("UPDATE cells SET state = 2, error = NULL WHERE cell = ?", (cell,))

    def failed(self, cell: int, error: str) -> bool:
        """A cell raised: it waits for another try, or has failed for good; whether it has."""
        with self._transaction() as db:
            db.execute(
                "UPDATE cells SET tries = tries + 1, error = ?, session = NULL, "
                "state = CASE WHEN tries + 1 >= ? THEN 3 ELSE 0 END WHERE cell = ? AND state < 2 "
                "AND (session IS NULL OR session = ?)",
                (error, TRIES, cell, self.session),
            )
            return self._is(cell, FAILED)

    def lost(self, cell: int, blamed: bool, error: str) -> bool:
        """A cell's worker died: it waits again, unless too many have died over it; whether so."""
        with self._transaction() as db:
            db.execute(
                "UPDATE cells SET deaths = deaths + ?, session = NULL, "
                "error = CASE WHEN ? THEN ? ELSE error END, "
                "state = CASE WHEN deaths + ? >= ? THEN 3 ELSE 0 END WHERE cell = ? AND state < 2 "
                "AND (session IS NULL OR session = ?)",
                (int(blamed), int(blamed), error, int(blamed), DEATHS, cell, self.session),
            )
            return self._is(cell, FAILED)

    def _is(self, cell: int, state: int) -> bool:
        row = self._db.execute("SELECT state FROM cells WHERE cell = ?", (cell,)).fetchone()
        return row == (state,)

    def retry_failed(self) -> None:
        """Let all failed cells wait for another try."""
        with self._transaction() as db:
            db.execute("UPDATE cells SET state = 0, tries = 0, deaths = 0 WHERE state = 3")

    def take_back(self) -> int:
        """Give back what dead processes had claimed; how many others are alive."""
        with self._transaction() as db:
            others = db.execute(
                "SELECT session, host, pid, process, beat FROM sessions "
                "WHERE session <> ? AND ended IS NULL",
                (self.session,),
            ).fetchall()
            alive = 0
            for session, *process, beat in others:
                mine = Process(*process) == this_process()
                over = mine and (self.path.absolute(), session) in _ENDED
                if not over and Process(*process).is_alive(time.time() - beat < LEASE):
                    alive += 1
                    continue
                self._give_back(db, session)
        return alive

    def _give_back(self, db: sqlite3.Connection, session: int) -> None:
        db.execute(
            "UPDATE cells SET state = 0, session = NULL WHERE state = 1 AND session = ?",
            (session,),
        )
        db.execute("UPDATE sessions SET ended = ? WHERE session = ?", (time.time(), session))

    def beat(self) -> None:
        """Say that this process lives."""
        with self._transaction() as db:
            db.execute(
                "UPDATE sessions SET beat = ?, ended = NULL WHERE session = ?",
                (time.time(), self.session),
            )

    def waiting(self) -> int:
        """Cells that nobody has claimed."""
        with self._lock, disk_problems(self.folder):
            row = self._db.execute("SELECT count(*) FROM cells WHERE state = 0").fetchone()
        return int(row[0])

    def status(self) -> dict[str, int]:
        """How many `cells` there are, and how many are `done`, have `failed`, are `left`.

        Raises:
            StudyProblem: the folder has been moved or deleted meanwhile.
        """
        self._check_place()
        with self._lock, disk_problems(self.folder):
            return count(self._db)

    def _check_place(self) -> None:
        """Raise unless the file that is written is the one that stands in the folder."""
        try:
            there = self.path.stat()
        except OSError:
            raise StudyProblem(self.folder, "gone") from None
        if (there.st_dev, there.st_ino) != self._place:
            raise StudyProblem(self.folder, "gone")

    def close(self) -> None:
        """Give back what is still claimed, and close."""
        with contextlib.suppress(StudyProblem), self._transaction() as db:
            self._give_back(db, self.session)
        _ENDED.add((self.path.absolute(), self.session))
        self._db.close()


def connect(path: Path) -> sqlite3.Connection:
    """An open database in WAL mode, for threads that take turns.

    Raises:
        Unsafe: what lies there would lead SQLite to other files.
    """
    check_files(path)
    db = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        distrust(db)
        # Two processes that open a new file at once may meet here; no busy handler is asked.
        for attempt in range(100):
            try:
                db.execute("PRAGMA journal_mode = WAL")
                break
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or attempt == 99:
                    raise
                time.sleep(0.05)
        # A process that dies loses nothing; a machine that loses power, the last transactions.
        db.execute("PRAGMA synchronous = NORMAL")
        # Pages of the log before they go into the file: 1 MB, so that a small disk lasts.
        db.execute("PRAGMA wal_autocheckpoint = 256")
    except BaseException:
        db.close()
        raise
    return db


@contextlib.contextmanager
def reading(folder: Path | str) -> Iterator[sqlite3.Connection]:
    """A study opened to be read, also while others write it or where nobody may write.

    Raises:
        StudyProblem: there is none, or it cannot be read.
    """
    folder = Path(folder)
    path = folder / FILE
    if not is_file(path):
        raise StudyProblem(folder, "no_study")
    with disk_problems(folder):
        check_files(path)
        db = _open_to_read(path)
        try:
            distrust(db)
            read_facts(db, folder)
            yield db
        finally:
            db.close()


def _open_to_read(path: Path) -> sqlite3.Connection:
    for how in ("mode=ro", "immutable=1"):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=_BUSY)
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            db.close()
            if how == "immutable=1":
                raise
            continue
        return db
    raise AssertionError


def count(db: sqlite3.Connection) -> dict[str, int]:
    """`cells`, `done`, `failed` and `left` of an open study."""
    states: dict[Any, int] = dict(
        db.execute("SELECT state, count(*) FROM cells GROUP BY state").fetchall()
    )
    done, failed = states.get(DONE, 0), states.get(FAILED, 0)
    cells = sum(states.values())
    return {"cells": cells, "done": done, "failed": failed, "left": cells - done - failed}


def status(folder: Path | str) -> dict[str, int]:
    """As `Store.status`, of a folder, without touching it.

    Raises:
        StudyProblem: there is no study.
    """
    with reading(folder) as db:
        read_study(db, Path(folder))
        return count(db)
