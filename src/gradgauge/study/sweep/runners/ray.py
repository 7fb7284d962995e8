"""A Ray cluster: one task a core, each with its own block of cells.

The data lies in the object store once. A task streams every cell's results back as soon as
they are there, so that a worker that dies costs the one cell it was at. No more tasks are under
way than the cluster has cores and a few, however many cells there are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from gradgauge.engine.train import train
from gradgauge.study.sweep.grid import Cell
from gradgauge.study.sweep.problems import StudyProblem
from gradgauge.study.sweep.runners.ray_cluster import Cluster, connect
from gradgauge.study.sweep.runners.runner import (
    Claim,
    Done,
    Event,
    Failed,
    Job,
    Record,
    lost_events,
    train_cells,
)

CELLS_PER_TASK = 16
_PORTIONS = 2
_AHEAD = 2
_PATIENCE = 0.2


def _work(job: Job, cells: Sequence[Cell]) -> Iterator[Event]:
    """In a worker: train cell by cell on one core, and hand each over."""
    for cell in cells:
        events: list[Event] = []
        train_cells(job, [cell], events.append, train)
        yield from events


class RayRunner:
    """Trains on the cluster at `address`, or on one of this machine's cores.

    Args:
        address: of a running cluster (`auto`, `host:6379`, `ray://host:10001`); None: a local
            cluster that ends with the study.
        jobs: most tasks at once; None: one a core, and a few ahead.
    """

    name = "ray"
    here = False
    address: str | None
    jobs: int | None

    def __init__(self, address: str | None = None, jobs: int | None = None):
        self.address, self.jobs = address, jobs

    def run(self, job: Job, claim: Claim, record: Record) -> None:
        """As `Runner.run`.

        Raises:
            StudyProblem: no cluster answers at the address, or it is gone.
        """
        cluster = connect(self.address)
        try:
            self._run(cluster, job, claim, record)
        except (ConnectionError, RayError) as error:
            raise StudyProblem(self.address or "Ray", "ray_gone") from error
        finally:
            cluster.end()

    def _run(self, cluster: Cluster, job: Job, claim: Claim, record: Record) -> None:
        # Not retried by Ray: the store knows which cells are done, and counts the deaths.
        task = ray.remote(num_cpus=1, max_retries=0)(_work)
        shared = ray.put(job)
        pending: dict[Any, dict[int, Cell]] = {}
        try:
            while True:
                cluster.check()
                room = self._room()
                while len(pending) < room and (cells := claim(CELLS_PER_TASK, _PORTIONS * room)):
                    stream = task.options(num_returns="streaming").remote(shared, cells)
                    pending[stream] = {cell.index: cell for cell in cells}
                if not pending:
                    return
                for stream in _ready(list(pending)):
                    if _take(stream, pending[stream], record):
                        del pending[stream]
        finally:
            for stream in pending:
                with contextlib.suppress(RayError, ConnectionError, ValueError):
                    ray.cancel(stream, force=True)

    def _room(self) -> int:
        """Tasks that may be under way; asked again each time, as nodes come and go."""
        return self.jobs or int(ray.cluster_resources().get("CPU", 1)) + _AHEAD


def _ready(streams: list[Any]) -> list[Any]:
    """Those that have something, all at once: with thousands of streams, one look for each event
    would cost more than the events."""
    first, _ = ray.wait(streams, timeout=_PATIENCE, fetch_local=False)
    if not first:
        return []
    ready, _ = ray.wait(streams, num_returns=len(streams), timeout=0, fetch_local=False)
    return ready or first


def _take(stream: Any, left: dict[int, Cell], record: Record) -> bool:
    """Record the next event of a stream; whether it was the last."""
    try:
        event: Any = ray.get(next(stream), timeout=60.0)
    except StopIteration:
        return True
    except RayTaskError as error:
        # Raised by the task itself, outside of a cell: the package is missing there, say.
        reason = str(error.cause or error).strip().rpartition("\n")[2]
        for cell in left:
            record(Failed(cell, reason))
        return True
    except GetTimeoutError:
        return False
    except RayError as error:
        for lost in lost_events(left, type(error).__name__):
            record(lost)
        return True
    record(event)
    if isinstance(event, Done | Failed):
        left.pop(event.cell, None)
    return False
