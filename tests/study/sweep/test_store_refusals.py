"""What a store refuses, and what it keeps when a disk refuses it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys

import pytest

from gradgauge.errors import OutputProblem
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.store import FILE, Store, status
from tests.study.sweep.test_store import finish, first, open_store

from .fakes import fake_plan


def test_a_folder_that_is_gone_or_another_is_said(tmp_path):
    store = open_store(tmp_path / "study")
    (tmp_path / "study").rename(tmp_path / "moved")
    with pytest.raises(StudyProblem) as caught:
        store.status()
    assert caught.value.reason == "gone"
    open_store(tmp_path / "study").close()
    with pytest.raises(StudyProblem) as caught:
        store.status()
    assert caught.value.reason == "gone"


HOSTILE = {
    "plan no JSON": "UPDATE study SET value = '{' WHERE key = 'plan'",
    "plan deep": f"UPDATE study SET value = '{'[' * 9_999}' WHERE key = 'plan'",
    "plan a list": "UPDATE study SET value = '[]' WHERE key = 'plan'",
    "format a word": "UPDATE study SET value = 'abc' WHERE key = 'format'",
    "no fingerprint": "DELETE FROM study WHERE key = 'fingerprint'",
    "cell too many": "INSERT INTO cells(cell, grp, state) VALUES (99999, 0, 2)",
    "cell below 0": "UPDATE cells SET cell = -7 WHERE cell = 1",
    "state unknown": "UPDATE cells SET state = 9",
    "figure a text": "INSERT INTO results VALUES (0, 1, 0, 'n', 0, NULL, 'abc', 1)",
    "figure a blob": "INSERT INTO results VALUES (0, 1, 0, 'n', 0, NULL, x'00ff', 1)",
    "host nothing": "INSERT INTO sessions(host, pid, process) VALUES (NULL, 1, 'x')",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON cells BEGIN DELETE FROM cells; END",
    "table away": "DROP TABLE results",
    "column away": "ALTER TABLE results DROP COLUMN test_loss",
    "computed column": "ALTER TABLE cells ADD COLUMN x AS (hex(zeroblob(1000000000)))",
    "index that computes": "CREATE INDEX i ON cells(abs(cell))",
    "view for a table": "ALTER TABLE cells RENAME TO c; CREATE VIEW cells AS SELECT * FROM c",
    "view without an end": "DROP TABLE study; CREATE VIEW study AS WITH RECURSIVE r(key, value) AS "
    "(SELECT 'format', '1' UNION ALL SELECT key || 'a', value FROM r) SELECT key, value FROM r",
}


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_a_strangers_study_is_a_sentence(tmp_path, case):
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.executescript(HOSTILE[case])
    db.close()
    for read in (status, load_study, open_store):
        with pytest.raises(StudyProblem) as caught:
            read(tmp_path)
        assert caught.value.reason == "not_a_study"


def test_a_plan_of_huge_axes_is_not_allocated(tmp_path):
    open_store(tmp_path).close()
    axes = [[[name], [[j] for j in range(1_000)]] for name in ("depth", "width", "skip", "epochs")]
    with sqlite3.connect(tmp_path / FILE) as db:
        (text,) = db.execute("SELECT value FROM study WHERE key = 'plan'").fetchone()
        changed = json.dumps({**json.loads(text), "axes": axes})
        db.execute("UPDATE study SET value = ? WHERE key = 'plan'", (changed,))
    db.close()
    with pytest.raises(StudyProblem):
        load_study(tmp_path)


def test_a_changed_plan_is_refused_with_what_changed(tmp_path):
    open_store(tmp_path, cells=2).close()

    with pytest.raises(StudyProblem) as caught:
        open_store(tmp_path, cells=3)

    assert caught.value.reason == "plan_changed"
    assert caught.value.changes == {"scale": ((1.0, 2.0), (1.0, 2.0, 3.0))}
    assert "[1.0, 2.0, 3.0]" in caught.value.sentence()


def test_changed_data_is_refused(tmp_path):
    open_store(tmp_path).close()

    with pytest.raises(StudyProblem) as caught:
        Store(tmp_path, fake_plan(6), "other", [0] * 6)

    assert caught.value.reason == "data_changed"


@pytest.mark.parametrize("content", [b"", b"no database at all, but longer than a header" * 30])
def test_what_is_no_study_is_left_alone(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(StudyProblem) as caught:
        status(tmp_path)

    assert caught.value.reason == "not_a_study"
    assert (tmp_path / FILE).read_bytes() == content


def test_no_study_and_a_file_in_its_place(tmp_path):
    with pytest.raises(StudyProblem) as caught:
        status(tmp_path / "none")
    assert caught.value.reason == "no_study"

    (tmp_path / "file").write_text("")
    with pytest.raises(StudyProblem) as caught:
        open_store(tmp_path / "file")
    assert caught.value.reason == "is_file"


def test_a_newer_format_is_refused(tmp_path):
    store = open_store(tmp_path)
    store._db.execute("UPDATE study SET value = '99' WHERE key = 'format'")
    store.close()

    with pytest.raises(StudyProblem) as caught:
        status(tmp_path)
    assert caught.value.reason == "newer"


def test_a_full_database_keeps_what_is_done(tmp_path):
    """SQLite's own limit: what a full disk looks like, on any machine."""
    store = open_store(tmp_path, cells=2_000)
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")

    done = 0
    with pytest.raises(StudyProblem) as caught:
        for done in range(2_000):
            store.done(done, "a" * 200, 0, (1.0, 1.0), None)

    assert caught.value.reason == "disk_full"
    assert status(tmp_path)["done"] == done > 0
    store._db.execute(f"PRAGMA max_page_count = {10 * pages}")
    finish(store, done)
    store.close()
    assert status(tmp_path)["done"] == done + 1


_FILL = """
import json, resource, sys
from tests.study.sweep.test_store import finish, open_store
from gradgauge.study.sweep.problems import StudyProblem
store = open_store(sys.argv[1], cells=3000)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
done = 0
try:
    for done in range(3000):
        finish(store, done)
except StudyProblem as problem:
    print(json.dumps([done, problem.reason, problem.sentence()]))
    store.close()
"""


def test_a_disk_that_takes_no_more_loses_nothing(tmp_path):
    """The system refuses to let any file grow beyond 200 kB; afterwards it does not."""
    answer = subprocess.run(
        [sys.executable, "-c", _FILL, str(tmp_path), "200000"],
        capture_output=True,
        text=True,
        check=True,
    )
    done, reason, sentence = json.loads(answer.stdout)

    assert reason == "disk_full"
    assert str(tmp_path) in sentence
    store = open_store(tmp_path, cells=3000)
    assert store.status()["done"] == done
    assert store.take_back() == 0
    assert store.claim(first(1)) == [done]
    store.close()
    assert sqlite3.connect(tmp_path / FILE).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch):
    """Root may write everywhere, so the system's answer is given by hand where that is so."""
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o555)
    if os.access(folder, os.W_OK):
        monkeypatch.setattr(
            sqlite3, "connect", _raising(sqlite3.OperationalError("unable to open database file"))
        )
    with pytest.raises(OutputProblem) as caught:
        open_store(folder)
    folder.chmod(0o755)

    assert "unable to open" in caught.value.sentence()


def _raising(error):
    def connect(*args, **options):  # noqa: ARG001
        raise error

    return connect
