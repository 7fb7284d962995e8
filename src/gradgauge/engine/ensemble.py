"""Trains members of one plan: each in a thread on CPU, in blocks under vmap on a GPU."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from gradgauge.engine import build
from gradgauge.engine.batches import batch
from gradgauge.engine.epochs import SEGMENT
from gradgauge.engine.forward import hidden_layers
from gradgauge.engine.history import History
from gradgauge.engine.limits import ProbeSchedule
from gradgauge.engine.program_key import Plan
from gradgauge.engine.programs import STORE, Compiling, Programs, precision
from gradgauge.engine.step import Rates, State, one_pass
from gradgauge.engine.telling import Tell
from gradgauge.parts.losses import LOSSES
from gradgauge.parts.optimizers import OPTIMIZERS
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec


@dataclass(frozen=True)
class Member:
    """One network to train once."""

    network: NetworkSpec
    training: TrainingSpec
    seed: int
    adjust: build.Adjust | None = None


@dataclass(frozen=True)
class DeviceData:
    """A dataset where the programs can read it."""

    x_train: Any
    y_train: Any
    x_test: Any
    y_test: Any
    x_probe: Any
    y_probe: Any


class MemberGroup:
    """Members that run as one: a single one on CPU, a block of them under vmap.

    Args:
        plan: what their programs depend on.
        members: of one plan.
        data: what they are trained on.
        batched: whether they run under vmap, with a leading axis.
        compiling: counts the seconds that compiling for them takes.
    """

    plan: Plan
    members: Sequence[Member]
    data: DeviceData
    batched: bool
    compiling: Compiling
    state: Any
    tables: Any
    rates: Any
    shuffles: list[np.random.Generator]

    def __init__(
        self,
        plan: Plan,
        members: Sequence[Member],
        data: DeviceData,
        batched: bool,
        compiling: Compiling,
    ):
        self.plan, self.members, self.data, self.batched = plan, members, data, batched
        self.compiling = compiling
        parts = [self._arguments(member) for member in members]
        stack = (lambda *x: np.stack(x)) if batched else (lambda *x: x[0])
        # device_put, not asarray: that compiles a program for every shape.
        arguments = jax.device_put(jax.tree.map(lambda *x: stack(*x), *parts))
        self.state, self.tables, self.rates = arguments
        self.shuffles = [build.generator(m.seed, build.SHUFFLES) for m in members]

    def _arguments(self, member: Member) -> tuple[State, Any, Rates]:
        plan, training = self.plan, member.training
        params = build.initial_parameters(member.network, member.seed)
        if member.adjust:
            params = member.adjust(params)
        zeros = jax.tree.map(np.zeros_like, params)
        state = State(
            params,
            (zeros,) * OPTIMIZERS[plan.optimizer].slots,
            build.initial_running(member.network),
            np.zeros((), np.int32),
        )
        samples = len(self.data.y_train)
        rates = Rates(
            training.learning_rate,
            training.momentum,
            training.weight_decay,
            training.clip_norm,
            training.warmup_steps,
            training.steps_per_epoch(samples) * training.epochs,
        )
        tables = build.layer_tables(member.network, plan.activations)
        as_dtype = lambda x: np.asarray(x, plan.dtype) if _is_float(x) else np.asarray(x)  # noqa: E731
        rates = Rates(*(np.asarray(r, plan.dtype) for r in rates))
        return jax.tree.map(as_dtype, (state, tables, rates))

    def order(self) -> Any:
        """The next epoch's shuffles, (samples,) or (members, samples)."""
        samples = len(self.data.y_train)
        orders = [rng.permutation(samples).astype(np.int32) for rng in self.shuffles]
        return jax.device_put(np.stack(orders) if self.batched else orders[0])

    def programs(self) -> Programs:
        """The compiled programs for this group's shapes."""
        data, zero = self.data, np.int32(0)
        samples = len(data.y_train)
        shape = (len(self.members), samples) if self.batched else (samples,)
        order = jax.ShapeDtypeStruct(shape, np.int32)
        stop = np.zeros(len(self.members), np.int32) if self.batched else zero
        training = (data.x_train, data.y_train, order, zero, stop)
        return STORE.get(
            self.plan,
            self.batched,
            {
                "run_steps": (self.state, self.tables, self.rates, *training),
                "probe": (self.state.params, self.tables, data.x_probe, data.y_probe),
                "evaluate": (self.state, self.tables, data.x_test, data.y_test),
            },
            self.compiling,
        )

    def by_member(self, tree: Any) -> Any:
        """Results as NumPy arrays with a leading axis of members."""
        return jax.tree.map(lambda x: np.asarray(x) if self.batched else np.asarray(x)[None], tree)


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
        group: the members; its state is used up.
        programs: compiled for it.
        schedule: when to write what down.
        on_steps: told after every segment how many steps were made, over all members.
        stopped: asked between segments.
        tell: tells the members' listeners.
    """
    training = group.members[0].training
    samples = len(group.data.y_train)
    layers = group.members[0].network.depth + 1
    count = len(group.members)
    history = History.empty(schedule, count, training.epochs, layers, group.plan.dtype)
    alive = np.ones(count, bool)

    def take_probe(at: int) -> None:
        if at in schedule.probes:
            values = programs.probe(
                group.state.params, group.tables, group.data.x_probe, group.data.y_probe
            )
            values = group.by_member(values)
            history.write_probe(at, values, alive)
            tell.probe(at, values, alive)

    stepper = _Stepper(group, programs)
    with precision(group.plan.dtype):
        take_probe(0)
        for epoch in range(training.epochs):
            order, at = group.order(), 0
            while at < schedule.per_epoch and alive.any() and not stopped():
                until = _segment_end(schedule, epoch * schedule.per_epoch + at, at)
                records, reached = stepper.run(order, at, np.where(alive, until, at))
                made = reached - at
                sizes = np.minimum(
                    training.batch_size, samples - training.batch_size * np.arange(at, until)
                )
                first = epoch * schedule.per_epoch + at
                failed = alive & (made < until - at)
                history.write_steps(first, made + failed, records)
                tell.steps(first, made + failed, records)
                history.add_to_epoch(sizes, made, records)
                history.steps_done += made
                for member in np.flatnonzero(failed):
                    _note_failure(group, history, int(member), first + int(made[member]), order)
                alive &= ~failed
                on_steps(count * (until - at))
                at = until
                take_probe(epoch * schedule.per_epoch + at)
            if at < schedule.per_epoch:
                break
            history.close_epoch(epoch, alive)
            tell.epoch(epoch, history, alive)
        began = time.perf_counter()
        test = programs.evaluate(group.state, group.tables, group.data.x_test, group.data.y_test)
        history.test_loss[:], hits = group.by_member(test)
        if LOSSES[group.plan.loss].classification:
            history.test_accuracy[:] = hits / len(group.data.y_test)
    complete = bool((history.steps_done[alive] == schedule.total).all())
    return GroupResult(history, complete, time.perf_counter() - began)


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
    history.non_finite_step[member] = step
    history.non_finite_layer[member] = _first_bad_layer(group, params, tables, pick(order), step)


def _first_bad_layer(group: MemberGroup, params: Any, tables: Any, order: Any, step: int) -> int:
    """Forward: the first layer whose z is not finite; else the last whose gradient is not."""
    plan, data = group.plan, group.data
    per_epoch = group.members[0].training.steps_per_epoch(len(data.y_train))
    x, targets, weights = batch(plan, data.x_train, data.y_train, order, np.int32(step % per_epoch))
    _, taps = hidden_layers(plan, params, tables, x, weights)
    fine = np.concatenate([np.isfinite(np.asarray(tap.z)).all(axis=(1, 2)) for tap in taps])
    if not fine.all():
        return int(np.argmin(fine)) + 1
    result = one_pass(plan, params, tables, x, targets, weights)
    if not np.isfinite(float(result.loss)):
        return len(fine) + 1
    gradients = [np.isfinite(np.asarray(g["weight"])).all(axis=(1, 2)) for g in result.gradients]
    return int(np.flatnonzero(~np.concatenate(gradients)).max(initial=len(fine))) + 1


def _is_float(x: Any) -> bool:
    return np.asarray(x).dtype.kind == "f"
