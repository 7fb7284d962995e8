"""What a study's database must look like before anything in it is believed.

A study may come from somebody else. SQLite runs what a schema says: views, triggers, computed
columns. So there must be our tables with our plain columns and our indexes, and nothing beside
them; then the plan in it is read as one reads a plan's file, and the rows are held against it.
"""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

from gradgauge.errors import GradgaugeError
from gradgauge.sqlite import columns, is_plain
from gradgauge.study.sweep.grid import FIELDS, MOST_CELLS, Plan
from gradgauge.study.sweep.problems import StudyProblem

FORMAT = 1

TABLES = """
CREATE TABLE study(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sessions(
    session INTEGER PRIMARY KEY, host TEXT, pid INTEGER, process TEXT, began REAL, beat REAL,
    ended REAL, runner TEXT, versions TEXT);
CREATE TABLE cells(
    cell INTEGER PRIMARY KEY, grp INTEGER NOT NULL, state INTEGER NOT NULL DEFAULT 0,
    session INTEGER, tries INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0,
    error TEXT);
CREATE INDEX waiting ON cells(tries, grp, cell) WHERE state = 0;
CREATE INDEX by_state ON cells(state, session);
"""

_INDEXES = tuple(sql for sql in TABLES.split(";") if "CREATE INDEX" in sql)

_COLUMNS = {
    "sessions": {
        *("session", "host", "pid", "process", "began", "beat", "ended", "runner", "versions"),
    },
    "cells": {"cell", "grp", "state", "session", "tries", "deaths", "error"},
}
_RESULTS = ("cell", "session", "finished", "notation", "seed", "run")

_LONGEST_FACT = 64_000_000
_FACTS = ("format", "plan", "fingerprint", "dataset_fingerprint")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "dataset": str,
    "train_samples": (int, type(None)),
    "test_samples": (int, type(None)),
    "constants": dict,
    "axes": list,
    "outcomes": list,
    "keep_runs": bool,
}
_RUN = re.compile(r"runs/[0-9]{6,9}\.nc\Z")

_STRAY_ROWS = """
SELECT 1 FROM cells WHERE typeof(cell) <> 'integer' OR cell NOT BETWEEN 0 AND :last
    OR typeof(grp) <> 'integer' OR state NOT IN (0, 1, 2, 3)
    OR typeof(error) NOT IN ('null', 'text')
UNION ALL SELECT 1 FROM sessions WHERE typeof(host) <> 'text' OR typeof(pid) <> 'integer'
    OR typeof(process) <> 'text' OR typeof(began) <> 'real' OR typeof(beat) <> 'real'
    OR typeof(runner) <> 'text' OR typeof(versions) <> 'text'
UNION ALL SELECT 1 FROM results WHERE typeof(cell) <> 'integer' OR cell NOT BETWEEN 0 AND :last
    OR typeof(notation) <> 'text' OR typeof(seed) <> 'integer'
    OR typeof(run) NOT IN ('null', 'text') OR {numbers}
LIMIT 1
"""


def results_table(plan: Plan) -> str:
    """The statement that makes the table of results."""
    outcomes = "".join(f', "{outcome}" REAL' for outcome in plan.outcomes)
    return (
        "CREATE TABLE results(cell INTEGER PRIMARY KEY, session INTEGER NOT NULL, "
        f"finished REAL NOT NULL, notation TEXT NOT NULL, seed INTEGER NOT NULL, run TEXT{outcomes})"
    )


def is_empty(db: sqlite3.Connection) -> bool:
    """Whether a database has no table yet."""
    return db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def read_facts(db: sqlite3.Connection, folder: Path) -> dict[str, str]:
    """The `study` table, once nothing in the schema can run.

    Raises:
        StudyProblem: the database is no study, or of a newer format.
    """
    if not is_plain(db, _INDEXES) or columns(db, "study") != {"key", "value"}:
        raise StudyProblem(folder, "not_a_study")
    rows = db.execute(
        "SELECT key, value FROM study WHERE length(value) <= ? LIMIT 100", (_LONGEST_FACT,)
    )
    facts = dict(rows.fetchall())
    try:
        version = int(facts["format"])
    except (KeyError, ValueError, TypeError):
        raise StudyProblem(folder, "not_a_study") from None
    if version > FORMAT:
        raise StudyProblem(folder, "newer", version=version, known=FORMAT)
    if not all(isinstance(facts.get(name), str) for name in _FACTS):
        raise StudyProblem(folder, "not_a_study")
    return facts


def read_study(db: sqlite3.Connection, folder: Path) -> tuple[dict[str, str], Plan]:
    """The facts of a study and its plan; schema and rows fit it.

    Raises:
        StudyProblem: the database is no study, or of a newer format.
    """
    facts = read_facts(db, folder)
    plan = _plan(facts["plan"])
    if plan is None or not _fits(db, plan):
        raise StudyProblem(folder, "not_a_study")
    return facts, plan


def kept_run(path: Any) -> str | None:
    """The place of a cell's Run in the study's folder; None for any other place."""
    return path if isinstance(path, str) and _RUN.match(path) else None


def read_versions(text: str) -> dict[str, str]:
    """What a session wrote down of its versions."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _plan(text: str) -> Plan | None:
    try:
        document: Any = json.loads(text)
        if not all(isinstance(document[name], kind) for name, kind in _KINDS.items()):
            return None
        if document.keys() - _KINDS.keys() or not document["outcomes"]:
            return None
        plan = Plan.from_canonical(document)
        named = [field for axis in plan.axes for field in axis.fields] + list(plan.constants)
        values = [v for axis in plan.axes for point in axis.points for v in point]
        widths = all(len(p) == len(axis.fields) for axis in plan.axes for p in axis.points)
        if not widths or len(set(named)) < len(named) or not set(named) <= FIELDS.keys():
            return None
        if not all(isinstance(v, int | float | str) for v in [*values, *plan.constants.values()]):
            return None
        return plan if 0 < plan.cells <= MOST_CELLS else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, GradgaugeError):
        return None


def _fits(db: sqlite3.Connection, plan: Plan) -> bool:
    """Whether tables and rows are those of a study of this plan."""
    outcomes = [str(outcome) for outcome in plan.outcomes]
    if any(columns(db, table) != expected for table, expected in _COLUMNS.items()):
        return False
    if columns(db, "results") != {*_RESULTS, *outcomes}:
        return False
    if db.execute("SELECT count(*) FROM cells").fetchone() != (plan.cells,):
        return False
    numbers = " OR ".join(f"typeof(\"{o}\") NOT IN ('real', 'integer', 'null')" for o in outcomes)
    stray = _STRAY_ROWS.format(numbers=numbers)
    return db.execute(stray, {"last": plan.cells - 1}).fetchone() is None
