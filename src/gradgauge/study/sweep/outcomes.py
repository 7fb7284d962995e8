"""What a study writes down of every cell: one line of text <-> one number of a Run.

    test_accuracy                a figure of the whole training
    train_loss@last              an epoch's mean: @first, @last (default) or @N, epoch N from 1
    delta_norm[1]                a gauge of layer 1, before training (@first, default)
    signal_spread[-2]@last       of the last hidden layer (-1: the output layer), after training
    update_ratio[max]@100        the largest over the hidden layers, as last taken by step 100
    attenuation.decades@last     also .slope_decades, .weight_decades

A layer that a network does not have gives NaN, so that networks of all depths share a study.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.errors import GradgaugeError, Problem, UnknownName
from gradgauge.gauges import PROBE_QUANTITIES, QUANTITIES
from gradgauge.run import Run, RunGroup
from gradgauge.study.by_layer import attenuation, last_taken

FIGURES = ("test_accuracy", "test_loss", "non_finite_step", "non_finite_layer", "steps_done")
EPOCH_FIGURES = {"train_accuracy": "accuracy", "train_loss": "loss"}
ATTENUATION = tuple(
    f"attenuation.{part}" for part in ("decades", "slope_decades", "weight_decades")
)
OVER_LAYERS: dict[str, Callable[..., Any]] = {
    "min": np.nanmin,
    "max": np.nanmax,
    "mean": np.nanmean,
}
NAMES = (*FIGURES, *EPOCH_FIGURES, *ATTENUATION, *QUANTITIES)

_PATTERN = re.compile(
    r"(?P<name>[a-z_0-9]+(?:\.[a-z_]+)?)(?:\[(?P<layer>[^\]]*)\])?(?:@(?P<moment>\w+))?\Z"
)


class OutcomeProblem(Problem):
    """An outcome that cannot be read.

    Args:
        text: as it stands in the plan.
        reason: a key of the catalogue's `errors.sweep.outcome` table.
    """

    table = "sweep.outcome"
    text: str

    def __init__(self, text: str, reason: str):
        GradgaugeError.__init__(
            self, text=text, reason=reason, facts={"text": text, "over": ", ".join(OVER_LAYERS)}
        )


@dataclass(frozen=True)
class OutcomeSpec:
    """Which number of a Run with one member is written down.

    Attributes:
        name: out of NAMES.
        layer: 1, 2, ... or -1, -2, ... counted from the output layer, or out of OVER_LAYERS;
            None for what has no layers.
        moment: "first", "last", or a step or epoch; None for what has no moment.
    """

    name: str
    layer: int | str | None = None
    moment: int | str | None = None

    def __str__(self) -> str:
        default = "last" if self.name in EPOCH_FIGURES else "first"
        layer = "" if self.layer is None else f"[{self.layer}]"
        moment = "" if self.moment in (None, default) else f"@{self.moment}"
        return f"{self.name}{layer}{moment}"

    @property
    def over_seeds(self) -> str:
        """`geometric` for norms and gains, else `arithmetic`."""
        gauge = QUANTITIES.get(self.name)
        return gauge.over_seeds if gauge else "arithmetic"

    def of(self, run: Run) -> float:
        """The number, NaN where the Run has none."""
        if self.name in FIGURES:
            return float(run.figure(self.name)[0])
        if self.name in EPOCH_FIGURES:
            return self._of_epoch(run.values("epochs", EPOCH_FIGURES[self.name])[0])
        if self.name in ATTENUATION:
            now = _at(run, "probes", self.moment)
            if now is None:
                return np.nan
            return float(getattr(attenuation(now), self.name.partition(".")[2]))
        return self._of_layer(self._by_layer(run))

    def _of_epoch(self, values: np.ndarray) -> float:
        at = {"first": 0, "last": -1}.get(str(self.moment))
        at = int(self.moment or 0) - 1 if at is None else at
        return float(values[at]) if at < len(values) else np.nan

    def _by_layer(self, run: Run) -> np.ndarray | None:
        if self.name in PROBE_QUANTITIES and self.moment == "last":
            return last_taken(run, self.name)[0]
        group = "probes" if self.name in PROBE_QUANTITIES else "steps"
        now = _at(run, group, self.moment)
        return None if now is None else now.values(group, self.name)[0, 0]

    def _of_layer(self, values: np.ndarray | None) -> float:
        if values is None:
            return np.nan
        if isinstance(self.layer, str):
            hidden = values[:-1]
            fine = hidden[np.isfinite(hidden)]
            return float(OVER_LAYERS[self.layer](fine)) if len(fine) else np.nan
        at = int(self.layer or 1)
        at = at - 1 if at > 0 else len(values) + at
        return float(values[at]) if 0 <= at < len(values) else np.nan


def _at(run: Run, group: str, moment: int | str | None) -> Run | None:
    """The Run with one time only: the last one that was taken by then; None if none was."""
    source = run.groups[group]
    axis = "probe_step" if group == "probes" else "step"
    times = source.coords[axis]
    taken = np.isfinite(source.variables["weight_norm"][1][0]).any(axis=-1)
    limit = {"first": times[0], "last": times[-1]}.get(str(moment))
    limit = int(moment or 0) if limit is None else limit
    rows = np.flatnonzero(taken & (times <= limit))
    if not len(rows):
        return None
    row = slice(rows[-1], rows[-1] + 1)
    variables = {name: (axes, array[:, row]) for name, (axes, array) in source.variables.items()}
    cut = RunGroup({**source.coords, axis: times[row]}, variables)
    return Run(run.attributes, run.members, {group: cut})


def read_outcome(text: str) -> OutcomeSpec:
    """The outcome that `text` names; the module's text has the grammar.

    Raises:
        UnknownName: no figure or gauge of this name.
        OutcomeProblem: a layer or moment is missing, too many, or cannot be read.
    """
    match = _PATTERN.match(text)
    if match is None:
        raise OutcomeProblem(text, "unreadable")
    name = match["name"]
    if name not in NAMES:
        raise UnknownName("outcome", name, NAMES)
    if (match["layer"] is None) == (name in QUANTITIES):
        raise OutcomeProblem(text, "needs_layer" if name in QUANTITIES else "no_layer")
    layer = None if match["layer"] is None else _layer(text, match["layer"])
    if name in FIGURES:
        if match["moment"]:
            raise OutcomeProblem(text, "no_moment")
        return OutcomeSpec(name)
    if layer == -1 and name in QUANTITIES and QUANTITIES[name].hidden_only:
        raise OutcomeProblem(text, "hidden_only")
    return OutcomeSpec(name, layer, _moment(text, name, match["moment"]))


def _layer(text: str, layer: str) -> int | str:
    if layer in OVER_LAYERS:
        return layer
    if not re.fullmatch(r"-?[1-9]\d*", layer):
        raise OutcomeProblem(text, "bad_layer")
    return int(layer)


def _moment(text: str, name: str, moment: str | None) -> int | str:
    if moment is None:
        return "last" if name in EPOCH_FIGURES else "first"
    if moment in ("first", "last"):
        return moment
    if not moment.isdecimal() or (name in EPOCH_FIGURES and int(moment) == 0):
        raise OutcomeProblem(text, "bad_moment")
    return int(moment)


DEFAULT = tuple(
    read_outcome(text)
    for text in ("test_accuracy", "test_loss", "attenuation.decades", "signal_spread[-2]")
)
"""What a plan that names no outcomes writes down."""
