"""Callbacks of a diagnosis: the loss of every step, the budget, sharpness along a step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradgauge.diagnosis.budget import Span
from gradgauge.diagnosis.facts import TrainingHistory
from gradgauge.diagnosis.locate import first_non_finite
from gradgauge.diagnosis.trainees.keras.facts import numpy_of
from gradgauge.diagnosis.trainees.trainee import (
    LOW_PRECISION,
    SHARPNESS_AT,
    saturation,
    share_rounded,
    step_sharpness,
)
from gradgauge.listening import OnProgress
from gradgauge.watchers.keras.callback import Callback
from gradgauge.watchers.keras.one_pass import PassResult
from gradgauge.watchers.keras.watcher import KerasWatcher


class Losses(Callback):
    """The loss of every step; ends the training at its span's end or when a loss is not finite.

    Args:
        span: how long it may go on.
    """

    span: Span

    def __init__(self, span: Span):
        super().__init__()
        self.span = span
        self.losses: list[float] = []
        self.broke: int | None = None
        self._sum = 0.0
        self._penalty = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        del epoch, logs
        self._sum = 0.0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        mean = float(np.mean((logs or {}).get("loss", math.nan)))
        loss = mean * (batch + 1) - self._sum
        self._sum = mean * (batch + 1)
        if math.isfinite(loss):
            self.losses.append(loss)
        elif self.broke is None:
            self.broke = len(self.losses)
            self._stop()
        if self.span.is_over(len(self.losses)):
            self._stop()

    def on_train_end(self, logs: Any = None) -> None:
        del logs
        if self.broke is None and not all(
            np.isfinite(numpy_of(w.value)).all() for w in self._mine().weights
        ):
            self.broke = max(len(self.losses) - 1, 0)

    def _mine(self) -> Any:
        return self.model

    def _stop(self) -> None:
        self._mine().stop_training = True

    def history(self, planned: int, weighted: bool) -> TrainingHistory:
        """What was made."""
        losses = np.array(self.losses if self.losses else [math.nan])
        return TrainingHistory(losses - self._penalty, planned, self.broke, weighted=weighted)


class Steps(Losses):
    """Losses of a watched training, and rate times curvature along some of its steps."""

    watcher: KerasWatcher
    on_progress: OnProgress | None

    def __init__(self, watcher: KerasWatcher, span: Span, on_progress: OnProgress | None):
        super().__init__(span)
        self.watcher, self.on_progress = watcher, on_progress
        self.sharpness: dict[int, float] = {}
        self.rounded: dict[int, float] = {}
        self._before: tuple[PassResult, list[np.ndarray]] | None = None
        self._step = 0
        self.saturated_at_init: dict[str, float] = {}

    def on_train_begin(self, logs: Any = None) -> None:
        del logs
        model = self._mine()
        penalty = sum(float(numpy_of(v)) for v in model.losses)
        self._penalty = penalty if math.isfinite(penalty) else 0.0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        del batch, logs
        self._before = None
        if self._step in SHARPNESS_AT and (passed := self.watcher.read()) is not None:
            self._before = (passed, self._weights())
            if self._step == 0:
                self.saturated_at_init = saturation(self.watcher.seen(passed))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._before is not None and (then := self.watcher.read()) is not None:
            passed, weights = self._before
            after = self._weights()
            change = [b - a for a, b in zip(weights, after, strict=True)]
            self.sharpness[self._step] = step_sharpness(
                passed.loss, then.loss, passed.weight_grads, then.weight_grads, change
            )
            types = [str(v.dtype) for v in self._mine().trainable_variables]
            seen = zip(types, passed.weight_grads, weights, after, strict=True)
            lost = share_rounded((g, a, b) for kind, g, a, b in seen if kind in LOW_PRECISION)
            if lost is not None:
                self.rounded[self._step] = lost
        self._step += 1
        super().on_train_batch_end(batch, logs)
        if self.on_progress:
            self.on_progress(self._step, self.span.steps)

    def _weights(self) -> list[np.ndarray]:
        return [numpy_of(v.value) for v in self._mine().trainable_variables]

    def history(self, planned: int, weighted: bool) -> TrainingHistory:
        """What was made."""
        losses = np.array(self.losses if self.losses else [math.nan])
        return TrainingHistory(
            losses - self._penalty,
            planned,
            self.broke,
            None,
            self.sharpness,
            weighted,
            rounded=self.rounded,
        )

    def look(self, watcher: KerasWatcher) -> tuple[str, str] | None:
        """What of the model is not finite now, in the order of the pass; None: nothing."""
        passed = watcher.read()
        if passed is None:
            return None
        names = [row.info.name for row in watcher.rows]
        return first_non_finite(watcher.seen(passed), names, float(passed.loss))
