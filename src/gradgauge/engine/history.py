"""What the host writes down of a batch of members while it trains."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from gradgauge.engine.limits import ProbeSchedule
from gradgauge.gauges import PROBE_QUANTITIES, STEP_QUANTITIES


@dataclass
class History:
    """Everything kept of M members, in NumPy; NaN where a member did not reach.

    Attributes:
        steps: STEP_QUANTITIES, (M, kept steps, layers).
        step_loss: (M, kept steps).
        probes: PROBE_QUANTITIES, (M, probes, layers).
        loss, accuracy: over each epoch's batches, (M, epochs).
        test_loss, test_accuracy: (M,).
        non_finite_step, non_finite_layer: -1 where all went well, (M,).
        steps_done: (M,).
    """

    schedule: ProbeSchedule
    steps: dict[str, np.ndarray]
    step_loss: np.ndarray
    probes: dict[str, np.ndarray]
    loss: np.ndarray
    accuracy: np.ndarray
    test_loss: np.ndarray
    test_accuracy: np.ndarray
    non_finite_step: np.ndarray
    non_finite_layer: np.ndarray
    steps_done: np.ndarray
    _sums: dict[str, np.ndarray] = field(default_factory=dict, init=False)

    @classmethod
    def empty(
        cls, when: ProbeSchedule, members: int, epochs: int, layers: int, dtype: str
    ) -> History:
        """Nothing written down yet."""

        def nothing(*shape: int, dtype: str = "float64") -> np.ndarray:
            return np.full((members, *shape), np.nan, dtype)

        kept = len(when.kept)
        return cls(
            when,
            {name: nothing(kept, layers, dtype=dtype) for name in STEP_QUANTITIES},
            nothing(kept, dtype=dtype),
            {name: nothing(len(when.probes), layers, dtype=dtype) for name in PROBE_QUANTITIES},
            nothing(epochs),
            nothing(epochs),
            nothing(),
            nothing(),
            np.full(members, -1),
            np.full(members, -1),
            np.zeros(members, int),
        )

    def select(self, members: list[int]) -> History:
        """The history of some of the members."""

        def pick(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: array[members] for name, array in value.items()}
            return value[members]

        kept = {f.name: getattr(self, f.name) for f in fields(self) if f.init}
        return History(kept.pop("schedule"), **{name: pick(v) for name, v in kept.items()})

    def write_probe(self, at: int, values: dict[str, Any], alive: np.ndarray) -> None:
        """A probe before step `at`, of the members that are still alive."""
        row = self.schedule.probes.index(at)
        for name, value in values.items():
            self.probes[name][alive, row] = np.asarray(value)[alive]

    def write_steps(self, first: int, made: np.ndarray, records: Any) -> None:
        """The records of a segment that began at step `first`; `made` rows are real, (M,)."""
        last = first + int(made.max(initial=0))
        kept = np.arange(
            -(-first // self.schedule.stride) * self.schedule.stride, last, self.schedule.stride
        )
        rows, segment = kept // self.schedule.stride, kept - first
        for name, value in records.gauges.items():
            self.steps[name][:, rows] = np.asarray(value)[:, segment]
        self.step_loss[:, rows] = np.asarray(records.loss)[:, segment]

    def add_to_epoch(self, sizes: np.ndarray, made: np.ndarray, records: Any) -> None:
        """Add a segment's batches, of so many samples each, to the running epoch."""
        real = np.arange(len(sizes)) < made[:, None]
        loss = np.asarray(records.loss, np.float64)[:, : len(sizes)]
        hits = np.asarray(records.correct, np.float64)[:, : len(sizes)]
        sums = self._sums
        sums["loss"] = sums.get("loss", 0) + np.where(real, loss * sizes, 0).sum(axis=1)
        sums["hits"] = sums.get("hits", 0) + np.where(real, hits, 0).sum(axis=1)
        sums["samples"] = sums.get("samples", 0) + np.where(real, sizes, 0).sum(axis=1)

    def close_epoch(self, epoch: int, alive: np.ndarray) -> None:
        """Turn the running epoch's sums into its loss and accuracy."""
        sums = self._sums
        self.loss[alive, epoch] = sums["loss"][alive] / sums["samples"][alive]
        self.accuracy[alive, epoch] = sums["hits"][alive] / sums["samples"][alive]
        sums.clear()
