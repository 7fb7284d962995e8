"""This machine: every block of cells is one ensemble of the engine, in this process."""

from __future__ import annotations

from gradgauge.engine.runtime import workers
from gradgauge.engine.train import train as engine_train
from gradgauge.study.sweep.runners.runner import Claim, Job, Record, Train, train_cells

CELLS_PER_CORE = 32
"""Most cells in a block: at its end, cores wait for the last one. A kill loses no more for it,
since every cell is recorded by itself."""


class LocalRunner:
    """Trains in this process, a thread a core; on a GPU in blocks that fit its memory.

    Args:
        train: the engine.
    """

    name = "local"
    here = True

    def __init__(self, train: Train = engine_train):
        self._train = train

    def run(self, job: Job, claim: Claim, record: Record) -> None:
        """As `Runner.run`."""
        while cells := claim(CELLS_PER_CORE * workers(), 1):
            if train_cells(job, cells, record, self._train):
                raise KeyboardInterrupt
