"""A disk that takes no more: the figures first, then one sentence, and nothing half written."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

MAIN = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
sys.argv[0] = "gradgauge"
from gradgauge.cli.app import main
main()
"""
"""No file grows beyond a kilobyte: what a full disk answers, without one."""

SIZES = ["--seeds", "1", "--epochs", "1", "--batch-size", "20"]
COMMANDS = {
    "compare": ["compare", "6-4-2 relu", "--data", "data.npz", *SIZES],
    "why": ["why", "6-4-2 sigmoid", "--data", "data.npz", *SIZES],
    "theory": ["theory", "tanh", "--sigma-w", "1.5", "--measure", "--width", "20", "--depth", "3"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_figures_are_shown_before_the_complaint(name, tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 6)).astype("f4"), np.arange(60) % 2
    np.savez(tmp_path / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *COMMANDS[name], "--out", "out", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert json.loads(done.stdout)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "cannot be written" in sentence
    assert all(file.stat().st_size == 0 for file in tmp_path.rglob("*.nc"))
    assert not list(tmp_path.glob("out/.*"))
