"""Slurm, through submitit: few long jobs, each with a block of cells.

A job reads the data from one file and writes every cell's results to a file of its own, in the
study's folder, which the cluster must share. The process that was started collects them; if it
dies, the next one finds what the jobs have done meanwhile. submitit hands a job its arguments as
a pickle: that lies in a folder of this process's own, which nobody else can have written into.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import submitit

from gradgauge.engine.train import train
from gradgauge.errors import OutputProblem
from gradgauge.seal import private_folder
from gradgauge.study.sweep.grid import Cell
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.runners.runner import (
    Claim,
    Job,
    Pace,
    Record,
    lost_events,
    train_cells,
)
from gradgauge.study.sweep.runners.spool import (
    forget,
    read_job,
    take_events,
    write_event,
    write_job,
)

FOLDER = "slurm"
CELLS_PER_JOB = 1_024
_JOBS = 16


def work(job_file: str, spool: str, cells: Sequence[Cell]) -> None:
    """In a Slurm job: train a block on all cores it was given."""
    train_cells(read_job(Path(job_file)), cells, partial(write_event, Path(spool)), train)


class SlurmRunner:
    """Trains in Slurm jobs.

    Args:
        folder: the study's, on a disk that all nodes share.
        jobs: most of them at once.
        parameters: of submitit's executor: `slurm_partition`, `timeout_min`, `cpus_per_task`,
            ...; `cluster = local` runs the jobs as processes of this machine.
    """

    name = "slurm"
    here = False
    folder: Path
    jobs: int
    parameters: dict[str, Any]

    def __init__(
        self,
        folder: Path | str,
        jobs: int | None = None,
        parameters: Mapping[str, Any] | None = None,
    ):
        self.folder = Path(folder).absolute() / FOLDER
        self.jobs = jobs or _JOBS
        self.parameters = dict(parameters or {})

    def run(self, job: Job, claim: Claim, record: Record) -> None:
        """As `Runner.run`.

        Raises:
            StudyProblem: there is no Slurm here, it does not know a parameter, or others can
                write into the folder.
            OutputProblem: the folder cannot be written.
        """
        spool = self._own_folder("spool")
        executor = self._executor()
        job_file = self.folder / "job.npz"
        write_job(job_file, job)
        _collect(spool, job, record)
        pending: dict[Any, dict[int, Cell]] = {}
        pace = Pace()
        try:
            while True:
                # What is left, split evenly over the jobs that are free: each costs a start.
                while (free := self.jobs - len(pending)) and (cells := claim(CELLS_PER_JOB, free)):
                    submitted = executor.submit(work, str(job_file), str(spool), cells)
                    pending[submitted] = {cell.index: cell for cell in cells}
                if not pending:
                    return
                pace.wait(self._look(pending, spool, job, record))
        finally:
            for submitted in pending:
                submitted.cancel(check=False)

    def _look(
        self, pending: dict[Any, dict[int, Cell]], spool: Path, job: Job, record: Record
    ) -> bool:
        """Record what has come, and what has died; whether anything has."""
        # First who has ended, then what is there: a job writes before it ends.
        over = [submitted for submitted in pending if submitted.done()]
        come = set(_collect(spool, job, record))
        for submitted in list(pending):
            for cell in come & pending[submitted].keys():
                del pending[submitted][cell]
            if submitted in over:
                for lost in lost_events(pending.pop(submitted), _last_words(submitted)):
                    record(lost)
        return bool(come or over)

    def _own_folder(self, name: str) -> Path:
        """A folder of ours, that nobody else can write into."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise OutputProblem(self.folder / name, "not_writable", why=error.strerror) from None
        for folder in (self.folder, self.folder / name):
            if private_folder(folder) is None:
                raise StudyProblem(folder, "not_private")
        return self.folder / name

    def _executor(self) -> Any:
        parameters = {"timeout_min": 60, "name": "gradgauge", **self.parameters}
        cluster = parameters.pop("cluster", "slurm")
        try:
            logs = tempfile.mkdtemp(dir=self._own_folder("logs"))
            executor = submitit.AutoExecutor(logs, cluster=cluster)
            executor.update_parameters(**parameters)
        except (RuntimeError, NameError, TypeError, ValueError) as error:
            why = str(error).partition("\n")[0]
            raise StudyProblem(self.folder, "no_slurm", why=why) from None
        return executor


def _collect(spool: Path, job: Job, record: Record) -> list[int]:
    """Record all events in the spool, and delete them."""
    cells = []
    for event in take_events(spool, job):
        record(event)
        forget(spool, event)
        cells.append(event.cell)
    return cells


def _last_words(submitted: Any) -> str:
    """Why a job ended before its cells did."""
    with contextlib.suppress(Exception):
        error = submitted.exception()
        if error is not None:
            return str(error).strip().rpartition("\n")[2]
    return "the job ended early"
