"""One step of a PyTorch training, as it is watched: passes, gradients, updates."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.watchers.guard import Guarded
from gradgauge.watchers.torch.leftover import Leftover
from gradgauge.watchers.torch.norms import tensor_norms
from gradgauge.watchers.torch.optimizers import after_backward, backward_pass, scaler_above
from gradgauge.watchers.torch.taps import Taps
from gradgauge.watchers.torch.weights import Weights


class Step:
    """What is seen of a step, from the end of the last one's updates to the end of its own.

    A step may have several passes (accumulation) and several updates (one optimizer for the
    matrices, another for the rest; one for every parameter, inside of the backward pass).

    Args:
        number: of the step, counted from 0.
        full: whether all gauges are taken.
        light: whether norms of gradients, weights and updates are.
        weights: of the layers.
        guard: round what runs in the user's backward pass.

    Attributes:
        taps: on the model's passes, where signals are read.
        moved: ids of the parameters that an optimizer of this step has moved, or is moving.
        steppers: ids of the optimizers that have made a step.
        under_way: the optimizer that is in the middle of its step.
        ended: whether a backward pass has ended.
        loss: as it was told; None: it was not.
        factor: what makes signals of the backward pass those of the unscaled loss.
        signals: gauge -> (layers,); None: not read.
        rate: the largest learning rate of its updates; None: no optimizer has one.
        stale: whether an update used a gradient of the step before; None: not looked at.
        seconds: what measuring has cost.
    """

    number: int
    full: bool
    light: bool
    ended: bool
    factor: float
    seconds: float

    def __init__(self, number: int, full: bool, light: bool, weights: Weights, guard: Guarded):
        self.number, self.full, self.light = number, full, light
        self._weights, self._guard = weights, guard
        self.taps: Taps | None = None
        self.moved: set[int] = set()
        self.steppers: set[int] = set()
        self.under_way: torch.optim.Optimizer | None = None
        self.ended = False
        self.loss: float | None = None
        self.factor = 1.0
        self.signals: dict[str, np.ndarray] | None = None
        self.rate: float | None = None
        self.cycle_top: float | None = None
        self.stale: bool | None = None
        self.seconds = 0.0
        self._leftover: Leftover | None = None
        self.on_backward_end: Callable[[], None] = lambda: None
        size = len(weights.parameters)
        self._pass: int | None = None
        self._before_clipping, self._clipped, self._changes = np.full((3, size), np.nan)
        self._norms: np.ndarray | None = None
        self._versions: list[int] = []
        self._gradients: dict[int, torch.Tensor] = {}
        self._copies: dict[int, torch.Tensor] = {}
        self._left: dict[int, tuple[Any, int]] = {}

    # -- the backward pass

    def begin(self) -> None:
        """See which gradients the step before has left."""
        self._leftover = Leftover(self._weights.parameters)

    def gradient_came(self, parameter: nn.Parameter) -> None:
        """A gradient was added to the parameter's."""
        if self._leftover is not None:
            self._leftover.arrived(parameter)
        number = backward_pass()
        if number is not None and number != self._pass:
            self._pass = number
            if self._left and not self._kept(parameter):
                self._forget_passes()
            if self.taps is not None:
                self.taps.passes.brought(number)
            after_backward(lambda: self._guard(self.backward_ended, number))
        if self.full and parameter.grad is not None:
            # Noted as they come: a backward pass may be broken off.
            self._left[id(parameter)] = (weakref.ref(parameter.grad), parameter.grad._version)

    def _kept(self, arrived: nn.Parameter) -> bool:
        """Whether gradients of the earlier passes are still there, to be added to."""
        for weight in self._weights.parameters:
            reference, version = self._left.get(id(weight), (None, 0))
            grad = weight.grad
            if reference is None or grad is None or reference() is not grad:
                continue
            if grad._version == version + (weight is arrived):
                return True
            if weight is not arrived and tensor_norms([grad]) != [0.0]:
                return True
        return False

    def _forget_passes(self) -> None:
        """The gradients of all passes before this were thrown away: they belong to no step."""
        self._gradients.clear()
        self._left.clear()
        if self.taps is not None:
            self.taps.passes.forget()

    def backward_ended(self, number: int) -> None:
        """All gradients are there, reduced over processes, and nobody has clipped them yet."""
        began = time.perf_counter()
        if self.taps is not None:
            self.taps.passes.seen(number)
        self._pass, self.ended = None, True
        there = [w for w in self._weights.parameters if w.grad is not None]
        there = [w for w in there if id(w) not in self.moved]
        norms = self._weights.gradient_norms({id(w) for w in there})
        if self.moved:
            self._before_clipping = np.where(np.isnan(norms), self._before_clipping, norms)
        else:
            self._before_clipping = norms
        if self.full:
            gradients = {id(w): w.grad.detach() for w in there if w.grad is not None}
            self._gradients.update({i: g.clone() for i, g in gradients.items()})
            self._left = {
                id(w): (weakref.ref(w.grad), w.grad._version) for w in there if w.grad is not None
            }
        self.seconds += time.perf_counter() - began
        self.on_backward_end()

    # -- an update

    def before_update(
        self, optimizer: torch.optim.Optimizer, moved: frozenset[int], scaler: Any
    ) -> Any:
        """Read what the optimizer is about to use; gives the gradient scaler, if there is one."""
        began = time.perf_counter()
        inside = backward_pass() is not None
        self._note_rate(optimizer)
        self.look_back(moved)
        scaler = scaler or scaler_above()
        unscaled = self._unscale(optimizer, scaler)
        clipped = self._weights.gradient_norms(moved) * unscaled
        self._clipped = np.where(np.isnan(clipped), self._clipped, clipped)
        if self.full and inside:
            self._gradients.update(
                {
                    id(w): w.grad.detach().clone()
                    for w in self._weights.parameters
                    if id(w) in moved and w.grad is not None
                }
            )
        if self._norms is None or not self.steppers:
            self._norms = self._weights.norms()
        self._copies = self._weights.copies(moved)
        self.moved |= moved
        self.seconds += time.perf_counter() - began
        return scaler

    def look_back(self, moved: Collection[int] | None = None) -> None:
        """Whether the update of these parameters, or of all, uses gradients of the step before."""
        if self._leftover is not None:
            moved = self._weights.place.keys() if moved is None else moved
            self.stale = bool(self.stale) or self._leftover.under(moved)

    def _note_rate(self, optimizer: torch.optim.Optimizer) -> None:
        rates = [float(group["lr"]) for group in optimizer.param_groups if "lr" in group]
        self.rate = max([*rates, *([] if self.rate is None else [self.rate])], default=None)
        tops = [float(group["max_lr"]) for group in optimizer.param_groups if "max_lr" in group]
        self.cycle_top = max(tops, default=self.cycle_top)

    def _unscale(self, optimizer: torch.optim.Optimizer, scaler: Any) -> float:
        """The factor that unscales `.grad` as it stands now; `factor` for the backward pass."""
        if scaler is None or not scaler.is_enabled():
            return 1.0
        self.factor = 1.0 / scaler.get_scale()
        # A fused optimizer unscales by itself, inside of its step.
        inside = getattr(optimizer, "grad_scale", None)
        return 1.0 / float(inside) if inside is not None else 1.0

    def after_update(self) -> None:
        """The optimizer has moved what it moves."""
        began = time.perf_counter()
        changes = self._weights.change_norms(self._copies)
        self._changes = np.where(np.isnan(changes), self._changes, changes)
        self._copies = {}
        self.seconds += time.perf_counter() - began

    # -- an update by hand, which no hook tells of

    def expect_update_by_hand(self) -> None:
        """Keep the weights as they are after a backward pass."""
        self._versions = [w._version for w in self._weights.parameters]
        self._norms = self._weights.norms()
        self._copies = self._weights.copies() if self.light else {}

    def was_updated_by_hand(self) -> bool:
        """Whether the weights have changed since."""
        if not self._versions or self._norms is None:
            return False
        versions = [w._version for w in self._weights.parameters]
        return versions != self._versions or not np.array_equal(
            self._weights.norms(), self._norms, equal_nan=True
        )

    # -- what was seen

    def gradient(self, weight: nn.Parameter) -> torch.Tensor | None:
        """The unscaled gradient before clipping; None where there was none."""
        found = self._gradients.get(id(weight))
        return None if found is None else found * self.factor

    def norms(self, idle: set[int]) -> np.ndarray:
        """Of gradients before and after clipping, weights and changes: (4, weights).

        Args:
            idle: ids of the parameters that other optimizers move than those of this step. Their
                gradients, if they have any, are used by no update of this step.
        """
        weights = self._weights
        before = self._before_clipping * self.factor
        before = np.where(np.isnan(before), self._clipped, before)
        clipped = np.where(np.isnan(self._clipped), before, self._clipped)
        if idle:
            unused = np.array([id(w) in idle for w in weights.parameters])
            before, clipped = (np.where(unused, np.nan, norms) for norms in (before, clipped))
        norms = np.full(len(before), np.nan) if self._norms is None else self._norms
        return np.stack([before, clipped, norms, self._changes])


def number_of(loss: Any) -> float:
    """A loss as it was told."""
    return float(loss.detach()) if isinstance(loss, torch.Tensor) else float(loss)


def scalar_of(result: Any) -> float | None:
    """A closure's result, where it is a loss."""
    if isinstance(result, torch.Tensor):
        return float(result.detach()) if result.numel() == 1 else None
    return float(result) if isinstance(result, (int, float)) else None
