"""One contract for every runner: the same table, each cell once, failures and deaths survived."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gradgauge.errors import InvalidValue, MissingExtra, UnknownName
from gradgauge.study.sweep import runners
from gradgauge.study.sweep.plan_file import read_plan
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.results import load_study
from gradgauge.study.sweep.run import PreparedSweep, sweep
from gradgauge.study.sweep.runners import RUNNERS, find_runner
from gradgauge.study.sweep.runners.runner import Done, Failed, Job, Lost, lost_events, train_cells
from gradgauge.study.sweep.runners.spool import read_job, take_events, write_event, write_job

from .fakes import FakeEngine, fake_plan
from .test_sweep import same, write_plan

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

OPTIONS = {
    "local": {},
    "ray": {},
    "slurm": {"jobs": 2, "parameters": {"cluster": "local"}},
}


@pytest.fixture(scope="module")
def ray_cluster():
    """One cluster for all tests of this file: its start takes ten seconds."""
    from gradgauge.study.sweep.runners.ray_cluster import connect

    cluster = connect(None)
    yield
    cluster.end()


@pytest.fixture(scope="module")
def expected(tmp_path_factory, blobs):
    folder = tmp_path_factory.mktemp("expected")
    plan = write_plan(folder, blobs, count=3, keep_runs="true")
    sweep(plan, folder / "study")
    return plan, load_study(folder / "study")


@pytest.fixture(params=RUNNERS)
def runner(request):
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
    return request.param


def test_every_runner_gives_the_same_table_bit_for_bit(runner, expected, tmp_path):
    plan, local = expected

    counts = sweep(plan, tmp_path, runner, **OPTIONS[runner])

    assert counts == {"cells": 12, "done": 12, "failed": 0, "left": 0}
    study = load_study(tmp_path)
    assert same(study, local)
    assert study.sessions[0]["runner"] == runner
    for name, (_, values) in local.run(5).groups["probes"].variables.items():
        there = study.run(5).values("probes", name)
        assert np.array_equal(there, values, equal_nan=True)


def test_every_runner_survives_cells_that_fail(runner, blobs, tmp_path, monkeypatch):
    path = write_plan(tmp_path, blobs, count=1)
    ready = PreparedSweep(read_plan(path), blobs)
    real = ready.cell

    def cell(index):
        """The last cell does not fit the data: the engine raises."""
        good = real(index)
        return good if index < 3 else type(good)(3, good.network.replace(inputs=5), good.training)

    monkeypatch.setattr(ready, "cell", cell)

    options = OPTIONS[runner] if runner != "slurm" else {**OPTIONS["slurm"], "jobs": 1}
    counts = sweep(ready, tmp_path / "out", runner, **options)

    assert counts == {"cells": 4, "done": 3, "failed": 1, "left": 0}
    assert list(load_study(tmp_path / "out").errors) == [3]


_START = """
import os
from gradgauge.study.sweep.runners.local import LocalRunner
LocalRunner().run(None, lambda most, parts: [], None)
assert "multi_thread_eigen=false" in os.environ["XLA_FLAGS"]
"""


def test_jax_is_started_by_the_engine():
    """It was not: the local runner imported it before its flags were set, and its results
    differed in the last bit from those of Ray's workers."""
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}

    subprocess.run([sys.executable, "-c", _START], env=environment, check=True)


def test_a_killed_ray_worker_costs_only_its_cells(ray_cluster, expected, tmp_path):  # noqa: ARG001
    plan, local = expected
    killed = []

    def kill(done, total):  # noqa: ARG001
        workers = _workers()
        if len(killed) < 2 and done > 3 * len(killed) and workers:
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    counts = sweep(plan, tmp_path, "ray", on_progress=kill)

    assert len(killed) == 2
    assert counts == {"cells": 12, "done": 12, "failed": 0, "left": 0}
    assert same(load_study(tmp_path), local)


def _workers():
    """Ray's workers that are at our task, below this process."""
    parents, busy = {}, []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            stat = (folder / "stat").read_text().rpartition(")")[2].split()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(folder.name)] = int(stat[1])
        if command.startswith(b"ray::_work"):
            busy.append(int(folder.name))
    return [pid for pid in busy if os.getpid() in _ancestors(pid, parents)]


def _ancestors(pid, parents):
    while pid in parents:
        pid = parents[pid]
        yield pid


def test_no_more_tasks_are_under_way_than_there_is_room(ray_cluster, expected):  # noqa: ARG001
    """Back-pressure: cells are claimed as room comes free, not all at once."""
    from gradgauge.study.sweep.runners.ray import RayRunner

    ready = PreparedSweep(expected[0])
    cells, held, most = list(range(12)), set(), 0

    def claim(wanted, parts):  # noqa: ARG001
        nonlocal most
        taken = [cells.pop(0) for _ in range(min(2, len(cells)))]
        held.update(taken)
        most = max(most, len(held))
        return [ready.cell(index) for index in taken]

    def record(event):
        held.discard(event.cell)

    RayRunner(jobs=2).run(Job(ready.dataset, ready.plan.outcomes), claim, record)

    assert not cells
    assert not held
    assert most <= 4


class Planted:
    """Unpickled, it says so."""

    ran = False

    def __reduce__(self):
        return setattr, (Planted, "ran", True)


def test_slurm_finds_what_jobs_wrote_after_their_master_died(expected, tmp_path):
    """The spool is read before anything is submitted."""
    plan, local = expected
    spool = tmp_path / "slurm" / "spool"
    spool.mkdir(parents=True)
    for cell in range(12):
        row = tuple(local.figures[cell].tolist())
        event = Done(cell, "from the spool", 0, row, local.run(cell))
        write_event(spool, event)
    (spool / "3.pickle").write_bytes(pickle.dumps(Planted()))
    for name, text in (("99999.json", '{"kind": "done", "cell": 99999}'), ("4x.json", "[" * 9_999)):
        (spool / name).write_text(text)

    began = time.monotonic()
    counts = sweep(plan, tmp_path, "slurm", **OPTIONS["slurm"])

    assert counts["done"] == 12
    assert time.monotonic() - began < 10
    assert same(load_study(tmp_path), local)
    assert not list(spool.glob("*.json")) and not list(spool.glob("*.nc"))
    assert not Planted.ran


def test_slurm_does_not_run_what_others_could_have_written(expected, tmp_path):
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm").chmod(0o777)
    with pytest.raises(StudyProblem) as caught:
        sweep(expected[0], tmp_path, "slurm", **OPTIONS["slurm"])
    assert caught.value.reason == "not_private"


def test_a_job_crosses_the_spool_whole(expected, tmp_path):
    ready = PreparedSweep(expected[0], None)
    job = Job(ready.dataset, ready.plan.outcomes, keep_runs=True)
    write_job(tmp_path / "job.npz", job)
    again = read_job(tmp_path / "job.npz")
    assert again.outcomes == job.outcomes and again.keep_runs
    for name in ("x_train", "y_train", "x_test", "y_test"):
        ours, theirs = getattr(again.dataset, name), getattr(job.dataset, name)
        assert ours.dtype == theirs.dtype and (ours == theirs).all()
    assert again.dataset.fingerprint == job.dataset.fingerprint
    for event in (Failed(3, "no\nsuch"), Lost(4, True, "gone"), Done(5, "n", 1, (float("nan"),))):
        write_event(tmp_path, event)
    job = Job(ready.dataset, ready.plan.outcomes[:1])
    found = {event.cell: event for event in take_events(tmp_path, job)}
    assert found[3] == Failed(3, "no\nsuch") and found[4] == Lost(4, True, "gone")
    done = found[5]
    assert isinstance(done, Done)
    assert done.notation == "n" and done.figures[0] != done.figures[0]


def test_no_ray_at_the_address(expected, tmp_path, monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(StudyProblem) as caught:
        sweep(expected[0], tmp_path, "ray", address="127.0.0.1:1")

    assert caught.value.reason == "no_ray"


def test_no_slurm_here(expected, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StudyProblem) as caught:
        sweep(expected[0], tmp_path / "out", "slurm")

    assert caught.value.reason == "no_slurm"


def test_an_extra_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr(runners.importlib.util, "find_spec", lambda name: None)  # noqa: ARG005

    for name in ("ray", "slurm"):
        with pytest.raises(MissingExtra) as caught:
            find_runner(name)
        assert f'pip install "gradgauge[{name}]"' in caught.value.sentence()


def test_an_unknown_runner_has_a_nearest():
    with pytest.raises(UnknownName) as caught:
        find_runner("rya")
    assert caught.value.nearest == "ray"


def cells_of(blobs, count):
    ready = PreparedSweep(fake_plan(count), blobs)
    return Job(blobs, ready.plan.outcomes), [ready.cell(i) for i in range(count)]


def test_one_cell_that_raises_spares_the_others_of_its_block(blobs):
    job, cells = cells_of(blobs, 5)
    events = []

    train_cells(job, cells, events.append, FakeEngine(lambda entry: entry.name == "1"))

    kinds = {event.cell: type(event) for event in events}
    assert kinds == {0: Done, 1: Failed, 2: Done, 3: Done, 4: Done}


def test_what_cannot_be_written_is_no_cells_fault(blobs):
    job, cells = cells_of(blobs, 3)

    def record(event):  # noqa: ARG001
        raise InvalidValue("disk", "full", "positive")

    with pytest.raises(InvalidValue):
        train_cells(job, cells, record, FakeEngine())


def test_a_dead_worker_is_to_blame_for_one_cell():
    assert lost_events({3: None, 5: None}, "died") == [
        Lost(3, True, "died"),
        Lost(5, False, "died"),
    ]
