"""Watcher of a PyTorch training: a context manager, or a plain object with `close`."""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.hooks import RemovableHandle

from gradgauge.gauges.backward_gain import ratio
from gradgauge.run import Run
from gradgauge.watchers.closing import Closing
from gradgauge.watchers.measure import Seen, measure_layers
from gradgauge.watchers.recorder import CLIPPED, Listener, Recorder
from gradgauge.watchers.sampling import DEFAULT_SHARE, NORMS_PART, Sampler
from gradgauge.watchers.torch.guard import Guard
from gradgauge.watchers.torch.hooks import Handle, before_call
from gradgauge.watchers.torch.modules import Row, candidates, eager, is_compiled
from gradgauge.watchers.torch.probe import Probe
from gradgauge.watchers.torch.seen import describe, in_call_order, seen
from gradgauge.watchers.torch.steps import (
    Weights,
    backward_pass,
    parameters_of,
    scaler_above,
    tensor_norms,
    watched_by,
)
from gradgauge.watchers.torch.taps import Taps

Loss = Callable[[Any, Any], torch.Tensor]


class PyTorchWatcher(Closing):
    """Reads the gauges of a PyTorch model from its own training.

    Hooks on modules and tensors read the training batch; hooks on the optimiser say when a step
    is made. All of them only look. With a probe batch and a loss, an eager pass on the same
    parameters reads that batch instead; of a compiled model nothing else can be read.

    Args:
        model: the module that is trained.
        x, y: a fixed probe batch: a tensor, or a tuple or dict of inputs.
        loss: (output, y) -> scalar, for the probe batch.
        optimizer: whose steps count; None: the first that moves a parameter of the model.
        scaler: a gradient scaler; None: found where it calls the optimiser.
        every: sample all gauges every so many steps; None: as often as `budget` allows.
        norms_every: the same for the norms of gradients, weights and updates; None: every step
            if `every` is given, else as often as `budget` allows.
        budget: share of the training's time for measuring.
        name: what the Run calls the model.
        to: listeners: a live table, writers.
    """

    def __init__(
        self,
        model: nn.Module,
        x: Any = None,
        y: Any = None,
        *,
        loss: Loss | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        scaler: Any = None,
        every: int | None = None,
        norms_every: int | None = None,
        budget: float = DEFAULT_SHARE,
        name: str | None = None,
        to: Sequence[Listener] = (),
        framework: str = "pytorch",
    ):
        self.model = eager(model)
        self._compiled = is_compiled(model)
        self._probe = Probe(self.model, x, y, loss) if x is not None and loss else None
        self._scaler, self._optimizer = scaler, optimizer
        self._every = Sampler(every, budget * (1 - NORMS_PART))
        self._norms_every = Sampler(norms_every or (1 if every else None), budget * NORMS_PART)
        self._rows = candidates(self.model)
        self._weights = Weights(self._rows)
        self._handles: list[RemovableHandle] = []
        self._temporary: list[RemovableHandle | Handle] = []
        self.step = self._logged = 0
        self._loss: float | None = None
        self._forget()
        self.recorder = Recorder(
            {
                "name": name or type(self.model).__name__,
                "framework": framework,
                "framework_version": str(torch.__version__),
                "batch": self._batch(),
                "device": _device(self.model),
                "clipping": "weight_grad_norm is before clipping, clipped_grad_norm behind it",
            },
            to,
        )
        self._guard = Guard(self.recorder.note, _weak(self, "_stop"))
        self._taps = Taps(self.model, self._rows, self._guard)
        self._finalizer = weakref.finalize(
            self, _let_go, self._taps, self._handles, self._temporary
        )
        self._open()

    # -- what a user calls

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        self.recorder.steps_done = self.step
        return self.recorder.run()

    @property
    def steps_done(self) -> int:
        """Steps of training seen so far."""
        return self.step

    @property
    def rows(self) -> list[Row]:
        """The layers with their parameters, in the order of the Run's layer axis once the first
        of their figures is recorded."""
        return self._rows

    def look(self, probe: Probe) -> list[Seen] | None:
        """What every layer shows in a pass of `probe` at the weights as they are, in the order of
        `rows`; nothing is recorded. None where the pass raised an error."""
        taps = probe.read(self._rows, lambda *_, **__: None)
        if taps is None:
            return None
        return seen(self._rows, taps, probe.gradient, 1.0, lambda *_: None)

    def log(self, loss: Any) -> None:
        """Tell the loss of the step being made, before the optimiser's: hooks do not see it."""
        if self._light:
            self._loss = float(loss.detach()) if isinstance(loss, torch.Tensor) else float(loss)

    def log_behind(self, loss: Any) -> None:
        """Tell the loss of the step that was just made."""
        made, self._logged = self.step > self._logged, self.step
        if made and self.recorder.last_step == self.step - 1:
            self.recorder.step(self.step - 1, {}, float(loss))

    def log_epoch(self, epoch: int, **figures: float) -> None:
        """Tell figures of an epoch, counted from 1: `loss`, `accuracy`, ..."""
        self.recorder.epoch(epoch, {k: float(v) for k, v in figures.items()})

    def follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Count this optimiser's steps, unless another one was named."""
        self._optimizer = self._optimizer or optimizer

    def close(self) -> None:
        """Take all hooks off, and take the last probe if there is a probe batch."""
        if not self._finalizer.alive:
            return
        self._finalizer()
        if self._probe is not None and self.step:
            self._read_probe()
        self.recorder.steps_done = self.step
        self.recorder.close()

    # -- a step: armed before it, read before the update, closed behind it

    def _open(self) -> None:
        myself = weakref.ref(self)

        def before(optimizer: Any, args: Any, kwargs: Any) -> Any:
            watcher = myself()
            return watcher._before_step(optimizer, args, kwargs) if watcher else None

        def after(optimizer: Any, _args: Any, _kwargs: Any) -> None:
            watcher = myself()
            if watcher is not None:
                watcher._after_step(optimizer)

        self._handles += [
            register_optimizer_step_pre_hook(before),
            register_optimizer_step_post_hook(after),
        ]
        if self._compiled:
            self.recorder.note("clipping", "compiled")
            if self._probe is None:
                self.recorder.note("signals", "compiled")
        self._arm()

    def _stop(self) -> None:
        self._finalizer()

    def _forget(self) -> None:
        self._before_clipping: list[float] | None = None
        self._row_values: dict[str, np.ndarray] = {}
        self._gradients: dict[int, torch.Tensor] = {}
        self._factor = 1.0
        self._read = self._stale = self._unfinished = False
        self._backward: int | None = None

    def _arm(self) -> None:
        """Decide what to read of the step that begins now."""
        self._full = self._every.due(self.step)
        self._light = self._full or self._norms_every.due(self.step)
        if self._full and self._probe is not None:
            self._read_probe()
            self._full = False
        began = time.perf_counter()
        tapped = self._full and not self._compiled
        if tapped:
            self._taps.reset()
            self._taps.open()
            self._temporary.append(before_call(self.model, _weak(self, "_begin")))
        if self._light and not self._compiled:
            for weight in self._weights.parameters:
                if weight.requires_grad:
                    hook = weight.register_post_accumulate_grad_hook(_weak(self, "_grad_came"))
                    self._temporary.append(hook)
        self._seconds = time.perf_counter() - began

    def _begin(self, *_: Any) -> None:
        if self._stale or (self._unfinished and backward_pass() is None):
            # The last backward pass was not finite and no step was made of it, because a gradient
            # scaler skipped it; or it was broken off by an exception that the loop has caught.
            # What is seen from here on belongs to a new step.
            self._taps.reset()
            self._stale = self._unfinished = False

    def _grad_came(self, _parameter: Any) -> None:
        if self._backward != (number := backward_pass()):
            self._backward, self._unfinished = number, True
            engine = torch.autograd.Variable._execution_engine  # type: ignore[attr-defined]
            engine.queue_callback(self._backward_ended)

    def _backward_ended(self) -> None:
        """All gradients are there, before anybody clips them."""
        began = time.perf_counter()
        self._backward, self._unfinished = None, False
        gradients = self._weights.gradients()
        self._before_clipping = norms = tensor_norms(gradients)
        self._stale = any(
            g is not None and not math.isfinite(n) for g, n in zip(gradients, norms, strict=True)
        )
        if self._full:
            self._gradients = {
                id(w): g.detach().clone()
                for w, g in zip(self._weights.parameters, gradients, strict=True)
                if g is not None
            }
        self._seconds += time.perf_counter() - began

    def _mine(self, optimizer: torch.optim.Optimizer) -> bool:
        if self._optimizer is None and watched_by(self.model, optimizer):
            self._optimizer = optimizer
        return optimizer is self._optimizer

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        if not self._mine(optimizer) or not self._light:
            return None
        closure = kwargs.get("closure") or (args[1] if len(args) > 1 else None)
        if closure is None:
            self._read_step(optimizer)
            return None

        def reading_closure() -> Any:
            result = closure()
            if not self._read:
                self._read_step(optimizer)
            return result

        if len(args) > 1:
            return (args[0], reading_closure, *args[2:]), kwargs
        return args, {**kwargs, "closure": reading_closure}

    def _read_step(self, optimizer: torch.optim.Optimizer) -> None:
        began = time.perf_counter()
        self._read = True
        self._taps.close()
        self._scaler = self._scaler or scaler_above()
        unscaled = self._unscale(optimizer)
        if self._full:
            self._read_signals()
        elif not self.recorder.started:
            self._start()
        weights = self._weights
        clipped = [n * unscaled for n in tensor_norms(weights.gradients())]
        before = self._before_clipping
        if before is not None:
            before = [n * self._factor for n in before]
        self._row_values = {
            "weight_grad_norm": weights.by_row(before or clipped),
            CLIPPED: weights.by_row(clipped),
            "weight_norm": weights.by_row(weights.norms()),
        }
        weights.keep()
        self._seconds += time.perf_counter() - began

    def _unscale(self, optimizer: torch.optim.Optimizer) -> float:
        """The factor that unscales `.grad` as it stands now; `_factor` for the backward pass."""
        scaler = self._scaler
        if scaler is None or not scaler.is_enabled():
            return 1.0
        self._factor = 1.0 / scaler.get_scale()
        # A fused optimiser unscales by itself, inside of its step.
        inside = getattr(optimizer, "grad_scale", None)
        return 1.0 / float(inside) if inside is not None else 1.0

    def _start(self) -> None:
        """The layers are known: as they were called, if they were seen being called."""
        self._rows = in_call_order(self._rows, self._taps)
        self._weights = Weights(self._rows)
        self.recorder.start(describe(self._rows, self._taps))
        for row in self._rows:
            if not row.info.trainable:
                self.recorder.note("gradients", "frozen", row.info.name)

    def _read_signals(self) -> None:
        if not self.recorder.started:
            place = {id(p): i for i, p in enumerate(self._weights.parameters)}
            self._start()
            if self._before_clipping is not None:
                norms = self._before_clipping
                self._before_clipping = [norms[place[id(p)]] for p in self._weights.parameters]

        def gradient(weight: nn.Parameter) -> torch.Tensor | None:
            found = self._gradients.get(id(weight))
            return None if found is None else found * self._factor

        shown = seen(self._rows, self._taps, gradient, self._factor, self.recorder.note)
        self.recorder.probe(self.step, measure_layers(shown), self._loss)
        self._taps.reset()

    def _read_probe(self) -> None:
        began = time.perf_counter()
        probe = self._probe
        if probe is None:
            return
        taps = probe.read(self._rows, self.recorder.note)
        if taps is None:
            self._probe = None
            return
        if not self.recorder.started:
            self._taps = taps
            self._start()
        shown = seen(self._rows, taps, probe.gradient, 1.0, self.recorder.note)
        self.recorder.probe(self.step, measure_layers(shown), probe.loss_value)
        self._every.spent(time.perf_counter() - began)

    def _after_step(self, optimizer: Any) -> None:
        if optimizer is not self._optimizer:
            return
        if not self._light:  # Nothing was hooked or read: most steps of a fast training.
            self.step += 1
            self._loss = None
            self._arm()
            return
        began = time.perf_counter()
        if self._row_values:
            norms = self._row_values["weight_norm"]
            changes = self._weights.by_row(self._weights.changes(parameters_of(optimizer)))
            self._row_values["update_ratio"] = ratio(changes, norms)
            self.recorder.step(self.step, self._row_values, self._loss)
        while self._temporary:
            self._temporary.pop().remove()
        self.step += 1
        self._loss = None
        full, tapped = self._full, self._taps.seconds
        seconds, self._seconds = self._seconds, 0.0
        self._taps.close()
        self._forget()
        sampler = self._every if full else self._norms_every
        sampler.spent(seconds + tapped + time.perf_counter() - began)
        self._arm()

    def _batch(self) -> str:
        if self._probe is not None:
            return "probe"
        return "none" if self._compiled else "training"


def _let_go(taps: Taps, *handles: Any) -> None:
    taps.close()
    for group in handles:
        while group:
            group.pop().remove()


def _weak(owner: Any, name: str) -> Callable[..., None]:
    """A hook that does not keep its watcher alive."""
    reference = weakref.ref(owner)

    def hook(*args: Any) -> None:
        watcher = reference()
        if watcher is not None:
            getattr(watcher, name)(*args)

    return hook


def _device(model: nn.Module) -> str:
    parameter = next(model.parameters(), None)
    return str(parameter.device) if parameter is not None else "cpu"
