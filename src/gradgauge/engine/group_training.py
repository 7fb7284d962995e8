"""Trains a group: the whole of it at once, or some steps at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from gradgauge.engine.batches import batch
from gradgauge.engine.ensemble import MemberGroup
from gradgauge.engine.epochs import SEGMENT
from gradgauge.engine.forward import hidden_layers
from gradgauge.engine.history import History
from gradgauge.engine.layout import together
from gradgauge.engine.limits import ProbeSchedule
from gradgauge.engine.programs import STORE, Programs, precision
from gradgauge.engine.step import one_pass
from gradgauge.engine.telling import Tell
from gradgauge.parts.losses import LOSSES


@dataclass
class GroupResult:
    """What a group's training gave.

    Attributes:
        history: of its members.
        complete: whether it came to its end, or every member turned non-finite; False where it
            was stopped.
        evaluate_seconds: what its evaluation took.
    """

    history: History
    complete: bool
    evaluate_seconds: float


class GroupTraining:
    """A group's training, moved on by whoever wants to look between its steps.

    How many steps a call makes changes nothing: the same program makes them.

    Args:
        group: the members; its state is used up.
        programs: compiled for it.
        schedule: when to write what down.
        tell: tells the members' listeners.

    Attributes:
        step: steps made so far by those that are alive.
        alive: which members are still finite, (M,).
        history: what is written down.
    """

    group: MemberGroup
    programs: Programs
    schedule: ProbeSchedule
    step: int
    alive: np.ndarray
    history: History

    def __init__(self, group: MemberGroup, programs: Programs, schedule: ProbeSchedule, tell: Tell):
        training, count = group.members[0].training, len(group.members)
        layers = group.members[0].network.depth + 1
        self.group, self.programs, self.schedule = group, programs, schedule
        self.history = History.empty(schedule, count, training.epochs, layers, group.key.dtype)
        self.alive, self.step = np.ones(count, bool), 0
        self._tell, self._order = tell, None
        self._stepper = _Stepper(group, programs)

    @property
    def goes_on(self) -> bool:
        """Whether there is a step left to make."""
        return self.step < self.schedule.total and bool(self.alive.any())

    def probe(self) -> dict[str, np.ndarray]:
        """PROBE_QUANTITIES of every member and layer now, (M, layers); written down where the
        schedule asks for it."""
        group, data = self.group, self.group.data
        with precision(group.key.dtype):
            values = self.programs.probe(
                group.state.params, group.tables, data.x_probe, data.y_probe
            )
        values = group.by_member(values)
        if self.step in self.schedule.probes:
            self.history.write_probe(self.step, values, self.alive)
            self._tell.probe(self.step, values, self.alive)
        return values

    def advance(self, most: int = SEGMENT) -> tuple[Any, np.ndarray]:
        """Make at most `most` steps, none beyond the next probe or the end of the epoch.

        Returns:
            The steps' Records, (M, SEGMENT, ...), and how many of their rows are real, (M,).
        """
        per_epoch, first = self.schedule.per_epoch, self.step
        at = first % per_epoch
        with precision(self.group.key.dtype):
            if at == 0:
                self._order = self.group.order()
            until = min(_segment_end(self.schedule, first, at), at + most)
            records, reached = self._stepper.run(self._order, at, np.where(self.alive, until, at))
        made = reached - at
        failed = self.alive & (made < until - at)
        self.history.write_steps(first, made + failed, records)
        self._tell.steps(first, made + failed, records)
        self.history.add_to_epoch(self._sizes(at, until), made, records)
        self.history.steps_done += made
        for member in np.flatnonzero(failed):
            where = first + int(made[member])
            _note_failure(self.group, self.history, int(member), where, self._order)
        self.alive &= ~failed
        self.step += until - at
        return records, made + failed

    def close_epoch(self) -> None:
        """Write down the epoch that has just come to its end."""
        epoch = self.step // self.schedule.per_epoch - 1
        self.history.close_epoch(epoch, self.alive)
        self._tell.epoch(epoch, self.history, self.alive)

    @property
    def at_epoch_end(self) -> bool:
        """Whether the step made last was an epoch's last."""
        return self.step > 0 and self.step % self.schedule.per_epoch == 0

    def evaluate(self) -> None:
        """Write down loss and accuracy on the test data at the present weights."""
        group, data = self.group, self.group.data
        with precision(group.key.dtype):
            test = self.programs.evaluate(group.state, group.tables, data.x_test, data.y_test)
        self.history.test_loss[:], hits = group.by_member(test)
        if LOSSES[group.key.loss].classification:
            self.history.test_accuracy[:] = hits / len(data.y_test)

    def _sizes(self, at: int, until: int) -> np.ndarray:
        """Samples of each batch between two steps of an epoch."""
        samples, size = len(self.group.data.y_train), self.group.key.batch_size
        return np.minimum(size, samples - size * np.arange(at, until))


def train_group(
    group: MemberGroup,
    programs: Programs,
    schedule: ProbeSchedule,
    on_steps: Callable[[int], None],
    stopped: Callable[[], bool],
    tell: Tell,
) -> GroupResult:
    """Train a group from its initial state to the end, or until `stopped`.

    Args:
        group, programs, schedule, tell: see GroupTraining.
        on_steps: told after every segment how many steps were made, over all members.
        stopped: asked between segments.
    """
    training = GroupTraining(group, programs, schedule, tell)
    training.probe()
    while training.goes_on and not stopped():
        before = training.step
        training.advance()
        on_steps(len(group.members) * (training.step - before))
        if training.step in schedule.probes:
            training.probe()
        if training.at_epoch_end:
            training.close_epoch()
    began = time.perf_counter()
    training.evaluate()
    done, alive = training.history.steps_done, training.alive
    complete = bool((done[alive] == schedule.total).all())
    return GroupResult(training.history, complete, time.perf_counter() - began)


class _Stepper:
    """Makes steps of a group, and makes them again where they broke off."""

    def __init__(self, group: MemberGroup, programs: Programs):
        self._group, self._programs = group, programs
        self._steps = programs.run_steps

    def run(self, order: Any, at: int, stops: np.ndarray) -> tuple[Any, np.ndarray]:
        """Move the group's state on, and give the records and how far each member came, (M,).

        A member that breaks off at a step which is not finite ends in the state before it.

        Args:
            order: the epoch's shuffles.
            at: where to begin.
            stops: where each member is to stop, (M,).
        """
        group = self._group
        segment = self._call(order, at, stops)
        if not group.by_member(segment.trusted).all():
            # From here on every norm of this group is a careful one.
            self._steps = STORE.careful_steps(self._programs, self._group.compiling)
            segment = self._call(order, at, stops)
        reached = group.by_member(segment.reached)
        again = self._call(order, at, reached) if (reached < stops).any() else segment
        group.state = again.state
        return group.by_member(segment.records), reached

    def _call(self, order: Any, at: int, stops: np.ndarray) -> Any:
        group, data = self._group, self._group.data
        stop = stops.astype(np.int32) if group.batched else np.int32(stops[0])
        return self._steps(
            group.state,
            group.tables,
            group.rates,
            data.x_train,
            data.y_train,
            order,
            np.int32(at),
            stop,
        )


def _segment_end(schedule: ProbeSchedule, first: int, at: int) -> int:
    """The step of the epoch at which the host wants to look again."""
    ends = [at + SEGMENT, schedule.per_epoch]
    ends += [at + probe - first for probe in schedule.probes if probe > first]
    return min(ends)


def _note_failure(group: MemberGroup, history: History, member: int, step: int, order: Any) -> None:
    """Write down where a training turned non-finite: the first layer whose signal did.

    The state stands before the update, so the pass that failed can be made again, in taps.
    """
    pick = (lambda x: x[member]) if group.batched else (lambda x: x)
    params, tables = jax.tree.map(pick, (group.state.params, group.tables))
    params = together(group.key, params, np)
    history.non_finite_step[member] = step
    history.non_finite_layer[member] = _first_bad_layer(group, params, tables, pick(order), step)


def _first_bad_layer(group: MemberGroup, params: Any, tables: Any, order: Any, step: int) -> int:
    """Forward: the first layer whose z is not finite; else the last whose gradient is not."""
    key, data = group.key, group.data
    per_epoch = group.members[0].training.steps_per_epoch(len(data.y_train))
    x, targets, weights = batch(key, data.x_train, data.y_train, order, np.int32(step % per_epoch))
    _, taps = hidden_layers(key, params, tables, x, weights)
    fine = np.concatenate([np.isfinite(np.asarray(tap.z)).all(axis=(1, 2)) for tap in taps])
    if not fine.all():
        return int(np.argmin(fine)) + 1
    result = one_pass(key, params, tables, x, targets, weights)
    if not np.isfinite(float(result.loss)):
        return len(fine) + 1
    gradients = [np.isfinite(np.asarray(g["weight"])).all(axis=(1, 2)) for g in result.gradients]
    return int(np.flatnonzero(~np.concatenate(gradients)).max(initial=len(fine))) + 1
