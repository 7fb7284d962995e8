"""A sweep killed with kill -9 again and again: is it equal to an undisturbed one, bit for bit?

    python -m benchmarks.kills [KILLS]

Each round forks from a process that has imported everything and started nothing, works on the
study's folder and is killed at a random moment. When a study is complete, it is compared, and the
next one starts, until the given number of kills is reached.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gradgauge.engine.train import load
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.results import Study, load_study
from gradgauge.study.sweep.run import sweep
from gradgauge.study.sweep.store import status

PLAN = """
dataset = "data.npz"
outcomes = ["test_accuracy", "test_loss", "delta_norm[1]", "weight_norm[-1]@last"]
[network]
activation = ["relu", "tanh"]
depth = [1, 3]
width = 8
scale = { from = 0.5, to = 2, count = 6 }
[training]
batch_size = 16
epochs = 3
seeds = 10
"""
LONGEST = 1.0
"""Seconds after its first new cell within which a process is killed."""


def main(kills: int) -> int:
    """Make the kills; 0 if every study equals the undisturbed one."""
    load()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = _written(folder)
        _forked(plan, folder / "undisturbed", lambda: False)
        expected = load_study(folder / "undisturbed")
        rng, made, studies, wrong, during = random.Random(0), 0, 0, 0, 0
        while made < kills:
            out = folder / f"study-{studies}"
            while made < kills and not _complete(out):
                before, after = _done(out), rng.uniform(0.0, LONGEST)
                killed = _forked(plan, out, _Moment(out, before, after))
                made += killed
                during += killed and _done(out) > before
            _forked(plan, out, lambda: False)
            studies += 1
            wrong += not _same(load_study(out), expected)
        cells = expected.status["cells"]
        print(f"{made} kills, {during} of them after a new cell was written; {studies} studies")
        print(f"of {cells} cells: {studies - wrong} equal to the undisturbed one, {wrong} not")
    return int(wrong > 0)


class _Moment:
    """Whether it is time to kill: a random while after the first new cell, or after 20 s."""

    def __init__(self, out: Path, before: int, after: float):
        self._out, self._before, self._after = out, before, after
        self._began = time.monotonic()
        self._first: float | None = None

    def __call__(self) -> bool:
        now = time.monotonic()
        if self._first is None and (_done(self._out) > self._before or now - self._began > 20):
            self._first = now
        return self._first is not None and now - self._first > self._after


def _forked(plan: Path, out: Path, is_time) -> bool:
    """A sweep in a process of its own, killed when `is_time` says so; whether it was."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            sweep(plan, out)
            code = 0
        finally:
            os._exit(code)
    while os.waitpid(pid, os.WNOHANG)[0] == 0:
        if is_time():
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return True
        time.sleep(0.02)
    return False


def _written(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(96, 6)).astype("f4"), np.arange(96) % 3
    np.savez(folder / "data.npz", x_train=x, y_train=y, x_test=x[:48], y_test=y[:48])
    path = folder / "plan.toml"
    path.write_text(PLAN.replace("data.npz", str(folder / "data.npz")))
    return path


def _done(out: Path) -> int:
    try:
        return status(out)["done"]
    except StudyProblem:
        return 0


def _complete(out: Path) -> bool:
    return (out / "study.sqlite").exists() and 0 < _done(out) == status(out)["cells"]


def _same(study: Study, other: Study) -> bool:
    """Every cell done once, with the same figures to the last bit."""
    done = study.status == other.status and study.status["left"] == study.status["failed"] == 0
    return done and study.figures.tobytes() == other.figures.tobytes()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
