"""The store: each cell once, whatever happens to whoever works on it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest

from gradgauge.study.sweep.processes import this_process
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.store import DEATHS, FILE, LEASE, Store, status

from .fakes import fake_plan


def first(count):
    return lambda rows, waiting: [row[0] for row in rows[:count]]  # noqa: ARG005


def open_store(folder, cells=6, groups=None, **plan):
    return Store(
        folder, fake_plan(cells, **plan), "blobs", groups or [0] * cells, versions={"v": "1"}
    )


def finish(store, cell):
    store.done(cell, "a-b", 0, (float(cell), -1.0), None)


def test_a_cell_is_claimed_by_one(tmp_path):
    one, two = open_store(tmp_path), open_store(tmp_path)

    assert one.claim(first(4)) == [0, 1, 2, 3]
    assert two.claim(first(4)) == [4, 5]
    assert two.claim(first(4)) == []
    one.close()
    two.close()


def test_cells_come_group_by_group(tmp_path):
    store = open_store(tmp_path, groups=[1, 0, 1, 0, 1, 0])

    assert store.claim(first(6)) == [1, 3, 5, 0, 2, 4]
    store.close()


def test_what_is_claimed_goes_back_when_its_owner_closes(tmp_path):
    one, two = open_store(tmp_path), open_store(tmp_path)
    one.claim(first(6))
    finish(one, 0)
    one.close()

    assert two.claim(first(6)) == [1, 2, 3, 4, 5]
    two.close()


def test_a_result_is_written_once(tmp_path):
    one, two = open_store(tmp_path), open_store(tmp_path)
    one.done(2, "a-b", 0, (1.0, 1.0), None)
    two.done(2, "a-b", 0, (2.0, 2.0), None)
    one.close()
    two.close()

    assert load_study(tmp_path).figures[2].tolist() == [1.0, 1.0]
    assert status(tmp_path) == {"cells": 6, "done": 1, "failed": 0, "left": 5}


def test_a_failed_cell_comes_last_and_twice(tmp_path):
    store = open_store(tmp_path)
    store.claim(first(6))
    assert not store.failed(0, "first")
    for cell in range(1, 6):
        finish(store, cell)

    assert store.claim(first(6)) == [0]
    assert store.failed(0, "second")
    assert store.claim(first(6)) == []
    assert store.status() == {"cells": 6, "done": 5, "failed": 1, "left": 0}
    assert load_study(tmp_path).errors == {0: "second"}

    store.retry_failed()
    assert store.claim(first(6)) == [0]
    finish(store, 0)
    store.close()
    assert load_study(tmp_path).errors == {}


def test_workers_may_die_over_a_cell_some_times(tmp_path):
    store = open_store(tmp_path, cells=2)
    for death in range(DEATHS):
        store.claim(first(2))
        assert not store.lost(1, False, "died")
        assert store.lost(0, True, "died") == (death == DEATHS - 1)
    assert store.status()["failed"] == 1
    store.close()


def test_nan_and_infinity_are_kept(tmp_path):
    store = open_store(tmp_path, cells=1)
    store.done(0, "a-b", 0, (float("nan"), float("inf")), None)
    store.close()

    figures = load_study(tmp_path).figures[0]
    assert figures[0] != figures[0]
    assert figures[1] == float("inf")


_CLAIM_AND_WAIT = """
import sys
from tests.study.sweep.test_store import first, open_store
store = open_store(sys.argv[1])
store.claim(first(4))
store.done(0, "a-b", 0, (0.0, -1.0), None)
print("ready", flush=True)
sys.stdin.read()
"""


def test_a_killed_process_gives_its_cells_back_at_once(tmp_path):
    child = subprocess.Popen(
        [sys.executable, "-c", _CLAIM_AND_WAIT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        store = open_store(tmp_path)
        assert store.take_back() == 1
        assert store.claim(first(6)) == [4, 5]

        child.send_signal(signal.SIGKILL)
        child.wait()

    assert store.take_back() == 0
    assert store.claim(first(6)) == [1, 2, 3]
    assert store.status()["done"] == 1
    store.close()


@pytest.mark.parametrize(("silent", "alive"), [(LEASE / 2, 1), (2 * LEASE, 0)])
def test_a_process_of_another_machine_lives_while_its_heart_beats(tmp_path, silent, alive):
    one, two = open_store(tmp_path), open_store(tmp_path)
    one.claim(first(6))
    one._db.execute(
        "UPDATE sessions SET host = 'elsewhere', beat = ? WHERE session = ?",
        (time.time() - silent, one.session),
    )

    assert two.take_back() == alive
    assert len(two.claim(first(6))) == (0 if alive else 6)
    two.close()


def test_a_stopped_process_of_this_machine_gives_up_its_cells_and_each_counts_once(tmp_path):
    stopped, other = open_store(tmp_path), open_store(tmp_path)
    stopped.claim(first(3))
    other._db.execute(
        "UPDATE sessions SET beat = ? WHERE session = ?", (time.time() - 2 * LEASE, stopped.session)
    )
    assert other.take_back() == 0
    assert other.claim(first(3)) == [0, 1, 2]
    finish(other, 0)
    finish(stopped, 0)  # It goes on, and has trained the same cell meanwhile.
    stopped.beat()
    assert not stopped.failed(1, "late")
    assert other.status()["done"] == 1
    finish(other, 1)
    assert other.status()["done"] == 2


def test_a_kept_run_lies_in_the_study(tmp_path):
    open_store(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as db:
        db.execute("INSERT INTO results VALUES (0, 1, 0, 'n', 0, '../../etc/x.nc', 1, 1)")
        db.execute("INSERT INTO results VALUES (1, 1, 0, 'n', 0, 'runs/000001.nc', 1, 1)")
    db.close()
    assert load_study(tmp_path).run_paths == {1: "runs/000001.nc"}


def test_a_number_that_was_given_to_another_process_is_not_it():
    process = this_process()

    assert process.is_alive(True)
    assert not process._replace(born="1").is_alive(True)
    assert not process._replace(pid=2**22 + 1).is_alive(True)


def test_versions_and_machine_are_noted_down(tmp_path):
    open_store(tmp_path).close()

    (session,) = load_study(tmp_path).sessions
    assert (session["runner"], session["v"]) == ("local", "1")


def test_threads_may_share_a_store(tmp_path):
    store = open_store(tmp_path, cells=200)

    def work():
        while cells := store.claim(first(5)):
            for cell in cells:
                finish(store, cell)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert store.status() == {"cells": 200, "done": 200, "failed": 0, "left": 0}
    store.close()


def test_two_may_begin_at_once(tmp_path):
    stores, gate = [], threading.Barrier(6)

    def begin():
        gate.wait()
        stores.append(open_store(tmp_path, cells=500))

    threads = [threading.Thread(target=begin) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(stores) == 6
    assert stores[0].status()["cells"] == 500
    for store in stores:
        store.close()
