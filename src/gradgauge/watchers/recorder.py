"""Recorder: collects gauges per layer and step, tells listeners, and makes the Run."""

from __future__ import annotations

import contextlib
import json
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradgauge._version import __version__
from gradgauge.gauges import PROBE_QUANTITIES, STEP_QUANTITIES, WATCHED_QUANTITIES
from gradgauge.layers import LayerInfo, Note, as_attributes
from gradgauge.listening import Listener
from gradgauge.parameter_groups import groups_as_attributes
from gradgauge.run import MOST_STEPS, Run, RunGroup
from gradgauge.watchers.errors import CannotWatch
from gradgauge.watchers.group_table import GroupTable
from gradgauge.watchers.roles import assign_roles
from gradgauge.watchers.series import Series

MOST_PROBES = 256
"""Most probes that are kept."""

CLIPPED = "clipped_grad_norm"
"""|dLoss/dW| as the optimizer got it, after clipping; `weight_grad_norm` is before."""

RATE, STALE = "learning_rate", "stale_gradients"
"""Of a step as a whole: the rate of its update; 1 where that used gradients of the step before."""

Values = Mapping[str, np.ndarray]
"""Quantity -> its values by layer, (layers,)."""


def checked(listeners: Any) -> list[Listener]:
    """The listeners, each with the three methods that a listener has.

    Raises:
        CannotWatch: one has not, or they are no list.
    """
    kind = type(listeners).__name__
    if isinstance(listeners, (str, bytes)) or not isinstance(listeners, Iterable):
        raise CannotWatch("no_listener", kind=kind)
    for one in (listeners := list(listeners)):
        if not all(callable(getattr(one, name, None)) for name in ("opened", "recorded", "closed")):
            raise CannotWatch("no_listener", kind=type(one).__name__)
    return listeners


class Recorder:
    """What a watcher writes into.

    Args:
        attributes: facts of the whole Run: name, framework, batch, ...
        listeners: told of everything.

    Attributes:
        parameter_groups: of the optimizers, where the framework has any.
        guarded: whether somebody looks at every step for the first NaN and will call `broke`: NaN
            among the signals is then what could not be seen, such as an idle expert's.
    """

    listeners: list[Listener]
    parameter_groups: GroupTable
    guarded: bool = False

    def __init__(self, attributes: Mapping[str, Any], listeners: Sequence[Listener] = ()):
        self.attributes: dict[str, Any] = dict(attributes)
        self.listeners = checked(listeners)
        self.layers: list[LayerInfo] = []
        self.notes: list[Note] = []
        self.parameter_groups = GroupTable()
        self.steps_done = 0
        self.non_finite: tuple[int, int] | None = None
        self._steps = Series(MOST_STEPS)
        self._probes = Series(MOST_PROBES)
        self._epochs = Series(MOST_STEPS)
        self._extra: list[str] = []
        self._whole: list[str] = []
        self._once: dict[str, np.ndarray] = {}
        self._closed = False

    def start(self, layers: Sequence[LayerInfo]) -> None:
        """The layer axis, once for the whole Run."""
        self.layers = list(layers)
        assign_roles(self.layers)
        self._tell_all("opened", self.layers, self.attributes)

    @property
    def started(self) -> bool:
        """Whether the layers are known."""
        return bool(self.layers)

    @property
    def probed(self) -> bool:
        """Whether all gauges were taken at least once."""
        return bool(self._probes.steps)

    @property
    def last_step(self) -> int:
        """The last step of which something was recorded; -1: none."""
        return self._steps.steps[-1] if self._steps.steps else -1

    def step(
        self,
        step: int,
        values: Values,
        loss: float | None = None,
        *,
        rate: float | None = None,
        stale: bool | None = None,
    ) -> None:
        """Gauges of a training step, before its update but for `update_ratio`.

        Args:
            step: counted from 0.
            values: by layer.
            loss, rate: of the step; None: not told.
            stale: whether the update used gradients of the step before; None: not looked at.
        """
        whole = {RATE: rate, STALE: None if stale is None else float(stale)}
        known = {name: value for name, value in whole.items() if value is not None}
        self._whole += [name for name in known if name not in self._whole]
        self._put("steps", self._steps, step, values, loss, known)

    def probe(self, step: int, values: Values, loss: float | None = None) -> None:
        """Gauges of all kinds, at the weights before step `step`."""
        self._put("probes", self._probes, step, values, loss)

    def epoch(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Figures of an epoch, counted from 1."""
        self._epochs.put(epoch, figures)
        self._tell("epochs", epoch, figures)

    def note(self, subject: str, reason: str, layer: str = "", **facts: object) -> None:
        """Say that something is not applicable; the same is said once, of all layers together."""
        note = Note(subject, reason, (layer,) if layer else (), dict(facts))
        for index, said in enumerate(self.notes):
            if (joined := said.joined(note)) is not None:
                self.notes[index] = joined
                return
        self.notes.append(note)

    def broke(self, step: int, layer: int, operation: str) -> None:
        """The first value that is not finite.

        Args:
            step: in which it was, counted from 0.
            layer: in which it was, counted from 1; -1: not known.
            operation: what gave it.
        """
        if self.non_finite is None or step <= self.non_finite[0]:
            self.non_finite = (step, layer)
            self.attributes["non_finite_operation"] = operation

    def withdraw(self, subject: str, reason: str, layer: str = "") -> None:
        """Take back what was said of a layer: it holds no longer."""
        left = []
        for note in self.notes:
            concerned = (note.subject, note.reason) == (subject, reason)
            if concerned and layer in note.layers:
                rest = tuple(name for name in note.layers if name != layer)
                left += [replace(note, layers=rest)] if rest else []
            elif not concerned or layer or note.layers:
                left.append(note)
        self.notes = left

    def close(self) -> None:
        """Tell listeners that it is over; without effect the second time."""
        if self._closed:
            return
        self._closed = True
        self._tell_all("closed", self.run())

    def _put(
        self,
        group: str,
        series: Series,
        step: int,
        values: Values,
        loss: float | None,
        whole: Mapping[str, float] | None = None,
    ) -> None:
        row: dict[str, Any] = {**values, **(whole or {})}
        if loss is not None:
            row["loss"] = loss
        self._extra += [n for n in values if n == CLIPPED and n not in self._extra]
        self._look_for_non_finite(step, row)
        series.put(step, row)
        self._tell(group, step, row)

    def _tell(self, group: str, step: int, row: Mapping[str, Any]) -> None:
        self._tell_all("recorded", group, step, row)

    def _tell_all(self, what: str, *facts: Any) -> None:
        """A listener that fails is told nothing more; the training is not its business."""
        for listener in list(self.listeners):
            try:
                getattr(listener, what)(*facts)
            except Exception as error:  # noqa: BLE001 a full disk must not end a training
                self.listeners.remove(listener)
                name, said = type(listener).__name__, f"{type(error).__name__}: {error}"
                self.note("listener", "listener_failed", listener=name, error=said)
                with contextlib.suppress(UserWarning):  # Where warnings are errors.
                    warnings.warn(self.notes[-1].sentence(), stacklevel=2)

    def _look_for_non_finite(self, step: int, row: Mapping[str, Any]) -> None:
        if self.non_finite is not None:
            return
        layer = self._first_bad_layer(row)
        if layer is None and not math.isfinite(row.get("loss", 0.0)):
            layer = len(self.layers)
        if layer is not None:
            self.non_finite = (step, layer)

    def _first_bad_layer(self, row: Mapping[str, Any]) -> int | None:
        """Forward: the first layer whose weights or z are not finite; else, backward, the last
        whose gradient is not. NaN may also mean that nothing was there to see: it counts where
        something was seen before."""
        bad: dict[str, np.ndarray] = {}
        for name in ("weight_norm", "z_std", "weight_grad_norm"):
            values = np.asarray(row.get(name, np.zeros(len(self.layers))), np.float64)
            seen = self._once.setdefault(name, np.full(len(self.layers), name == "weight_norm"))
            if self.guarded and name != "weight_norm":
                seen = np.zeros_like(seen)
            bad[name] = np.flatnonzero(np.isinf(values) | (np.isnan(values) & seen))
            if name in row:
                self._once[name] = seen | np.isfinite(values)
        for name in ("weight_norm", "z_std"):
            if bad[name].size:
                return int(bad[name][0]) + 1
        return int(bad["weight_grad_norm"][-1]) + 1 if bad["weight_grad_norm"].size else None

    def run(self) -> Run:
        """What has been recorded so far."""
        layers = len(self.layers)
        axis = np.arange(1, layers + 1)
        member = {"member": np.array([0])}
        steps, probes, epochs = self._steps, self._probes, self._epochs

        def gauges(
            series: Series, names: Sequence[str], step_axis: str, whole: Sequence[str] = ()
        ) -> dict[str, Any]:
            by_layer = {
                name: (("member", step_axis, "layer"), series.array(name, layers)) for name in names
            }
            of_all = {
                name: (("member", step_axis), series.array(name, None)) for name in ("loss", *whole)
            }
            return {**by_layer, **of_all}

        figures = sorted({"loss", "accuracy"}.union(*(row.keys() for row in epochs.rows)))
        return Run(
            {
                **self._attributes(),
                **as_attributes(self.layers, self.notes),
                **groups_as_attributes(self.parameter_groups.groups),
            },
            RunGroup(member, self._figures()),
            {
                "steps": RunGroup(
                    {**member, "step": np.array(steps.steps, np.int64), "layer": axis},
                    gauges(steps, [*STEP_QUANTITIES, *self._extra], "step", self._whole),
                ),
                "probes": RunGroup(
                    {**member, "probe_step": np.array(probes.steps, np.int64), "layer": axis},
                    gauges(probes, (*PROBE_QUANTITIES, *WATCHED_QUANTITIES), "probe_step"),
                ),
                "epochs": RunGroup(
                    {**member, "epoch": np.array(epochs.steps, np.int64)},
                    {n: (("member", "epoch"), epochs.array(n, None)) for n in figures},
                ),
                **self.parameter_groups.as_group(member),
            },
        )

    def _figures(self) -> dict[str, Any]:
        step, layer = self.non_finite or (-1, -1)
        figures: dict[str, float | int] = {
            "test_loss": math.nan,
            "test_accuracy": math.nan,
            "non_finite_step": step,
            "non_finite_layer": layer,
            "steps_done": self.steps_done,
        }
        return {name: (("member",), np.array([value])) for name, value in figures.items()}

    def _attributes(self) -> dict[str, Any]:
        defaults = {
            "name": "model",
            "notation": "",
            "parameters": sum(layer.parameters for layer in self.layers if not layer.shares),
            "training": json.dumps({}),
            "dataset": "",
            "dataset_fingerprint": "",
            "non_finite_operation": "",
            "source": "watch",
            "gradgauge_version": __version__,
        }
        return {**defaults, **self.attributes}
