"""What was seen of a step, or of a pass over the probe batch, becomes figures of the Run."""

from __future__ import annotations

import contextlib
import time
import warnings

import numpy as np
from torch import nn

from gradgauge.gauges.backward_gain import ratio
from gradgauge.watchers.guard import Guard
from gradgauge.watchers.measure import describe_slopes, measure_layers
from gradgauge.watchers.recorder import CLIPPED, Recorder
from gradgauge.watchers.sampling import Sampler
from gradgauge.watchers.torch.groups import Groups
from gradgauge.watchers.torch.layers import Layers
from gradgauge.watchers.torch.optimizers import Movers
from gradgauge.watchers.torch.probe import Probe
from gradgauge.watchers.torch.seen import seen
from gradgauge.watchers.torch.spread import process_count
from gradgauge.watchers.torch.step import Step


class Reader:
    """Reads steps and probes into the recorder.

    Args:
        model: the module.
        layers: its layers.
        recorder: told of all figures.
        guard: whether something has failed.
        probe: a probe batch; None: training batches are read.
        compiled: whether the model is: its training batches show no signals.
        every, norms_every: which steps are read; told what reading them costs.

    Attributes:
        probe: the probe batch, as long as it can be read.
        groups: the optimizers' parameter groups.
    """

    probe: Probe | None
    groups: Groups

    def __init__(
        self,
        model: nn.Module,
        layers: Layers,
        recorder: Recorder,
        guard: Guard,
        probe: Probe | None,
        compiled: bool,
        every: Sampler,
        norms_every: Sampler,
    ):
        self._layers, self._recorder, self._guard = layers, recorder, guard
        self._compiled, self._every, self._norms_every = compiled, every, norms_every
        self.probe = probe
        self.groups = Groups(model, recorder.parameter_groups, recorder.note)
        self._opened = time.perf_counter()
        recorder.attributes["batch"] = self._batch()

    # -- steps

    def signals(self, step: Step) -> None:
        """What the taps have seen: before the first update, or after updates in the pass."""
        began = time.perf_counter()
        if step.taps is not None:
            step.seconds += step.taps.seconds
            step.taps.close()
        if not self._recorder.started:
            self._layers.start(step.taps)
        self._layers.refresh(step.taps, step.gradient)
        if step.taps is not None and not self._guard.failed:
            shown = seen(
                self._layers.rows, step.taps, step.gradient, step.factor, self._recorder.note
            )
            describe_slopes(shown)
            step.signals = measure_layers(shown)
        step.taps = None
        step.seconds += time.perf_counter() - began

    def record(self, step: Step, movers: Movers) -> None:
        """The step is over: write down what it has shown."""
        if step.signals is None:
            self._guard(self.signals, step)
        if not step.steppers:
            step.look_back()
        idle = movers.idle(step.moved) if step.steppers else set()
        norms = step.norms(idle)
        for row in self._layers.rows:
            if any(id(weight) in idle for weight in row.weights):
                self._recorder.note("gradients", "not_every_step", row.info.name)
        if self._layers.spread:
            norms = self._of_all_processes(step, norms)
        if self._guard.failed:
            return
        self.groups.record(step.number, self._layers.weights.place, norms)
        before, clipped, weights, changes = (
            self._layers.weights.by_row(n, self._layers.rows) for n in norms
        )
        figures = {
            "weight_grad_norm": before,
            CLIPPED: clipped,
            "weight_norm": weights,
            "update_ratio": ratio(changes, weights),
        }
        if step.signals is not None:
            if process_count() > 1:
                self._recorder.note("exactness", "own_samples")
            # These are of the moment before the update, and of the whole weights.
            sizes = np.array([max(row.info.parameters, 1) for row in self._layers.rows])
            of_step = {"weight_norm": weights, "weight_grad_norm": before}
            unused = np.isnan(before) & np.isfinite(weights)
            root_mean_square = step.signals["weight_grad_rms"]
            of_step["weight_grad_rms"] = np.where(unused, np.nan, root_mean_square)
            rms = {"weight_grad_rms": before / np.sqrt(sizes)} if self._layers.spread else {}
            self._recorder.probe(step.number, {**step.signals, **of_step, **rms}, step.loss)
        self._recorder.step(step.number, figures, step.loss, rate=step.rate, stale=step.stale)
        if step.cycle_top is not None:
            self._recorder.attributes["cycle_top"] = step.cycle_top

    def _of_all_processes(self, step: Step, norms: np.ndarray) -> np.ndarray:
        if not self._layers.spread.alike:
            self._recorder.note("exactness", "own_part")
            return norms
        now = time.perf_counter() - self._opened
        norms, facts = self._layers.spread.whole(
            norms, [float(self._guard.failed), step.seconds, now]
        )
        if facts[0]:
            self._guard.blame()
        (self._every if step.full else self._norms_every).plan(step.number, *facts[1:].tolist())
        return norms

    # -- the probe batch

    def read_probe(self, step: int) -> None:
        """A pass over the probe batch at the weights before `step`."""
        began = time.perf_counter()
        probe = self.probe
        if probe is None:
            return
        taps = probe.read(self._layers.rows, self._recorder.note, settled=self._recorder.started)
        if taps is None:
            self._give_up_probe()
            return
        if not self._recorder.started:
            self._layers.start(taps)
        shown = seen(self._layers.rows, taps, probe.gradient, 1.0, self._recorder.note)
        describe_slopes(shown)
        self._recorder.probe(step, measure_layers(shown), probe.loss_value)
        self._every.spent(time.perf_counter() - began)

    def _give_up_probe(self) -> None:
        """A pass that failed once fails again. Where none was recorded, training batches are
        read instead; else there is nothing more: two batches do not make one series."""
        self.probe = None
        if self._recorder.probed:
            self._every.stop()
        else:
            self._recorder.attributes["batch"] = self._batch()
        failed = [note for note in self._recorder.notes if note.reason == "probe_failed"]
        with contextlib.suppress(UserWarning):  # Where warnings are errors, it ends nothing.
            warnings.warn(failed[-1].sentence(), stacklevel=2)

    def _batch(self) -> str:
        if self.probe is not None:
            return "probe"
        return "none" if self._compiled else "training"
