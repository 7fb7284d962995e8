"""The loop of a PyTorch training: every batch a step, under watch, or with one thing changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.diagnosis.budget import Span
from gradgauge.diagnosis.facts import TrainingHistory
from gradgauge.diagnosis.trainees.torch.changes import changed_weights, new_optimizer
from gradgauge.diagnosis.trainees.torch.data import call, first, unpack, without
from gradgauge.diagnosis.trainees.torch.facts import array, is_weighted, rounded_in
from gradgauge.diagnosis.trainees.torch.front import GivenTraining
from gradgauge.diagnosis.trainees.torch.look import broken_at, gradients
from gradgauge.diagnosis.trainees.torch.schedule import Stepping, advance
from gradgauge.diagnosis.trainees.trainee import SHARPNESS_AT, step_sharpness, steps_for
from gradgauge.diagnosis.trial import Change
from gradgauge.listening import OnProgress
from gradgauge.watchers.torch.watcher import PyTorchWatcher


class Loop:
    """An ordinary loop over the user's batches.

    Args:
        given: the model and all that belongs to it.
    """

    model: Any
    loss: Callable[..., Any]
    optimizer: Any
    loader: Iterable[Any]
    scheduler: Stepping | None

    def __init__(self, given: GivenTraining):
        self.model, self.loss = given.model, given.loss
        self.optimizer, self.loader = given.optimizer, given.loader
        self.scheduler = given.scheduler
        self._clip_norm = given.clip_norm
        self._epochs, self._steps = given.epochs, given.steps

    def batches(self) -> int:
        """How many an epoch has."""
        if isinstance(self.loader, Sized):
            # Behind a stream of samples a loader has a length that it cannot tell.
            with suppress(TypeError):
                return len(self.loader)
        return sum(1 for _ in self.loader)

    def planned(self) -> int:
        """Steps that the user's own training would take."""
        batches = self.batches()
        return self._steps or batches * steps_for(batches, 1, self._epochs)[1]

    def parameters(self) -> list[nn.Parameter]:
        """Those that learn."""
        return [p for p in self.model.parameters() if p.requires_grad]

    @contextmanager
    def changed(
        self, change: Change, matrices: Mapping[str, Sequence[nn.Parameter]]
    ) -> Iterator[None]:
        """The training with one thing changed, until the end of the block; weights and the
        schedule stay changed: the trainee rewinds them.

        Args:
            change: what to do.
            matrices: layer's name -> its matrices.

        Raises:
            CannotDiagnose: no such activation or optimizer.
        """
        own, clip = self.optimizer, self._clip_norm
        rates = [group["lr"] for group in own.param_groups]
        with changed_weights(self.model, matrices, change):
            try:
                if change.optimizer is not None:
                    self.optimizer = new_optimizer(self.model, change.optimizer, float(max(rates)))
                for group in self.optimizer.param_groups:
                    group["lr"] = group["lr"] * change.rate_factor
                self._scale_schedule(change.rate_factor)
                self._clip_norm = change.clip_norm or clip
                yield
            finally:
                self.optimizer, self._clip_norm = own, clip
                for group, rate in zip(own.param_groups, rates, strict=True):
                    group["lr"] = rate

    def _scale_schedule(self, factor: float) -> None:
        """The rates that the scheduler starts from."""
        if self.scheduler is None or factor == 1:
            return
        scheduler = self.scheduler.scheduler
        for name in ("base_lrs", "min_lrs", "max_lrs"):
            if isinstance(rates := getattr(scheduler, name, None), list):
                setattr(scheduler, name, [rate * factor for rate in rates])

    def train(
        self,
        span: Span,
        probe: tuple[Any, Any],
        watcher: PyTorchWatcher | None = None,
        on_progress: OnProgress | None = None,
        scale: Callable[[Any], Any] | None = None,
        left_out: np.ndarray | None = None,
    ) -> TrainingHistory:
        """Train from the weights as they are, until the end of the span or of what is finite.

        Args:
            span: how long.
            probe: samples that sharpness is measured on.
            watcher: watches, and is asked where something was not finite first; None: the losses
                are all that is known.
            on_progress: told (steps made, steps).
            scale: of inputs.
            left_out: keys of samples that are taken out of every batch.
        """
        losses: list[float] = []
        sharpness: dict[int, float] = {}
        rounded: dict[int, float] = {}
        last: tuple[Any, Any, list[torch.Tensor]] | None = None
        broke, where, batches = None, None, self.batches()
        for x, y in self._all_batches(scale, left_out):
            step = len(losses)
            curved = watcher is not None and step in SHARPNESS_AT
            weights = self._weights() if watcher is not None else []
            seen = gradients(self.model, self.loss, *probe) if curved else None
            self.optimizer.zero_grad(set_to_none=True)
            loss = self._step(x, y, watcher)
            if not math.isfinite(loss):
                where, earlier = self._broken_at(watcher, (x, y, weights), last)
                broke = step - earlier
                break
            losses.append(loss)
            advance(self.scheduler, step, batches, loss)
            if seen is not None:
                then = gradients(self.model, self.loss, *probe)
                change = [
                    array(p) - array(w) for p, w in zip(self.parameters(), weights, strict=True)
                ]
                sharpness[step] = step_sharpness(seen[0], then[0], seen[1], then[1], change)
                lost = rounded_in(self.parameters(), weights)
                if lost is not None:
                    rounded[step] = lost
            last = (x, y, weights)
            if on_progress:
                on_progress(step + 1, span.steps)
            if span.is_over(step + 1):
                break
        if broke is None and not all(bool(p.isfinite().all()) for p in self.model.parameters()):
            where, _ = self._broken_at(watcher, None, last)
            broke = len(losses) - 1
        return TrainingHistory(
            np.array(losses or [math.nan]),
            self.planned(),
            broke,
            where,
            sharpness,
            is_weighted(self.loss),
            rounded=rounded,
        )

    def _broken_at(
        self,
        watcher: PyTorchWatcher | None,
        now: tuple[Any, ...] | None,
        before: tuple[Any, ...] | None,
    ) -> tuple[tuple[str, str] | None, bool]:
        if watcher is None:
            return None, False
        return broken_at(self.model, self.loss, watcher, now, before)

    def _step(self, x: Any, y: Any, watcher: PyTorchWatcher | None) -> float:
        def closure() -> torch.Tensor:
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(call(self.model, x), y)
            loss.backward()
            if self._clip_norm is not None:
                nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)
            return loss

        if isinstance(self.optimizer, torch.optim.LBFGS):
            return float(self.optimizer.step(closure))
        loss = closure()
        if watcher is not None:
            watcher.log(loss)
        self.optimizer.step()
        return float(loss.detach())

    def _all_batches(
        self, scale: Callable[[Any], Any] | None, left_out: np.ndarray | None
    ) -> Iterator[tuple[Any, Any]]:
        for _ in range(-(-self.planned() // max(self.batches(), 1))):
            for batch in self.loader:
                x, y = unpack(batch)
                if left_out is not None:
                    x, y = without(x, y, left_out)
                    if not len(first(y)):
                        continue
                yield (scale(x) if scale else x), y

    def _weights(self) -> list[torch.Tensor]:
        return [p.detach().clone() for p in self.parameters()]
