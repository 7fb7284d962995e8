"""An engine that trains nothing: for tests of what lies around it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

import numpy as np

from gradgauge.engine.terms import Entry, TrainingResult
from gradgauge.run import Run, RunGroup
from gradgauge.spec.notation import write
from gradgauge.study.sweep.grid import Axis, Plan
from gradgauge.study.sweep.outcomes import read_outcome


def fake_run(entry: Entry) -> Run:
    """A Run whose accuracy tells which cell it is of."""
    text = f"{write(entry.network)} {entry.training}"
    number = int(hashlib.sha256(text.encode()).hexdigest()[:12], 16) / 16**12
    members = {
        "test_accuracy": (("member",), np.array([number])),
        "test_loss": (("member",), np.array([-number])),
    }
    return Run({}, RunGroup({"member": np.array(entry.training.seeds)}, members), {})


class FakeEngine:
    """Counts what it trains; fails where `fails` says so; takes `seconds` a cell."""

    def __init__(self, fails: Callable[[Entry], bool] = lambda entry: False, seconds: float = 0.0):  # noqa: ARG005
        self.fails, self.seconds = fails, seconds
        self.trained: list[str] = []
        self.calls = 0

    def __call__(self, entries, dataset, on_progress=None, on_run=None):  # noqa: ARG002
        self.calls += 1
        for at, entry in enumerate(entries):
            time.sleep(self.seconds)
            if self.fails(entry):
                raise RuntimeError(f"cell {entry.name} broke")
            self.trained.append(entry.name)
            on_run(at, fake_run(entry))
        return TrainingResult([], False)


def fake_plan(cells: int, **fields) -> Plan:
    """So many cells that differ in scale, with one seed."""
    scales = tuple((float(1 + i),) for i in range(cells))
    outcomes = (read_outcome("test_accuracy"), read_outcome("test_loss"))
    constants = {"activation": "relu", "depth": 2, "width": 4, "batch_size": 50}
    return Plan(
        (Axis(("scale",), scales), Axis(("seed",), ((0,),))), constants, outcomes, "blobs", **fields
    )
