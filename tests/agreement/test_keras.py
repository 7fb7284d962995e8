"""gradgauge against Keras on TensorFlow and on JAX, each run in a process of its own."""

from __future__ import annotations

import fcntl
import functools
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.agreement.cases import BATCH, FREE_ON, Case, free_running_cases, keras_cases
from tests.agreement.checks import (
    check_free_run,
    check_gauges,
    check_pass,
    check_statistics,
    check_update,
)

ROOT = Path(__file__).parents[2]
BACKENDS = ("tensorflow", "jax")
UPDATE_TOLERANCE = 1e-9
# One of the networks magnifies a difference a million times in fifty steps.
FREE_TOLERANCE = 1e-6


def rounds(backend: str, case: Case) -> bool:
    """Whether the backend takes the optimizers' constants through float32, which float64 shows."""
    return backend == "tensorflow" and case.dtype == "float64"


@pytest.fixture(scope="session")
def trajectory(tmp_path_factory: pytest.TempPathFactory):
    """(backend, case) -> the peer's trajectory. Each script runs once, whichever worker asks."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent

    @functools.lru_cache(maxsize=64)
    def get(backend: str, case: Case) -> dict[str, np.ndarray]:
        folder = base / f"keras-{backend}"
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "done").exists():
                _run_script(backend, folder)
                (folder / "done").touch()
        return dict(np.load(folder / f"{case.name}.npz"))

    return get


def _run_script(backend: str, folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.agreement.peer_keras", str(folder)],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def _cases(choose=keras_cases):
    """Both backends' cases by turns, so that two workers begin with a script each."""
    by_backend = [[(backend, case) for case in choose(backend)] for backend in BACKENDS]
    mixed = [pair for pairs in itertools.zip_longest(*by_backend) for pair in pairs if pair]
    ids = [f"{backend}-{case.name}" for backend, case in mixed]
    return pytest.mark.parametrize(("backend", "case"), mixed, ids=ids)


@_cases()
def test_passes_and_updates_from_kerass_states(backend: str, case: Case, trajectory) -> None:
    peer = trajectory(backend, case)
    check_pass(case, peer)
    check_update(case, peer, UPDATE_TOLERANCE, rounds(backend, case))


@_cases(lambda backend: [c for c in keras_cases(backend) if c.skip == 2 and c.norm != "none"])
def test_gauges(backend: str, case: Case, trajectory) -> None:
    check_gauges(case, trajectory(backend, case))


@_cases(lambda backend: [c for c in keras_cases(backend) if c.norm == "batch"])
def test_running_statistics_and_inference(backend: str, case: Case, trajectory) -> None:
    check_statistics(case, trajectory(backend, case), BATCH, unbiased=False)


@_cases(lambda backend: free_running_cases(FREE_ON[backend]))
def test_fifty_steps_on_its_own(backend: str, case: Case, trajectory) -> None:
    peer = trajectory(backend, case)
    check_free_run(case, peer, FREE_TOLERANCE, rounds(backend, case))
