"""Watcher for PyTorch: a context manager, or a plain object with `close`."""

from __future__ import annotations

import contextlib
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from gradgauge.listening import Listener
from gradgauge.run import Run
from gradgauge.watchers.closing import Closing
from gradgauge.watchers.guard import Guard, guarded, weakly
from gradgauge.watchers.measure import Seen
from gradgauge.watchers.recorder import Recorder
from gradgauge.watchers.sampling import DEFAULT_SHARE, NORMS_PART, Sampler
from gradgauge.watchers.torch.first_nan import FirstNaN
from gradgauge.watchers.torch.hooks import before_call, is_plain_pass
from gradgauge.watchers.torch.layers import Layers
from gradgauge.watchers.torch.modes import Modes
from gradgauge.watchers.torch.modules import Row, eager, is_compiled
from gradgauge.watchers.torch.optimizers import Movers, backward_pass, watch_steps, with_closure
from gradgauge.watchers.torch.probe import Probe
from gradgauge.watchers.torch.reader import Reader
from gradgauge.watchers.torch.seen import seen
from gradgauge.watchers.torch.step import Step, number_of, scalar_of
from gradgauge.watchers.torch.taps import Taps

Loss = Callable[[Any, Any], torch.Tensor]


class PyTorchWatcher(Closing):
    """Measures the gauges of a PyTorch model while you train it.

    Hooks on modules and tensors read the training batch, and hooks on the optimizers detect
    steps. None of them changes anything. With a probe batch and a loss, that batch is read
    instead, by an eager pass with the same parameters. This is the only way to read a compiled
    model.

    Args:
        model: the module to be trained.
        x, y: a fixed probe batch: a tensor, or a tuple or dict of inputs.
        loss: (output, y) -> scalar, for the probe batch.
        optimizer: the optimizer whose steps count; None: all that update the model's parameters.
        scaler: a gradient scaler; None: it is detected when it calls the optimizer.
        every: measure all gauges every so many steps; None: as often as `budget` allows.
        norms_every: the same for the norms of gradients, weights and updates; None: every step
            if `every` is given, otherwise as often as `budget` allows.
        budget: fraction of the training time that measuring may take.
        biases: whether biases have their own rows in the Run.
        stop_on_nan: raise NotFinite before the update of the first step that is not finite.
        name: name of the model in the Run.
        to: listeners, such as a live table or writers.
        framework: name of the framework in the Run.

    Attributes:
        step: number of the current step, counted from 0.
    """

    model: Any
    step: int
    recorder: Recorder

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
        biases: bool = False,
        stop_on_nan: bool = False,
        name: str | None = None,
        to: Sequence[Listener] = (),
        framework: str = "pytorch",
    ):
        self._every = Sampler(every, budget, part=1 - NORMS_PART)
        self._norms_every = Sampler(norms_every or (1 if every else None), budget, part=NORMS_PART)
        self.model = eager(model)
        self._compiled = is_compiled(model)
        probe = Probe(self.model, x, y, loss) if x is not None and loss else None
        self._scaler = scaler
        self._movers = Movers(self.model, optimizer)
        self.recorder = Recorder(
            {
                "name": name or type(self.model).__name__,
                "framework": framework,
                "framework_version": str(torch.__version__),
                "device": _device(self.model),
                "clipping": "weight_grad_norm is before clipping, clipped_grad_norm after it",
            },
            to,
        )
        self._guard = Guard(self.recorder.note, weakly(self, "_stop"))
        self._hooks, self._temporary = contextlib.ExitStack(), contextlib.ExitStack()
        self._waiting: list[Any] = []
        self._finalizer = weakref.finalize(
            self, _let_go, self._temporary, self._hooks, self._waiting
        )
        self.step, self._by_hand, self._passes = 0, False, 0
        self._modes = Modes(self.model)
        self._layers = Layers(self.model, self.recorder, biases)
        self._first_nan = FirstNaN(
            self.model, self._compiled, self._layers, self.recorder, stop_on_nan
        )
        self._hooks.callback(self._first_nan.remove)
        self._reader = Reader(
            self.model,
            self._layers,
            self.recorder,
            self._guard,
            probe,
            self._compiled,
            self._every,
            self._norms_every,
        )
        self._open()

    # -- what a user calls

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        self.recorder.steps_done = self.steps_done
        self._tell_counts()
        return self.recorder.run()

    def _tell_counts(self) -> None:
        self.recorder.attributes["backward_passes"] = self._passes
        self.recorder.attributes["evaluation_mode_steps"] = self._modes.forgotten

    @property
    def steps_done(self) -> int:
        """Number of training steps seen so far, including one whose update may not be complete."""
        return self.step + bool(self._step.steppers)

    @property
    def rows(self) -> list[Row]:
        """The layers with their parameters; in the order of the Run's layer axis once the first
        values have been recorded."""
        return self._layers.rows

    def look(self, probe: Probe) -> list[Seen] | None:
        """The signals of every layer in a pass of `probe` with the current weights, in the order
        of `rows`; nothing is recorded. None if the pass raised an error."""
        taps = probe.read(self._layers.rows, lambda *_, **__: None, settled=True)
        if taps is None:
            return None
        return seen(self._layers.rows, taps, probe.gradient, 1.0, lambda *_: None)

    def log(self, loss: Any) -> None:
        """Record the loss of the current step, which hooks cannot see. Call it before
        `optimizer.step()`."""
        if self._step.light:
            self._step.loss = number_of(loss)

    def log_last(self, loss: Any) -> None:
        """Record the loss of the step that has just ended."""
        if self._step.steppers:
            self._step.loss = number_of(loss)
        elif self.step and self.recorder.last_step == self.step - 1:
            self.recorder.step(self.step - 1, {}, number_of(loss))

    def log_epoch(self, epoch: int, **figures: float) -> None:
        """Record values of an epoch, counted from 1: `loss`, `accuracy`, ..."""
        self.recorder.epoch(epoch, {k: float(v) for k, v in figures.items()})

    def close(self) -> None:
        """Remove all hooks; with a probe batch, measure it once more."""
        if not self._finalizer.alive:
            return
        if self._step.steppers or self._guard(self._step.was_updated_by_hand):
            self._end_step()
        self._finalizer()
        self._guard(self._first_nan.settle, self.step)
        if self._reader.probe is not None and self.step and not self._guard.over:
            self._reader.read_probe(self.step)
        if not self.recorder.started:
            self._guard(self._layers.start, None)
        if not self.step:
            self.recorder.note("updates", "nobody_moves")
        self._guard(self._layers.note_late)
        self.recorder.steps_done = self.step
        self._tell_counts()
        self.recorder.close()

    # -- hooks of the whole training

    def _open(self) -> None:
        myself = weakref.ref(self)

        def before(optimizer: Any, args: Any, kwargs: Any) -> Any:
            watcher = myself()
            return (
                watcher._guard(watcher._before_step, optimizer, args, kwargs) if watcher else None
            )

        def after(optimizer: Any, _args: Any, _kwargs: Any) -> None:
            watcher = myself()
            if watcher is not None:
                watcher._guard(watcher._after_step, optimizer)

        for handle in watch_steps(before, after):
            self._hooks.callback(handle.remove)
        if self._compiled:
            self.recorder.note("clipping", "compiled")
            if self._reader.probe is None:
                self.recorder.note("signals", "compiled")
        self._begin_step()

    def _stop(self) -> None:
        """The guard has seen too many failures."""
        self._finalizer()

    # -- a step begins

    def _begin_step(self) -> None:
        self._guard.renew()
        if self._guard.over:
            return
        if self._layers.were_replaced:
            self._layers.find()
        full = self._every.due(self.step)
        light = full or self._norms_every.due(self.step)
        if full and self._reader.probe is not None:
            self._guard(self._reader.read_probe, self.step)
            full = self._reader.probe is None and self._every.due(self.step)
        if full and any(w.is_meta for w in self._layers.weights.parameters):
            self.recorder.note("signals", "no_values")
            full = False
        self._step = Step(
            self.step, full and not self._compiled, light, self._layers.weights, self._guard
        )
        self._guard(self._listen)

    def _listen(self) -> None:
        step, began = self._step, time.perf_counter()
        if self._layers.has_lazy or not self.step:
            self._wait()  # Between here and the first pass a model may be sharded.
        if step.full:
            step.taps = Taps(
                self.model, self._layers.rows, self._guard, settled=self.recorder.started
            )
            self._temporary.callback(step.taps.close)
            step.taps.open()
        if (step.light or self._by_hand) and not self._compiled:
            step.on_backward_end = weakly(self, "_backward_ended")
            if not self._layers.spread:
                step.begin()
            arrived = guarded(self._guard, step.gradient_came)
            for weight in self._layers.weights.parameters:
                if weight.requires_grad:
                    handle = weight.register_post_accumulate_grad_hook(arrived)
                    self._temporary.callback(handle.remove)
        step.seconds += time.perf_counter() - began

    def _wait(self) -> None:
        """Be told when the model, or a part of it, is called for another pass."""
        if not self._waiting:
            called = weakly(self, "_called")
            self._waiting += [before_call(module, called) for module in self.model.modules()]

    def _called(self, module: nn.Module, _args: Any) -> None:
        if not is_plain_pass() or not self._waiting:
            return
        _remove(self._waiting)
        self._guard(self._pass_begins, module)

    def _pass_begins(self, module: nn.Module) -> None:
        step = self._step
        if self._layers.were_replaced and self._layers.are_sharded:
            # What stands there in a pass is not what stays: the next step begins with that.
            self.recorder.note("signals", "sharded_later")
            self._temporary.close()
            self._step = Step(self.step, False, False, self._layers.weights, self._guard)
        elif self._layers.has_grown or self._layers.were_replaced:
            self._temporary.close()
            self._layers.find()
            self._begin_step()
        elif step.steppers or (step.was_updated_by_hand() and not self._movers.explain_move()):
            self._by_hand = not step.steppers
            self._end_step()
        elif self._layers.has_lazy:
            self._wait()
            return
        if module is self.model and self._step.taps is not None:
            self._step.taps.begin()

    # -- its gradients are there

    def _backward_ended(self) -> None:
        step = self._step
        self._passes += 1
        if step.steppers:  # Optimizers inside of the backward pass.
            self._guard(self._reader.signals, step)
            self._end_step()
        elif not self._movers.any:
            step.expect_update_by_hand()
            self._wait()

    # -- its updates

    def _before_step(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Any) -> Any:
        moved = self._movers.moved_by(optimizer)
        if not moved:
            return None
        self._modes.see()
        busy = self._step.under_way
        if busy is not None and busy is not optimizer and self._movers.moved_by(busy) & moved:
            return None  # An optimizer inside of another one's step.
        if id(optimizer) in self._step.steppers and backward_pass() is None:
            self._end_step()
        step = self._step
        step.under_way = optimizer
        if not step.light:
            self._guard(self._first_nan.look, self.step, False)
            return None

        def after(loss: Any) -> None:
            if id(optimizer) not in step.steppers and not step.moved & moved:
                step.loss = scalar_of(loss) if step.loss is None else step.loss
                self._guard(self._read_update, optimizer, moved)

        told = with_closure(args, kwargs, after)
        if told is None:
            self._read_update(optimizer, moved)
        return told

    def _read_update(self, optimizer: torch.optim.Optimizer, moved: frozenset[int]) -> None:
        step = self._step
        self._scaler = step.before_update(optimizer, moved, self._scaler)
        self._reader.groups.updated_by(optimizer)
        if backward_pass() is None and step.signals is None:
            self._reader.signals(step)
        self._guard(self._first_nan.look, self.step, True)

    def _after_step(self, optimizer: torch.optim.Optimizer) -> None:
        step = self._step
        if optimizer is not step.under_way:
            return
        step.under_way = None
        step.steppers.add(id(optimizer))
        step.moved |= self._movers.moved_by(optimizer)
        self._by_hand = False
        if step.light:
            self._guard(step.after_update)
        if backward_pass() is not None:
            return  # There may be more to come: `_backward_ended` ends the step.
        if self._movers.waiting(step.moved):
            self._wait()
        else:
            self._end_step()

    # -- it is over

    def _end_step(self) -> None:
        step, began = self._step, time.perf_counter()
        _remove(self._waiting)
        if step.light:
            if not step.steppers:
                self._guard(step.after_update)
            self._guard(self._reader.record, step, self._movers)
            if not self._layers.spread:
                sampler = self._every if step.full else self._norms_every
                sampler.spent(step.seconds + time.perf_counter() - began)
        self._temporary.close()
        self._guard(self._first_nan.forget, self.step == 0)
        self.step += 1
        self._begin_step()


def _remove(handles: list[Any]) -> None:
    while handles:
        handles.pop().remove()


def _let_go(*groups: Any) -> None:
    for group in groups:
        if isinstance(group, list):
            _remove(group)
        else:
            group.close()


def _device(model: nn.Module) -> str:
    parameter = next(model.parameters(), None)
    return str(parameter.device) if parameter is not None else "cpu"
