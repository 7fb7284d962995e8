"""Store: what a trial has trained, so that it goes on where it was stopped.

One SQLite file in the trial's folder: a row a candidate, seeds, length and rows, under the
trainer's fingerprint. Written in one transaction each, so that nothing is lost at a kill.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import math
import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradgauge.errors import OutputProblem
from gradgauge.listening import OnProgress
from gradgauge.places import check_folder, make_folder
from gradgauge.remedies.trainer import (
    REMEDY,
    Candidate,
    Dose,
    OnOutcome,
    Outcome,
    Task,
    Trained,
    Trainer,
)
from gradgauge.sqlite import Unsafe, check_files, columns, distrust, is_plain

FILE = "remedy.sqlite"
_TABLE = """CREATE TABLE IF NOT EXISTS trained (
    key TEXT PRIMARY KEY, outcome TEXT NOT NULL, seconds REAL NOT NULL
)"""
_KEPT = "SELECT outcome, seconds FROM trained WHERE key = ? AND typeof(outcome) = 'text'"
_COLUMNS = {"key", "outcome", "seconds"}
_DAMAGED = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


class Store:
    """Outcomes on disk, by what they depend on.

    A file that is there is opened at once. Another one is made when the first outcome is asked for
    or kept: a trial that ends before that leaves nothing behind.

    Args:
        folder: where the file lies; made if it does not exist.

    Raises:
        OutputProblem: the folder cannot be made or written, or the file is not such as we write;
            where it was made later, from everything.
    """

    path: Path

    def __init__(self, folder: Path | str):
        check_folder(Path(folder))
        self.path = Path(folder) / FILE
        self._lock = threading.Lock()
        self._opened: sqlite3.Connection | None = None
        if os.path.lexists(self.path):
            with self._problems():
                self._db()

    def get(self, key: str) -> tuple[Outcome, float] | None:
        """What is kept under a key, and the seconds that it took; None also where it is no outcome:
        it is then trained anew."""
        with self._lock, self._problems():
            row = self._db().execute(_KEPT, (key,)).fetchone()
        if row is None:
            return None
        try:
            outcome, seconds = read_outcome(json.loads(row[0])), float(row[1])
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return (outcome, seconds) if _is_sound(outcome) and 0 <= seconds < math.inf else None

    def put(self, key: str, outcome: Outcome, seconds: float) -> None:
        """Keep an outcome and what it took, and what was recorded of it as a Run beside the file."""
        if outcome.run is not None:
            outcome.run.save(run_path(self.path.parent, outcome.candidate))
        fields = dataclasses.asdict(dataclasses.replace(outcome, run=None))
        text = json.dumps({name: value for name, value in fields.items() if name != "run"})
        row = (key, text, seconds)
        with self._lock, self._problems():
            self._db().execute("INSERT OR REPLACE INTO trained VALUES (?, ?, ?)", row)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()

    def _db(self) -> sqlite3.Connection:
        """The file, opened at the first call; who calls holds the lock."""
        if self._opened is None:
            make_folder(self.path.parent)
            check_files(self.path)
            db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
            try:
                distrust(db)
                if not is_plain(db):
                    raise Unsafe(FILE)
                db.execute("PRAGMA journal_mode=WAL")
                db.execute(_TABLE)
                if columns(db, "trained") != _COLUMNS:
                    raise Unsafe(FILE)
            except BaseException:
                db.close()
                raise
            self._opened = db
        return self._opened

    @contextlib.contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except Unsafe:
            raise OutputProblem(self.path, "foreign") from None
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            reason = "foreign" if code in _DAMAGED else "not_writable"
            raise OutputProblem(self.path, reason, why=str(error)) from None
        except OSError as error:
            raise OutputProblem.of(self.path, error) from None


def run_path(folder: Path, candidate: Candidate) -> Path:
    """Where a candidate's Run lies in a trial's folder: `control.nc`, `relu_instead.nc`, ..."""
    doses = [d.remedy + ("" if d.knob in (None, 1) else f"-{d.knob:.3g}") for d in candidate.doses]
    words = doses if candidate.kind == REMEDY else [candidate.kind, *doses]
    rate = f"-rate-{candidate.rate_factor:.3g}" if candidate.rate_factor != 1 else ""
    return folder / f"{'-'.join(words)}{rate}.nc"


def read_outcome(fields: dict[str, Any]) -> Outcome:
    """An Outcome of what `dataclasses.asdict` gave and JSON kept."""
    given = fields.pop("candidate")
    doses = tuple(
        Dose(dose["remedy"], dose["knob"], tuple(dose["layers"])) for dose in given.pop("doses")
    )
    curve = tuple(tuple(row) for row in fields.pop("curve"))
    signal = {name: tuple(values) for name, values in fields.pop("signal").items()}
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    return Outcome(Candidate(doses=doses, **given), curve=curve, signal=signal, **plain)


def _is_sound(outcome: Outcome) -> bool:
    """Whether an outcome that was read has the types and sizes of one that was made."""
    texts = (*outcome.findings, *outcome.signal)
    whole = (*outcome.seeds, outcome.samples, outcome.parameters)
    numbers = (*outcome.scores, outcome.seconds_per_step, *itertools.chain(*outcome.curve))
    numbers += tuple(itertools.chain(*outcome.signal.values()))
    return (
        outcome.run is None
        and len(outcome.scores) == len(outcome.seeds) > 0
        and all(isinstance(text, str) for text in texts)
        and all(type(number) is int for number in whole)
        # What a layer does not show is NaN.
        and all(type(number) in (int, float) for number in numbers)
        and not any(map(math.isnan, outcome.scores))
    )


def _is_of(outcome: Outcome, candidate: Candidate, task: Task) -> bool:
    return outcome.candidate == candidate and outcome.seeds == tuple(task.seeds)


class Stored:
    """A trainer that trains nothing twice.

    Args:
        trainer: who trains.
        store: where outcomes are kept.

    Attributes:
        seconds_before: what was taken from the store has cost, when it was trained.
    """

    def __init__(self, trainer: Trainer, store: Store):
        self._trainer, self._store = trainer, store
        self.seconds_before: float = 0.0
        self._counted: set[str] = set()

    def train(
        self,
        task: Task,
        on_progress: OnProgress | None = None,
        on_outcome: OnOutcome | None = None,
    ) -> Trained:
        """See Trainer: what the store has is taken from it."""
        keys = {c: self._key(c, task) for c in task.candidates}
        known = {
            candidate: found
            for candidate, key in keys.items()
            if (found := self._known(key)) and _is_of(found, candidate, task)
        }
        missing = [c for c in task.candidates if c not in known]
        since = time.perf_counter()

        def keep(outcome: Outcome) -> None:
            # Of candidates that are trained side by side each has the time since the last one.
            nonlocal since
            now = time.perf_counter()
            key, spent, since = keys[outcome.candidate], now - since, now
            self._counted.add(key)
            self._store.put(key, outcome, spent)
            if on_outcome is not None:
                on_outcome(outcome)

        if not missing:
            return Trained([known[c] for c in task.candidates])
        made = self._trainer.train(dataclasses.replace(task, candidates=missing), on_progress, keep)
        known |= {outcome.candidate: outcome for outcome in made.outcomes}
        return Trained([known[c] for c in task.candidates if c in known], made.interrupted)

    def _known(self, key: str) -> Outcome | None:
        """What the store has; its seconds count once, and not where they are of this process."""
        found = self._store.get(key)
        if found is None:
            return None
        outcome, seconds = found
        if key not in self._counted:
            self._counted.add(key)
            self.seconds_before += seconds
        return outcome

    def _key(self, candidate: Candidate, task: Task) -> str:
        told = [
            self._trainer.fingerprint,
            dataclasses.asdict(candidate),
            list(task.seeds),
            round(task.share, 9),
            task.rows,
        ]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
