"""A training that somebody looks at while it runs, step by step. Imports JAX.

The same programs, schedules and Runs as `train`'s: how the steps are cut changes no bit.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.engine.batches import as_inputs, as_targets
from gradgauge.engine.build import LayerTable, Params
from gradgauge.engine.ensemble import DeviceData, Member, MemberGroup
from gradgauge.engine.forward import hidden_layers, outputs
from gradgauge.engine.group_training import GroupTraining
from gradgauge.engine.layout import together
from gradgauge.engine.limits import ProbeSchedule, schedule_of
from gradgauge.engine.program_key import ProgramKey, program_key
from gradgauge.engine.programs import STORE, Compiling, precision
from gradgauge.engine.results import run_attributes, run_from
from gradgauge.engine.step import one_pass
from gradgauge.engine.telling import Tell
from gradgauge.engine.terms import Entry
from gradgauge.gauges.norms import norm
from gradgauge.run import Run

_SHOWN = ("z", "slope", "delta")

Weights = Any
"""A network's parameters and running statistics at some step."""


@dataclass(frozen=True)
class Moved:
    """What the steps made by one call left, of one network.

    Attributes:
        loss, accuracy: of each step's batch, (seeds, steps); NaN where a seed has broken off.
        update_ratio: of the last step, (seeds, layers).
    """

    loss: np.ndarray
    accuracy: np.ndarray
    update_ratio: np.ndarray


class LiveTraining:
    """Networks trained side by side, moved on together.

    Args:
        entries: the networks; all take the same number of steps.
        dataset: what they are trained on.
        data: the same on the device, in the entries' dtype.

    Attributes:
        step: steps made.
        schedule: of the first network: when `train` would look.
    """

    entries: tuple[Entry, ...]
    dataset: Dataset
    step: int
    schedule: ProbeSchedule

    def __init__(self, entries: Sequence[Entry], dataset: Dataset, data: DeviceData):
        STORE.trim()
        self.entries, self.dataset, self._data = tuple(entries), dataset, data
        self.step, samples = 0, len(dataset.y_train)
        used = frozenset(a for entry in entries for a in entry.network.activations)
        self._keys = [program_key(e.network, e.training, samples, used) for e in entries]
        self._schedules = [schedule_of(e.network, e.training, samples) for e in entries]
        self.schedule = self._schedules[0]
        self._members = [
            [self._training(entry, seed, key, when) for seed in entry.training.seeds]
            for entry, key, when in zip(entries, self._keys, self._schedules, strict=True)
        ]

    def _training(
        self, entry: Entry, seed: int, key: ProgramKey, when: ProbeSchedule
    ) -> GroupTraining:
        member = Member(entry.network, entry.training, seed, entry.adjust)
        with precision(key.dtype):
            group = MemberGroup(key, [member], self._data, False, Compiling())
            return GroupTraining(group, group.programs(), when, Tell([()]))

    @property
    def goes_on(self) -> bool:
        """Whether any network has a step left to make."""
        return any(one.goes_on for members in self._members for one in members)

    def advance(self, until: int, pool: ThreadPoolExecutor) -> list[Moved]:
        """Make the steps up to `until`, each training in a thread of `pool`.

        Args:
            until: at most the schedule's total.
            pool: as many threads as there are cores to use.
        """
        steps = until - self.step
        jobs = [
            [pool.submit(_advance, one, until, steps) for one in members]
            for members in self._members
        ]
        self.step = until
        moved = []
        for members in jobs:
            rows = [job.result() for job in members]
            moved.append(Moved(*(np.stack(column) for column in zip(*rows, strict=True))))
        return moved

    def probe(self, pool: ThreadPoolExecutor) -> list[dict[str, np.ndarray]]:
        """Every probed quantity of every network now, (seeds, layers); NaN of a seed that has
        broken off."""
        jobs = [[pool.submit(_probe, one) for one in members] for members in self._members]
        return [
            {name: np.stack([row[name] for row in rows]) for name in rows[0]}
            for rows in ([job.result() for job in members] for members in jobs)
        ]

    def evaluate(self, pool: ThreadPoolExecutor) -> list[np.ndarray]:
        """Accuracy on the test data of every network, (seeds,); NaN for regression."""
        for job in [pool.submit(one.evaluate) for members in self._members for one in members]:
            job.result()
        return [
            np.array([float(one.history.test_accuracy[0]) for one in members])
            for members in self._members
        ]

    def set_rate(self, entry: int, rate: float) -> None:
        """From the next step on, a network learns at another rate."""
        for one in self._members[entry]:
            value = jax.device_put(np.asarray(rate, one.group.key.dtype))
            one.group.rates = one.group.rates._replace(learning_rate=value)

    def weights(self, entry: int) -> Weights:
        """The first seed's weights as they are now: arrays that nothing changes any more."""
        group = self._members[entry][0].group
        return tuple(together(group.key, t, np) for t in (group.state.params, group.state.running))

    def broken_off(self, entry: int) -> tuple[int, int] | None:
        """The step and the layer of a network's first value that is not finite, or None."""
        found = [
            (int(one.history.non_finite_step[0]), int(one.history.non_finite_layer[0]))
            for one in self._members[entry]
            if one.history.non_finite_step[0] >= 0
        ]
        return min(found, default=None)

    def signals(self, entry: int, layer: int, weights: Weights, rows: int) -> dict[str, np.ndarray]:
        """z, f'(z) and delta of one hidden layer, (rows, units), on the first rows of the probe.

        delta is as large as on the whole probe batch, the loss being a mean.

        Args:
            layer: counted from 1.
            weights: of `weights`.
        """
        one = self._members[entry][0]
        data, key = self._data, one.group.key
        x, y = data.x_probe[:rows], data.y_probe[:rows]
        with precision(key.dtype):
            shown = _signals_program(key)(weights[0], one.group.tables, x, y)
        place = layer - 1
        seen = {name: np.asarray(layers[place]) for name, layers in shown.items()}
        seen["delta"] = seen["delta"] * (len(y) / len(data.y_probe))
        return {**seen, "weight": _weight(weights[0], place)}

    def classes(self, entry: int, weights: Weights, x: np.ndarray) -> np.ndarray:
        """The class that a network gives each of some inputs, (samples,)."""
        one = self._members[entry][0]
        with precision(one.group.key.dtype):
            program = _classes_program(one.group.key)
            return np.asarray(program(*weights, one.group.tables, x.astype(one.group.key.dtype)))

    def runs(self) -> list[Run]:
        """What each network has done so far, as `train` gives it."""
        device = jax.devices()[0].device_kind
        return [
            run_from(
                self._attributes(entry, device),
                entry.network.depth,
                entry.training,
                entry.training.seeds,
                [one.history for one in members],
                when,
            )
            for entry, members, when in zip(
                self.entries, self._members, self._schedules, strict=True
            )
        ]

    def _attributes(self, entry: Entry, device: str) -> dict[str, Any]:
        adjusted = entry.adjust is not None
        return run_attributes(
            entry.name, entry.network, entry.training, self.dataset, adjusted, device
        )


def _advance(one: GroupTraining, until: int, steps: int) -> tuple[np.ndarray, ...]:
    """Loss and accuracy of each step, (steps,), and the last one's update ratios, (layers,)."""
    loss, accuracy = np.full(steps, np.nan), np.full(steps, np.nan)
    last = np.full(one.group.members[0].network.depth + 1, np.nan)
    first, size = until - steps, one.group.key.batch_size
    samples = len(one.group.data.y_train)
    while one.goes_on and one.step < until:
        at = one.step
        records, made = one.advance(until - at)
        count = int(made[0])
        rows = slice(at - first, at - first + count)
        places = (at + np.arange(count)) % one.schedule.per_epoch
        sizes = np.minimum(size, samples - size * places)
        loss[rows] = records.loss[0, :count]
        accuracy[rows] = records.correct[0, :count] / sizes
        if count:
            last = np.asarray(records.gauges["update_ratio"][0, count - 1], np.float64)
        if one.step in one.schedule.probes:
            one.probe()
        if one.at_epoch_end:
            one.close_epoch()
    return loss, accuracy, last


def _probe(one: GroupTraining) -> dict[str, np.ndarray]:
    values = {name: np.asarray(value[0], np.float64) for name, value in one.probe().items()}
    if one.alive[0]:
        return values
    return {name: np.full_like(value, np.nan) for name, value in values.items()}


def _weight(params: tuple[Params, ...], place: int) -> np.ndarray:
    """The weights of a layer, counted from 0, (fan_in, units)."""
    for block in params:
        if place < len(block["weight"]):
            return np.asarray(block["weight"][place])
        place -= len(block["weight"])
    raise IndexError(place)


@functools.lru_cache(maxsize=8)
def _signals_program(key: ProgramKey) -> Any:
    """z, slope and delta of every hidden layer of one width after another."""

    def read(params: Any, tables: tuple[LayerTable, ...], x: Any, y: Any) -> Any:
        def observe(tap: Any, back: Any, *_: Any) -> Any:
            return {
                "z": tap.z,
                "slope": tap.slope,
                "delta": back.delta,
                "delta_norm": norm(back.delta),
            }

        rows, targets = as_inputs(x, key.dtype), as_targets(key, y)
        kept = one_pass(key, params, tables, rows, targets, None, observe).kept[:-1]
        return {name: [layer for block in kept for layer in block[name]] for name in _SHOWN}

    return jax.jit(read)


@functools.lru_cache(maxsize=8)
def _classes_program(key: ProgramKey) -> Any:
    def read(params: Any, running: Any, tables: tuple[LayerTable, ...], x: Any) -> Any:
        used = running if any(running) else None
        stream, _ = hidden_layers(key, params, tables, x, running=used, keep=False)
        return jnp.argmax(outputs(params, stream), axis=-1)

    return jax.jit(read)
