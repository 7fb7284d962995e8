"""The same on Keras's other backends, which read data each in a way of its own: one process each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ASKED = "test_as_the_ordinary_loop and keras"


@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_the_ordinary_loop_on(backend):
    file = Path(__file__).with_name("test_training.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file), "-k", _ASKED],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout[-3_000:]
    assert "1 passed" in done.stdout
