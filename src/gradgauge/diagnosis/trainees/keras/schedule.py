"""What a Keras schedule, or the callbacks of `fit`, will make of the rate, simulated to its end."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from gradgauge.diagnosis.facts import Schedule
from gradgauge.diagnosis.properties.answers import asked
from gradgauge.diagnosis.trainees.keras.facts import numpy_of
from gradgauge.diagnosis.trainees.trainee import SIMULATED_STEPS

_FEW = 50
"""Steps at which a schedule is asked that takes one at a time."""

_IMPROVES = 0.97
"""What a monitored loss is multiplied by in an epoch of a training that goes well."""
_RISING = ("acc", "auc", "precision", "recall", "f1")
"""Parts of names of quantities that rise in a training that goes well."""


def simulated(model: Any, callbacks: Any, per_epoch: int, epochs: int) -> Schedule | None:
    """The rate at every step of the user's training, without any training; None: it stays.

    ReduceLROnPlateau is given a quantity that gets better in every epoch: it must not then reduce
    the rate.

    Args:
        model: compiled.
        callbacks: of `fit`.
        per_epoch, epochs: steps an epoch, and how many.
    """
    steps = min(per_epoch * epochs, SIMULATED_STEPS)
    at = np.arange(steps)
    schedule = getattr(model.optimizer, "_learning_rate", None)
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        some, rates = _sampled(schedule, steps)
        initial = getattr(schedule, "initial_learning_rate", None)
        target = getattr(schedule, "warmup_target", None)
        base = target if target is not None else initial
        return Schedule(some, rates, float(base) if isinstance(base, (int, float)) else rates.max())
    rate = float(numpy_of(model.optimizer.learning_rate))
    by_epoch = _by_epoch(_flat(callbacks), rate, epochs)
    if by_epoch is None:
        return None
    return Schedule(at, np.repeat(by_epoch, per_epoch)[:steps], rate)


def _sampled(schedule: Any, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """A schedule at so many steps as its curve needs: all in one pass where it bears that, else a
    few, for each is a call of the framework operation by operation."""
    some = np.unique(np.linspace(0, steps - 1, min(steps, 400)).astype(np.int32))
    found = asked(lambda: numpy_of(keras.ops.vectorized_map(schedule, keras.ops.array(some))))
    if found is not None and np.shape(found) == some.shape:
        return some, np.asarray(found, np.float64)
    some = np.unique(np.linspace(0, steps - 1, min(steps, _FEW)).astype(np.int32))
    return some, np.array([float(numpy_of(schedule(int(step)))) for step in some])


def _flat(callbacks: Any) -> Sequence[Any]:
    if callbacks is None:
        return ()
    known = getattr(callbacks, "callbacks", callbacks)
    return tuple(known) if isinstance(known, (list, tuple)) else (known,)


def _by_epoch(callbacks: Sequence[Any], rate: float, epochs: int) -> np.ndarray | None:
    changers = [change for c in callbacks if (change := _changer(c)) is not None]
    if not changers:
        return None
    rates = []
    for epoch in range(epochs):
        for begins, change in changers:
            rate = change(epoch, rate) if begins else rate
        rates.append(rate)
        for begins, change in changers:
            rate = rate if begins else change(epoch, rate)
    return np.array(rates)


def _changer(callback: Any) -> tuple[bool, Callable[[int, float], float]] | None:
    """Whether a callback sets the rate at an epoch's beginning, and (epoch, rate) -> rate."""
    if isinstance(callback, keras.callbacks.LearningRateScheduler):
        function = callback.schedule
        takes = len(inspect.signature(function).parameters)
        return True, lambda epoch, rate: float(
            numpy_of(function(epoch, rate) if takes > 1 else function(epoch))
        )
    if isinstance(callback, keras.callbacks.ReduceLROnPlateau):
        return False, _Plateau(callback)
    return None


class _Plateau:
    """ReduceLROnPlateau's rule on a quantity that gets better in every epoch."""

    def __init__(self, callback: Any):
        self._callback = callback
        name, mode = str(callback.monitor).lower(), callback.mode
        self._rises = any(part in name for part in _RISING)
        self._upwards = mode == "max" or (mode == "auto" and self._rises)
        self._best = -np.inf if self._upwards else np.inf
        self._waited = self._cooling = 0

    def __call__(self, epoch: int, rate: float) -> float:
        gone = _IMPROVES**epoch
        value = 1 - 0.9 * gone if self._rises else gone
        delta = float(self._callback.min_delta)
        if self._cooling > 0:
            self._cooling, self._waited = self._cooling - 1, 0
        better = value > self._best + delta if self._upwards else value < self._best - delta
        if better:
            self._best, self._waited = value, 0
        elif self._cooling <= 0:
            self._waited += 1
            if self._waited >= self._callback.patience:
                rate = max(rate * self._callback.factor, float(self._callback.min_lr))
                self._cooling, self._waited = self._callback.cooldown, 0
        return rate
