"""What came of a study, as tables and arrays. Reads; never writes into the study."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradgauge.errors import InvalidValue, MissingExtra, OutputProblem, UnknownName
from gradgauge.places import is_folder
from gradgauge.run import Run
from gradgauge.study.sweep.grid import FIELDS, Plan
from gradgauge.study.sweep.outcomes import OutcomeSpec
from gradgauge.study.sweep.schema import kept_run, read_study, read_versions
from gradgauge.study.sweep.store import DONE, FAILED, count, reading
from gradgauge.writing import write_whole

if TYPE_CHECKING:
    import pandas
    import xarray

STATES = {DONE: "done", FAILED: "failed"}
_LEFT = "left"
EXPORTS = (".parquet", ".csv")


@dataclass(frozen=True)
class Study:
    """The plan of a study and its results so far.

    Attributes:
        folder: the folder of the study.
        plan: the plan that the study follows.
        figures: (cells, outcomes), NaN where a cell is not done or has no such number.
        states: state of each cell: `done`, `failed` or `left`.
        errors: of the cells that failed: cell -> what was raised.
        run_paths: of the cells whose Run was kept.
        status: `cells`, `done`, `failed`, `left`.
        sessions: the processes that worked on it: when, where, versions.
    """

    folder: Path
    plan: Plan
    figures: np.ndarray
    states: np.ndarray
    errors: dict[int, str]
    run_paths: dict[int, str]
    status: dict[str, int]
    sessions: list[dict[str, Any]]

    def __repr__(self) -> str:
        done, cells = self.status["done"], self.status["cells"]
        return f"<Study {str(self.folder)!r}: {done} of {cells} cells done>"

    @property
    def outcomes(self) -> dict[str, OutcomeSpec]:
        """The outcomes by name, in the order of the plan."""
        return {str(outcome): outcome for outcome in self.plan.outcomes}

    def values(self, outcome: str) -> np.ndarray:
        """An outcome over the plan's axes, the seeds last.

        Raises:
            UnknownName: the study did not record it.
        """
        names = list(self.outcomes)
        if outcome not in names:
            raise UnknownName("outcome", outcome, names)
        return self.figures[:, names.index(outcome)].reshape(self.plan.shape)

    def to_xarray(self) -> xarray.Dataset:
        """Outcomes and `state` over the axes; fields that were zipped share a dimension."""
        import xarray

        dims = [axis.name for axis in self.plan.axes]
        coords: dict[str, Any] = {}
        for axis in self.plan.axes:
            for field in axis.fields:
                coords[field] = (axis.name, np.array(axis.column(field)))
            if len(axis.fields) > 1:
                coords[axis.name] = np.arange(len(axis.points))
        variables = {name: (dims, self.values(name)) for name in self.outcomes}
        variables["state"] = (dims, self.states.astype(str).reshape(self.plan.shape))
        attributes = {
            **{f"field_{name}": value for name, value in self.plan.constants.items()},
            "dataset": self.plan.dataset,
            "plan_fingerprint": self.plan.fingerprint,
        }
        return xarray.Dataset(variables, coords=coords, attrs=attributes)

    def to_pandas(self) -> pandas.DataFrame:
        """One row per cell: every field of the plan, every outcome, state, error, run."""
        import pandas

        cells = self.plan.cells
        columns: dict[str, Any] = {}
        places = np.unravel_index(np.arange(cells), self.plan.shape)
        for name in FIELDS:
            if name in self.plan.constants:
                columns[name] = np.full(cells, self.plan.constants[name])
        for axis, place in zip(self.plan.axes, places, strict=True):
            for field in axis.fields:
                columns[field] = np.array(axis.column(field))[place]
        columns |= {name: self.figures[:, i] for i, name in enumerate(self.outcomes)}
        columns["state"] = self.states
        columns["error"] = [self.errors.get(cell) for cell in range(cells)]
        if self.plan.keep_runs:
            columns["run"] = [self.run_paths.get(cell) for cell in range(cells)]
        return pandas.DataFrame(columns, index=pandas.RangeIndex(cells, name="cell"))

    def run(self, cell: int) -> Run:
        """The Run of a cell, if the plan keeps Runs.

        Raises:
            InvalidValue: no Run of this cell was kept.
            RunFileProblem: it cannot be read.
        """
        if cell not in self.run_paths:
            raise InvalidValue("cell", cell, "plan_kept_run")
        return Run.load(self.folder / self.run_paths[cell])

    def export(self, path: Path | str) -> Path:
        """Write the table of `to_pandas` as Parquet or CSV, depending on the file extension.

        Raises:
            UnknownName: another file extension.
            OutputProblem: it cannot be written.
        """
        path = Path(path)
        check_export(path)
        table = self.to_pandas()
        if path.suffix == ".csv":
            return write_whole(path, table.to_csv)
        return write_whole(path, table.to_parquet)


def check_export(path: Path | str) -> None:
    """Raise unless a table can be written to a file of this name.

    Raises:
        UnknownName: its ending is neither of EXPORTS.
        MissingExtra: Parquet without pyarrow.
        OutputProblem: it is a folder.
    """
    if Path(path).suffix not in EXPORTS:
        raise UnknownName("export", Path(path).suffix or Path(path).name, EXPORTS)
    if Path(path).suffix == ".parquet" and importlib.util.find_spec("pyarrow") is None:
        raise MissingExtra("--export *.parquet", "parquet")
    if is_folder(path):
        raise OutputProblem(path, "not_writable", why="a folder")


def load_study(folder: Path | str) -> Study:
    """Load the results of a study, even while it is still running.

    Args:
        folder: where `gradgauge sweep` wrote it.

    Raises:
        StudyProblem: there is none, or it cannot be read.

    `gradgauge.sweep` has an example.
    """
    folder = Path(folder)
    with reading(folder) as db:
        # One transaction: figures and states of one moment.
        db.execute("BEGIN")
        _, plan = read_study(db, folder)
        figures = np.full((plan.cells, len(plan.outcomes)), np.nan)
        states = np.full(plan.cells, _LEFT, object)
        errors, runs = {}, {}
        for cell, state, error in db.execute("SELECT cell, state, error FROM cells"):
            states[cell] = STATES.get(state, _LEFT)
            if state == FAILED:
                errors[cell] = error
        for cell, run, *values in db.execute(
            f"SELECT cell, run{''.join(_quoted(o) for o in plan.outcomes)} FROM results"
        ):
            figures[cell] = [_figure(value) for value in values]
            if kept_run(run):
                runs[cell] = run
        status = count(db)
        sessions = _sessions(db)
    return Study(folder, plan, figures, states, errors, runs, status, sessions)


def _figure(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else np.nan


def _quoted(outcome: OutcomeSpec) -> str:
    return f', "{outcome}"'


def _sessions(db: Any) -> list[dict[str, Any]]:
    rows = db.execute("SELECT began, host, runner, versions FROM sessions ORDER BY session")
    return [
        {
            "began": began,
            "host": host.partition("/")[0],
            "runner": runner,
            **read_versions(versions),
        }
        for began, host, runner, versions in rows
    ]
