"""What a study's charts show: means over seeds along chosen fields, and theory's lines there."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradgauge.errors import InvalidValue, Problem, UnknownName
from gradgauge.statistics import summarize
from gradgauge.study.sweep.grid import FIELDS, Value
from gradgauge.study.sweep.outcomes import OutcomeSpec
from gradgauge.study.sweep.results import Study
from gradgauge.study.theory.lines import DECIDING, TheoryLine, theory_lines

Row = dict[str, Any]


class ChartProblem(Problem):
    """A chart that cannot be drawn.

    Args:
        reason: a key of the catalogue's `errors.sweep.chart` table.
    """

    table = "sweep.chart"


@dataclass(frozen=True)
class Slice:
    """A part of a study, ready to be drawn.

    Attributes:
        outcome: what is shown.
        x: the field across.
        y: the field up on a map; None for lines.
        color: the field told apart by color beside lines; None for a single one, or a map.
        facet: the field with a panel for each value, or None.
        fixed: fields that have one value in all of it.
        seeds: networks in each mean.
        rows: one a point: the fields, `value`, `low`, `high` (95 % over seeds, None without)
            and `networks`; `value` is None where nothing is known.
        theory: lines by facet value (None without a facet).
    """

    outcome: OutcomeSpec
    x: str
    y: str | None
    color: str | None
    facet: str | None
    fixed: dict[str, Value]
    seeds: int
    rows: list[Row]
    theory: dict[Value | None, list[TheoryLine]] = field(default_factory=dict)


def cut(
    study: Study,
    x: str,
    y: str,
    color: str | None = None,
    facet: str | None = None,
    where: Mapping[str, str] | None = None,
) -> Slice:
    """The part of a study that a chart shows.

    Args:
        study: the study.
        x: a field.
        y: a field, and `color` is an outcome: a map; or an outcome: lines over x.
        color: see y; beside lines a field or None.
        facet: a field that gets panels.
        where: field -> the one value to keep, as text.

    Raises:
        UnknownName: no such field or outcome in this study.
        InvalidValue: a field does not take the value.
        ChartProblem: fields are left over, or nothing is done yet.
    """
    names = list(study.outcomes)
    is_map = y not in names
    shown = color if is_map else y
    axes = [x, *([y] if is_map else []), *([color] if color and not is_map else [])]
    axes += [facet] if facet else []
    for name in axes:
        _check_field(study, name)
    _check_outcome(study, shown, names)
    _check_axes_differ(study, axes)
    kept = _kept(study, where or {})
    _check_nothing_left_over(study, axes, kept)
    if not study.status["done"]:
        raise ChartProblem("nothing_done", path=study.folder)
    outcome = study.outcomes[str(shown)]
    rows, seeds = _rows(study, outcome, axes, kept)
    fixed = _fixed(study, axes, kept)
    part = Slice(
        outcome, x, y if is_map else None, None if is_map else color, facet, fixed, seeds, rows
    )
    for value in dict.fromkeys(row[facet] if facet else None for row in rows):
        values = {**fixed, **({facet: value} if facet else {})}
        shown_axes = [x, *([part.y] if part.y else [])]
        # A field that varies after the picture (beside another in a zip, from line to line)
        # leaves no single line to draw.
        settled = all(
            name in values or name in shown_axes or not study.plan.column(name) for name in DECIDING
        )
        part.theory[value] = (
            theory_lines(values, x, part.y, _ranges(rows, shown_axes)) if settled else []
        )
    return part


def _fields(study: Study) -> list[str]:
    return [name for axis in study.plan.axes for name in axis.fields]


def _check_field(study: Study, name: str) -> None:
    known = _fields(study)
    if name not in known:
        raise UnknownName("field", name, [*known, *study.outcomes])


def _check_outcome(study: Study, shown: str | None, names: Sequence[str]) -> None:
    if shown in names:
        return
    if shown is None or shown in _fields(study):
        raise ChartProblem("not_shown", name=shown or "", known=", ".join(names))
    raise UnknownName("outcome", shown, names)


def _axis_of(study: Study, name: str) -> int:
    return next(i for i, axis in enumerate(study.plan.axes) if name in axis.fields)


def _check_axes_differ(study: Study, axes: Sequence[str]) -> None:
    used = [_axis_of(study, name) for name in axes]
    for at, axis in enumerate(used):
        if axis in used[:at]:
            raise ChartProblem("twice", name=axes[at])


def _kept(study: Study, where: Mapping[str, str]) -> dict[int, list[int]]:
    """Axis -> the places that are kept."""
    kept: dict[int, list[int]] = {}
    for name, text in where.items():
        values = study.plan.column(name)
        if not values:
            raise UnknownName("field", name, [*_fields(study), *study.plan.constants])
        places = [i for i, value in enumerate(values) if _same(name, value, text)]
        if not places:
            known = ", ".join(map(str, values[:12]))
            raise InvalidValue(name, text, "plan_one_of_its_values", known=known)
        if name not in study.plan.constants:
            axis = _axis_of(study, name)
            kept[axis] = [i for i in kept.get(axis, places) if i in places]
    return kept


def _same(name: str, value: Value, text: str) -> bool:
    if FIELDS[name] is str:
        return value == text
    try:
        return bool(np.isclose(float(value), float(text), rtol=1e-6, atol=0))
    except ValueError:
        return False


def _check_nothing_left_over(
    study: Study, axes: Sequence[str], kept: Mapping[int, list[int]]
) -> None:
    used = {_axis_of(study, name) for name in axes}
    over = [
        axis.fields[0]
        for at, axis in enumerate(study.plan.axes)
        if at not in used and axis.fields != ("seed",) and len(kept.get(at, axis.points)) > 1
    ]
    if over:
        raise ChartProblem("unfixed", fields=", ".join(over), first=over[0])


def _fixed(study: Study, axes: Sequence[str], kept: Mapping[int, list[int]]) -> dict[str, Value]:
    fixed = dict(study.plan.constants)
    for at, axis in enumerate(study.plan.axes):
        places = kept.get(at, range(len(axis.points)))
        for name in axis.fields:
            values = {axis.column(name)[i] for i in places}
            if len(values) == 1 and name not in axes and name != "seed":
                fixed[name] = values.pop()
    return fixed


def _rows(
    study: Study, outcome: OutcomeSpec, axes: Sequence[str], kept: Mapping[int, list[int]]
) -> tuple[list[Row], int]:
    plan = study.plan
    places = [kept.get(at, list(range(len(axis.points)))) for at, axis in enumerate(plan.axes)]
    values = study.values(str(outcome))[np.ix_(*places)]
    order = [_axis_of(study, name) for name in axes]
    rest = [at for at in range(len(plan.axes)) if at not in order]
    values = np.transpose(values, [*order, *rest])
    values = values.reshape(*values.shape[: len(order)], -1)
    columns = [
        [plan.axes[at].column(name)[i] for i in places[at]]
        for name, at in zip(axes, order, strict=True)
    ]
    rows = [
        {**dict(zip(axes, point, strict=True)), **_summary(values[where], outcome)}
        for where, point in zip(
            np.ndindex(*values.shape[:-1]), itertools.product(*columns), strict=True
        )
    ]
    return rows, values.shape[-1]


def _summary(values: np.ndarray, outcome: OutcomeSpec) -> Row:
    """Mean and interval over the networks that have a value; in decades for norms and gains."""
    geometric = outcome.over_seeds == "geometric"
    fine = values[np.isfinite(values)]
    if geometric and (fine <= 0).any():
        return {"value": 0.0, "low": None, "high": None, "networks": len(fine)}
    if not len(fine):
        return {"value": None, "low": None, "high": None, "networks": 0}
    found = summarize(np.log10(fine) if geometric else fine)
    back = (lambda v: float(10**v)) if geometric else float
    low, high = found.interval or (None, None)
    return {
        "value": back(found.mean),
        "low": None if low is None else back(low),
        "high": None if high is None else back(high),
        "networks": len(fine),
    }


def _ranges(rows: Sequence[Row], names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """From where to where a map reaches along the fields that are numbers: half a step beyond
    their values, but not to 0."""
    ranges = {}
    for name in names:
        if FIELDS.get(name) in (int, float):
            values = sorted({float(row[name]) for row in rows})
            low, high = values[0], values[-1]
            if len(values) > 1:
                low = max(low - (values[1] - low) / 2, low / 2)
                high += (high - values[-2]) / 2
            ranges[name] = (low, high)
    return ranges
