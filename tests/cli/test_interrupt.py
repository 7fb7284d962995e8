"""Ctrl-C at any moment: over within two seconds, 130, no traceback, whole files."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from gradgauge.cli.interrupt import _in_native_code
from gradgauge.run import Run

MOMENTS = int(os.environ.get("GRADGAUGE_MOMENTS", "3"))
"""A command; ten are tried with GRADGAUGE_MOMENTS=10."""

COMMANDS = {
    "compare": ["compare", "relu", "sigmoid", "--epochs", "500", "--out", "out"],
    "why": ["why", "sigmoid", "--epochs", "500", "--out", "out"],
    "sweep": ["sweep", "plan.toml", "--out", "study"],
    "theory": ["theory", "tanh", "--diagram", "--points", "400", "--out", "out"],
    "measure": ["theory", "tanh", "--measure", "--width", "900", "--seeds", "500", "--out", "out"],
    "diagnose": ["diagnose", "model.keras", "--data", "data.npz", "--epochs", "9000"],
    "own": ["compare", "mine.py:make", "--data", "data.npz", "--epochs", "900", "--out", "own"],
    "remedy": ["remedy", "sigmoid", "--data", "digits", "--out", "trial"],
    "play": ["play", "--no-browser", "--port", "0"],
}

OWN_HANDLER = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
"""Where the tests run in the background, Ctrl-C is switched off for them and their children."""

MINE = """
import torch
def make():
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    return model, torch.nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
"""

PLAN = """
dataset = "data.npz"
[network]
activation = ["relu", "tanh"]
scale = { from = 0.5, to = 2, count = 100 }
[training]
epochs = 50
batch_size = 8
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    import keras

    place = tmp_path_factory.mktemp("interrupt")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(400, 6)).astype("float32"), np.arange(400) % 2
    np.savez(place / "data.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.save(place / "model.keras")
    (place / "plan.toml").write_text(PLAN)
    (place / "mine.py").write_text(MINE)
    return place


@pytest.mark.parametrize("name", sorted(COMMANDS))
@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_command_ends_within_two_seconds_and_keeps_whole_files(folder, name, moment):
    code = f"{OWN_HANDLER}; sys.argv[0] = 'gradgauge'; from gradgauge.cli.app import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *COMMANDS[name]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # From the first import on: before that it is Python's, not ours.
    time.sleep(0.3 + random.Random(f"{name}{moment}").random() * 8)
    over = process.poll() is not None
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, err = process.communicate(timeout=30)
    assert "Traceback" not in err
    if not over:
        assert time.monotonic() - began < 4  # Two, on a machine that does nothing else.
        # None lasts less than minutes: 0 is the code of one that was done when it was stopped.
        assert process.returncode == 130 or (process.returncode == 0 and not err)
    for file in folder.rglob("*.nc"):
        Run.load(file)


def test_importing_the_package_leaves_ones_own_handler_alone():
    code = (
        f"{OWN_HANDLER}; import gradgauge.cli.app; print(signal.getsignal(signal.SIGINT).__name__)"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "default_int_handler"


def test_a_program_of_somebody_elses_keeps_its_own_handler(tmp_path):
    module = tmp_path / "theirs" / "__main__.py"
    module.parent.mkdir()
    module.write_text(
        "import signal\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import gradgauge.cli.app\n"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)\n"
    )
    command = [sys.executable, "-m", "theirs"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True"]


def test_nothing_is_raised_where_xla_may_have_called_python():
    """A KeyboardInterrupt in a callback of XLA's ended the process by std::terminate."""
    over, there = threading.Event(), threading.Event()
    theirs = {"__name__": "jax._src.callback", "over": over, "there": there}
    exec("def call():\n    there.set()\n    over.wait()", theirs)
    for work, native in ((theirs["call"], True), (lambda: (there.set(), over.wait()), False)):
        over.clear()
        there.clear()
        thread = threading.Thread(target=work)
        thread.start()
        there.wait()
        assert _in_native_code(thread) == native
        over.set()
        thread.join()
