"""Sweeps: every cell exactly once, whatever dies on the way."""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gradgauge.engine.terms import TrainingResult
from gradgauge.run import Run
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.run import PreparedSweep, TooFewSamples, sweep
from gradgauge.study.sweep.runners.local import LocalRunner
from gradgauge.study.sweep.store import Store, status

from .fakes import FakeEngine, fake_plan

KILLS = int(os.environ.get("GRADGAUGE_KILLS", "3"))
"""How often the loop kills: `GRADGAUGE_KILLS=20 pytest tests/study/sweep/test_sweep.py`."""

PLAN = """\
dataset = "blobs.npz"
outcomes = ["test_accuracy", "delta_norm[1]", "signal_spread[-2]@last", "attenuation.decades"]
keep_runs = {keep_runs}
[network]
activation = "tanh"
depth = 3
width = 8
scale = {{ from = 0.5, to = 3.0, count = {count} }}
[training]
epochs = 2
batch_size = 50
seeds = 4
"""


def write_plan(folder, blobs, count=6, keep_runs="false"):
    """A plan and its data."""
    arrays = {name: getattr(blobs, name) for name in ("x_train", "y_train", "x_test", "y_test")}
    np.savez(folder / "blobs.npz", **arrays)
    path = folder / "plan.toml"
    path.write_text(PLAN.format(count=count, keep_runs=keep_runs))
    return path


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, blobs):
    """The plan, and what comes of it if nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    plan = write_plan(folder, blobs, keep_runs="true")
    sweep(plan, folder / "study")
    return plan, load_study(folder / "study")


def start(plan, out, *options):
    """The command, in a process group of its own."""
    code = "import sys; from gradgauge.cli.app import main; main(sys.argv[1:])"
    return subprocess.Popen(
        [sys.executable, "-c", code, "sweep", str(plan), "--out", str(out), "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def same(study, other):
    return np.array_equal(study.figures, other.figures, equal_nan=True)


def test_all_cells_are_done_and_written_down(undisturbed):
    _, study = undisturbed

    assert study.status == {"cells": 24, "done": 24, "failed": 0, "left": 0}
    assert np.isfinite(study.figures).all()
    assert len(np.unique(study.values("delta_norm[1]"))) == 24
    run = study.run(7)
    assert isinstance(run, Run)
    assert run.figure("test_accuracy")[0] == study.figures[7, 0]


def test_it_does_nothing_twice(undisturbed):
    plan, study = undisturbed
    engine = FakeEngine()

    counts = sweep(plan, study.folder, LocalRunner(engine))

    assert counts["done"] == 24
    assert engine.calls == 0


def test_kill_at_any_moment_loses_no_cell_that_was_done(undisturbed, tmp_path):
    plan, study = undisturbed
    rng, out = random.Random(7), tmp_path / "killed"
    done, kills = 0, 0
    while kills < KILLS:
        with start(plan, out) as process:
            _wait_for_database(out, process)
            time.sleep(rng.uniform(0.0, 2.5))
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        if (out / "study.sqlite").exists():
            now = _done(out)
            assert now >= done
            done = now

    with start(plan, out) as process:
        stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert json.loads(stdout) == {"cells": 24, "done": 24, "failed": 0, "left": 0}
    assert same(load_study(out), study)


def _wait_for_database(out, process):
    while not (out / "study.sqlite").exists() and process.poll() is None:
        time.sleep(0.02)


def _done(out):
    """Cells done; 0 if it was killed before the study stood."""
    try:
        return status(out)["done"]
    except StudyProblem as problem:
        assert problem.reason == "not_a_study"
        return 0


def test_two_processes_share_the_work(undisturbed, tmp_path):
    plan, study = undisturbed
    out = tmp_path / "shared"

    processes = [start(plan, out) for _ in range(2)]
    for process in processes:
        with process:
            stdout, stderr = process.communicate()
            assert process.returncode == 0, stderr
            assert json.loads(stdout)["done"] == 24

    shared = load_study(out)
    assert same(shared, study)
    assert len(shared.sessions) == 2


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(blobs, tmp_path):
    plan = write_plan(tmp_path, blobs, count=400)
    out = tmp_path / "stopped"
    with start(plan, out) as process:
        while (not out.exists() or _done(out) < 10) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)

    assert process.returncode == 130
    assert str(out) in stderr
    assert "Traceback" not in stderr
    counts = status(out)
    assert 10 <= counts["done"] < counts["cells"]
    claimed = load_study(out).states == "claimed"
    assert not claimed.any()


@pytest.fixture
def ready(blobs):
    return lambda cells, **plan: PreparedSweep(fake_plan(cells, **plan), blobs)


def test_a_cell_that_fails_is_tried_once_more_and_stops_no_other(ready, tmp_path):
    engine = FakeEngine(fails=lambda entry: entry.name in ("3", "7"))

    counts = sweep(ready(10), tmp_path, LocalRunner(engine))

    assert counts == {"cells": 10, "done": 8, "failed": 2, "left": 0}
    study = load_study(tmp_path)
    assert study.errors == {n: f"RuntimeError: cell {n} broke" for n in (3, 7)}
    assert sorted(engine.trained, key=int) == [str(n) for n in range(10) if n not in (3, 7)]
    assert np.isnan(study.figures[[3, 7]]).all()


def test_a_cell_that_fails_once_is_done_in_the_end(ready, tmp_path):
    fell = []

    def fails(entry):
        if entry.name == "4" and len(fell) < 2:
            fell.append(entry.name)
            return True
        return False

    counts = sweep(ready(6), tmp_path, LocalRunner(FakeEngine(fails)))

    assert counts["done"] == 6


def test_failed_cells_can_be_tried_again(ready, tmp_path):
    sweep(ready(5), tmp_path, LocalRunner(FakeEngine(lambda entry: entry.name == "2")))
    assert sweep(ready(5), tmp_path, LocalRunner(FakeEngine()))["failed"] == 1

    assert sweep(ready(5), tmp_path, LocalRunner(FakeEngine()), retry=True)["done"] == 5


def test_progress_counts_cells(ready, tmp_path):
    told = []

    sweep(ready(20), tmp_path, LocalRunner(FakeEngine()), on_progress=lambda *n: told.append(n))

    assert told[0] == (0, 20)
    assert told[-1] == (20, 20)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_a_full_disk_stops_the_sweep_and_not_a_cell(ready, tmp_path, monkeypatch):
    real, calls = Store.done, []

    def done(self, *row):
        calls.append(row)
        if len(calls) > 4:
            raise StudyProblem(self.folder, "disk_full", why="no room")
        return real(self, *row)

    monkeypatch.setattr(Store, "done", done)
    with pytest.raises(StudyProblem) as caught:
        sweep(ready(10), tmp_path, LocalRunner(FakeEngine()))
    assert caught.value.reason == "disk_full"

    monkeypatch.undo()
    assert status(tmp_path) == {"cells": 10, "done": 4, "failed": 0, "left": 6}
    assert sweep(ready(10), tmp_path, LocalRunner(FakeEngine()))["done"] == 10


def test_an_interrupted_engine_gives_its_cells_back(ready, tmp_path):
    def engine(entries, dataset, on_run, **_):  # noqa: ARG001
        return TrainingResult([], True)

    with pytest.raises(KeyboardInterrupt):
        sweep(ready(10), tmp_path, LocalRunner(engine))

    assert sweep(ready(10), tmp_path, LocalRunner(FakeEngine()))["done"] == 10


def test_a_process_waits_for_cells_in_other_hands(ready, tmp_path):
    plan = ready(4)
    other = Store(tmp_path, plan.plan, plan.dataset.fingerprint, plan.group_of.tolist())
    (cell,) = other.claim(lambda rows, waiting: [rows[0][0]])  # noqa: ARG005
    finished = threading.Timer(1.5, other.done, (cell, "x", 0, (0.0, 0.0), None))
    finished.start()

    counts = sweep(plan, tmp_path, LocalRunner(FakeEngine()))

    assert counts["done"] == 4
    finished.join()
    other.close()


def test_twenty_thousand_cells_in_flat_memory_with_an_instant_status(ready, tmp_path):
    engine, marks = FakeEngine(), {}

    def watch(done, total):
        if done in (total // 4, total):
            gc.collect()
            marks[done] = _resident()
            began = time.perf_counter()
            assert status(tmp_path)["done"] == done
            marks[f"status {done}"] = time.perf_counter() - began

    counts = sweep(ready(20_000), tmp_path, LocalRunner(engine), on_progress=watch)

    assert counts["done"] == 20_000
    assert len(engine.trained) == len(set(engine.trained)) == 20_000
    assert marks[20_000] - marks[5_000] < 30e6
    assert marks["status 20000"] < 0.2


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_classes_must_all_be_among_the_first_samples(blobs):
    with pytest.raises(TooFewSamples):
        PreparedSweep(fake_plan(2, train_samples=2), blobs)


def test_fewer_samples_are_other_data(blobs):
    some = PreparedSweep(fake_plan(2, train_samples=100, test_samples=30), blobs)

    assert (len(some.dataset.y_train), len(some.dataset.y_test)) == (100, 30)
    assert some.dataset.fingerprint != blobs.fingerprint


def test_an_estimate_counts_and_times(blobs):
    ready = PreparedSweep(fake_plan(7), blobs)

    guess = ready.estimate()

    assert (guess.cells, guess.compilations) == (7, 1)
    assert guess.seconds is not None
    assert 0 < guess.seconds < 600
    assert guess.memory > 0
    assert guess.disk > 0
