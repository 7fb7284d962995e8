"""A plan as TOML -> Plan. What is wrong is said with its line and the nearest key.

dataset = "mnist"                       # or an .npz file, relative to this one
train_samples = 10000                   # the first so many; all without it
outcomes = ["test_accuracy", "delta_norm[1]", "signal_spread[-2]@last"]
keep_runs = false

[network]                               # one value, a list, or a range
activation = ["relu", "tanh"]
depth = { from = 10, to = 100, count = 10 }
[training]
learning_rate = { from = 1e-4, to = 1e-2, count = 5, spacing = "log" }
seeds = 3                               # 0, 1, 2; or a list

[[zip]]                                 # lists that go together
init = ["lecun_normal", "he_normal"]
scale = [1.0, 1.2]
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge.errors import FileProblem, GradgaugeError, InvalidValue
from gradgauge.messages.catalog import Message
from gradgauge.parts.losses import LOSSES
from gradgauge.places import is_file, is_there
from gradgauge.spec.checks import whole_number
from gradgauge.spec.notation import parse
from gradgauge.study.sweep.grid import (
    FIELDS,
    MOST_CELLS,
    NETWORK_FIELDS,
    SIZES,
    TRAINING_FIELDS,
    Axis,
    Plan,
    Value,
    network_of,
    training_of,
)
from gradgauge.study.sweep.outcomes import DEFAULT, OutcomeSpec, read_outcome
from gradgauge.study.sweep.toml_lines import lines_of

_TOP = (
    "dataset",
    "train_samples",
    "test_samples",
    "outcomes",
    "keep_runs",
    "network",
    "training",
    "zip",
)
_TRAINING = (*TRAINING_FIELDS, "seeds")
_RANGE = ("from", "to", "count", "spacing")
_MOST_OUTCOMES = 500
_DIGITS = 12
_LARGEST = 1e300
_LARGEST_FILE = 16_000_000


class PlanProblem(FileProblem):
    """A plan that cannot be.

    Args:
        path: the plan's file.
        line: where in it, from 1; 0 where it has no line.
        reason: a key of the catalogue's `errors.sweep.plan` table.
        cause: the mistake of a value itself, if it is one.
    """

    table = "sweep.plan"
    line: int
    cause: GradgaugeError | None

    def __init__(
        self,
        path: Path | str,
        line: int,
        reason: str,
        cause: GradgaugeError | None = None,
        **facts: object,
    ):
        GradgaugeError.__init__(
            self, path=str(path), line=line, reason=reason, cause=cause, facts=facts
        )

    def message(self) -> Message:
        """See GradgaugeError."""
        key, facts = super().message()
        where = f"errors.sweep.plan.at_{'line' if self.line else 'file'}"
        place = Message(where, {"path": self.path, "line": self.line})
        cause = {} if self.cause is None else {"cause": self.cause.message()}
        return Message(key, {"where": place, **facts, **cause})


def read_plan(path: Path | str) -> Plan:
    """The plan that a file holds.

    Raises:
        PlanProblem: it cannot be read, or asks for what cannot be; says the line.
    """
    path = Path(path)
    try:
        if is_there(path) and not is_file(path):
            raise PlanProblem(path, 0, "no_file")
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE + 1)
        if len(raw) > _LARGEST_FILE:
            raise PlanProblem(path, 0, "too_long")
        text = raw.decode("utf-8")
        document = tomllib.loads(text)
    except FileNotFoundError:
        raise PlanProblem(path, 0, "missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise PlanProblem(path, 0, "unreadable", why=error) from None
    # ValueError: a number of thousands of digits; RecursionError: brackets as deep.
    except (ValueError, RecursionError) as error:
        raise PlanProblem(path, 0, "not_toml", why=error) from None
    plan = _Reader(path, document, lines_of(text)).plan()
    if plan.cells > MOST_CELLS:
        raise PlanProblem(path, 0, "too_many", cells=f"{plan.cells:,}", most=f"{MOST_CELLS:,}")
    return plan


class _Reader:
    """Builds a Plan of a TOML document; `path` and `lines` are for what it says."""

    def __init__(self, path: Path, document: dict[str, Any], lines: dict[str, int]):
        self.path, self.document, self.lines = path, document, lines
        self.places: dict[str, str] = {}

    def plan(self) -> Plan:
        """The plan, checked as far as that goes without the data."""
        document = self.document
        self._known("", document, _TOP)
        axes, constants = self._tables()
        axes += self._zips()
        axes += [self._seeds()]
        self._network_is_named()
        plan = Plan(
            axes=tuple(axes),
            constants=constants,
            outcomes=self._outcomes(),
            dataset=self._dataset(),
            train_samples=self._count("train_samples"),
            test_samples=self._count("test_samples"),
            keep_runs=self._flag("keep_runs"),
        )
        self._go_together(plan)
        return plan

    def fail(self, place: str, reason: str, **facts: Any) -> PlanProblem:
        """The problem at a key's place (`network.depth`), or at its table's."""
        line = self.lines.get(place) or self.lines.get(place.rpartition(".")[0], 0)
        return PlanProblem(self.path, line, reason, **facts)

    def _known(self, table: str, keys: Iterable[str], known: Iterable[str]) -> None:
        known = list(known)
        for key in keys:
            if key in known:
                continue
            place = f"{table}.{key}" if table else key
            facts = {"field": key, "known": ", ".join(known)}
            home = "training" if key in _TRAINING else "network" if key in NETWORK_FIELDS else None
            if home and home != table.partition(".")[0] and table != "zip":
                raise self.fail(place, "belongs", home=home, **facts)
            close = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            if close:
                raise self.fail(place, "unknown_nearest", nearest=close[0], **facts)
            raise self.fail(place, "unknown", **facts)

    def _tables(self) -> tuple[list[Axis], dict[str, Value]]:
        axes: list[Axis] = []
        constants: dict[str, Value] = {}
        for table, known in (("network", NETWORK_FIELDS), ("training", _TRAINING)):
            content = self._table(table)
            self._known(table, content, known)
            for name, given in content.items():
                if name == "seeds":
                    continue
                place = self.places[name] = f"{table}.{name}"
                if isinstance(given, list | dict):
                    values = self._values(place, name, given)
                    axes.append(Axis((name,), tuple((value,) for value in values)))
                else:
                    constants[name] = self._value(place, name, given)
        return axes, constants

    def _table(self, name: str) -> dict[str, Any]:
        content = self.document.get(name, {})
        if not isinstance(content, dict):
            raise self.fail(name, "not_a_table", field=name)
        return content

    def _zips(self) -> list[Axis]:
        content = self.document.get("zip", [])
        if not isinstance(content, list) or not all(isinstance(z, dict) for z in content):
            raise self.fail("zip", "zip_not_tables")
        axes = []
        for at, table in enumerate(content):
            self._known(f"zip.{at}", table, [f for f in FIELDS if f != "seed"])
            columns = {}
            for name, given in table.items():
                place = f"zip.{at}.{name}"
                if name in self.places:
                    other = self.lines.get(self.places[name], 0)
                    raise self.fail(place, "zip_twice", field=name, other=other)
                self.places[name] = place
                if not isinstance(given, list | dict):
                    raise self.fail(place, "zip_not_a_list", field=name)
                columns[name] = self._values(place, name, given, distinct=False)
            lengths = {name: len(values) for name, values in columns.items()}
            if len(set(lengths.values())) > 1:
                described = ", ".join(f"{name}: {n}" for name, n in lengths.items())
                raise self.fail(f"zip.{at}", "zip_lengths", lengths=described)
            if columns:
                points = tuple(zip(*columns.values(), strict=True))
                if len(set(points)) < len(points):
                    raise self.fail(f"zip.{at}", "repeated", field=", ".join(columns))
                axes.append(Axis(tuple(columns), points))
        return axes

    def _seeds(self) -> Axis:
        given, place = self._table("training").get("seeds", 1), "training.seeds"
        if isinstance(given, list | dict):
            values: list[Value] = self._values(place, "seed", given)
        else:
            self._checked(place, lambda: whole_number("seeds", given, 1))
            self._few_enough(place, given)
            values = list(range(given))
        return Axis(("seed",), tuple((value,) for value in values))

    def _values(self, place: str, name: str, given: Any, distinct: bool = True) -> list[Value]:
        """The values of a list or of a range."""
        if isinstance(given, dict):
            given = self._range(place, name, given)
        if not given:
            raise self.fail(place, "empty_axis", field=place.rpartition(".")[2])
        values = [self._value(place, name, value) for value in given]
        if distinct and len(set(values)) < len(values):
            raise self.fail(place, "repeated", field=place.rpartition(".")[2])
        return values

    def _range(self, place: str, name: str, given: dict[str, Any]) -> list[Value]:
        self._known(place, given, _RANGE)
        numbers = all(
            isinstance(given.get(k), int | float)
            and not isinstance(given.get(k), bool)
            and abs(given[k]) <= _LARGEST  # neither infinite nor NaN
            for k in ("from", "to")
        )
        count, spacing = given.get("count"), given.get("spacing", "linear")
        if (
            FIELDS[name] is str
            or not numbers
            or spacing not in ("linear", "log")
            or not isinstance(count, int)
            or isinstance(count, bool)
            or count < 1
            or (spacing == "log" and min(given["from"], given["to"]) <= 0)
        ):
            raise self.fail(place, "bad_range", field=place.rpartition(".")[2])
        self._few_enough(place, count)
        along = np.geomspace if spacing == "log" else np.linspace
        values = along(given["from"], given["to"], count).tolist()
        if FIELDS[name] is int:
            return [round(value) for value in values]
        return [float(f"{value:.{_DIGITS}g}") for value in values]

    def _few_enough(self, place: str, count: int) -> None:
        if count > MOST_CELLS:
            field = place.rpartition(".")[2]
            cause = InvalidValue(field, count, "plan_most", most=MOST_CELLS)
            raise self.fail(place, "value", cause=cause)

    def _value(self, place: str, name: str, value: Any) -> Value:
        """A field's value in the field's type, checked by the spec that will hold it."""
        kind = FIELDS[name]
        if kind is str and not isinstance(value, str):
            raise self.fail(place, "value", cause=InvalidValue(name, value, "plan_text"))
        if kind is float:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise self.fail(place, "value", cause=InvalidValue(name, value, "plan_number"))
            value = float(value)

        def build() -> None:
            if name in TRAINING_FIELDS or name == "seed":
                if name == "seed":
                    whole_number(name, value, 0)
                training_of({name: value})
            elif name == "notation":
                _check_notation(value)
            else:
                if kind is int:
                    whole_number(name, value, 0 if name == "skip" else 1)
                network_of({name: value}, 1, 1)

        self._checked(place, build)
        return value

    def _checked(self, place: str, build: Any) -> None:
        try:
            build()
        except GradgaugeError as error:
            raise self.fail(place, "value", cause=error) from None

    def _network_is_named(self) -> None:
        if "notation" in self.places:
            for name in SIZES:
                if name in self.places:
                    raise self.fail(self.places[name], "beside_notation", field=name)
        elif "activation" not in self.places:
            raise self.fail("network", "no_network")

    def _outcomes(self) -> tuple[OutcomeSpec, ...]:
        given = self.document.get("outcomes")
        if given is None:
            return DEFAULT
        if not isinstance(given, list) or not given or not all(isinstance(o, str) for o in given):
            raise self.fail("outcomes", "bad_outcomes")
        if len(given) > _MOST_OUTCOMES:
            cause = InvalidValue("outcomes", len(given), "plan_most", most=_MOST_OUTCOMES)
            raise self.fail("outcomes", "value", cause=cause)
        outcomes: list[OutcomeSpec] = []
        for text in given:
            self._checked("outcomes", lambda text=text: outcomes.append(read_outcome(text)))
        if len(set(outcomes)) < len(outcomes):
            raise self.fail("outcomes", "repeated", field="outcomes")
        return tuple(outcomes)

    def _dataset(self) -> str:
        name = self.document.get("dataset", "mnist")
        if not isinstance(name, str):
            raise self.fail("dataset", "value", cause=InvalidValue("dataset", name, "plan_text"))
        beside = self.path.parent / name
        return str(beside.resolve()) if Path(name).suffix == ".npz" else name

    def _count(self, name: str) -> int | None:
        value = self.document.get(name)
        if value is not None:
            self._checked(name, lambda: whole_number(name, value, 1))
        return value

    def _flag(self, name: str) -> bool:
        value = self.document.get(name, False)
        if not isinstance(value, bool):
            raise self.fail(name, "value", cause=InvalidValue(name, value, "plan_flag"))
        return value

    def _go_together(self, plan: Plan) -> None:
        """Fields that limit one another: the losses, and skips with a notation's widths."""
        kinds = {LOSSES[str(loss)].classification for loss in plan.column("loss")}
        if len(kinds) > 1:
            raise self.fail(self.places["loss"], "two_kinds_of_loss")
        for notation in plan.column("notation"):
            for skip in plan.column("skip"):
                self._checked(
                    self.places["skip"],
                    lambda n=notation, k=skip: _check_notation(n, skip=k),
                )


def _check_notation(notation: Value, **fields: Value) -> None:
    """Raise what is wrong with a notation, whatever data it is for."""
    parse(str(notation)).replace(**fields)
