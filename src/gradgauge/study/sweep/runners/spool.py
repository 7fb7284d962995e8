"""What crosses between a study's process and a cluster's jobs, as files: JSON, .npz and NetCDF.

The folder is shared with other machines and may have come from somebody else. So nothing in it is
unpickled, and what cannot be read is as if it were not there: its cells are trained again.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.errors import RunFileProblem
from gradgauge.run import Run
from gradgauge.study.sweep.outcomes import read_outcome
from gradgauge.study.sweep.runners.runner import Done, Event, Failed, Job, Lost
from gradgauge.writing import write_text_whole, write_whole

_EVENTS = ".json"
_KINDS: dict[str, type[Done | Failed | Lost]] = {"done": Done, "failed": Failed, "lost": Lost}
_ARRAYS = ("x_train", "y_train", "x_test", "y_test")


def write_event(folder: Path, event: Event) -> None:
    """An event as `CELL.json`, its Run beside it as `CELL.nc`; each whole or not at all.

    Raises:
        OutputProblem: it cannot be written.
    """
    kind = next(name for name, one in _KINDS.items() if isinstance(event, one))
    facts = {f.name: getattr(event, f.name) for f in dataclasses.fields(event) if f.name != "run"}
    if isinstance(event, Done) and event.run is not None:
        event.run.save(_run_file(folder, event.cell))
    write_text_whole(folder / f"{event.cell}{_EVENTS}", json.dumps({"kind": kind, **facts}))


def take_events(folder: Path, job: Job) -> list[Event]:
    """All events in a folder, in the order of their cells; call `forget` when one is recorded."""
    events = []
    for path in sorted(folder.glob(f"*{_EVENTS}")):
        event = _event(path, job)
        if event is None:
            path.unlink(missing_ok=True)
        else:
            events.append(event)
    return events


def forget(folder: Path, event: Event) -> None:
    """Delete what `write_event` wrote."""
    (folder / f"{event.cell}{_EVENTS}").unlink(missing_ok=True)
    _run_file(folder, event.cell).unlink(missing_ok=True)


def _run_file(folder: Path, cell: int) -> Path:
    return folder / f"{cell}.nc"


def _event(path: Path, job: Job) -> Event | None:
    """An event if it is one of this job's."""
    try:
        facts: Any = json.loads(path.read_text(encoding="utf-8"))
        if path.stem != str(int(facts["cell"])) or facts["cell"] < 0:
            return None
        if facts["kind"] == "failed":
            return Failed(int(facts["cell"]), str(facts["error"]))
        if facts["kind"] == "lost":
            return Lost(int(facts["cell"]), bool(facts["blamed"]), str(facts["error"]))
        figures = tuple(float(figure) for figure in facts["figures"])
        if facts["kind"] != "done" or len(figures) != len(job.outcomes):
            return None
        cell = int(facts["cell"])
        run = Run.load(_run_file(path.parent, cell)) if job.keep_runs else None
        return Done(cell, str(facts["notation"]), int(facts["seed"]), figures, run)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, RunFileProblem):
        return None


def write_job(path: Path, job: Job) -> None:
    """A job as `.npz`: its arrays, and everything else as JSON.

    Raises:
        OutputProblem: it cannot be written.
    """
    data = job.dataset
    facts = {
        "dataset": {
            "name": data.name,
            "fingerprint": data.fingerprint,
            "image_shape": data.image_shape,
        },
        "outcomes": [str(outcome) for outcome in job.outcomes],
        "keep_runs": job.keep_runs,
    }
    arrays = {name: getattr(data, name) for name in _ARRAYS}

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)

    write_whole(path, write)


def read_job(path: Path) -> Job:
    """What `write_job` wrote.

    Raises:
        OSError, ValueError, KeyError, OutcomeProblem: it is damaged.
    """
    with np.load(path, allow_pickle=False) as file:
        facts = json.loads(str(file["facts"]))
        arrays = {name: file[name] for name in _ARRAYS}
    described = facts["dataset"]
    dataset = Dataset(
        name=described["name"],
        fingerprint=described["fingerprint"],
        image_shape=tuple(described["image_shape"]),
        **arrays,
    )
    outcomes = tuple(read_outcome(text) for text in facts["outcomes"])
    return Job(dataset, outcomes, bool(facts["keep_runs"]))
