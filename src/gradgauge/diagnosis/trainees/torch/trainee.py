"""A PyTorch module with loss, optimizer and loader as a trainee: an ordinary loop, under watch."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.diagnosis.budget import Span
from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.facts import (
    IGNORED,
    Data,
    Head,
    Layer,
    Optimizer,
    Schedule,
    WatchedTraining,
)
from gradgauge.diagnosis.left_out import of_rows, rows_left_out
from gradgauge.diagnosis.limits import Limits
from gradgauge.diagnosis.properties.answers import Properties, asked
from gradgauge.diagnosis.properties.indices import Outside
from gradgauge.diagnosis.sequences import reach_of
from gradgauge.diagnosis.trainees.torch.data import (
    call,
    first,
    inputs_of,
    keys_of,
    probe,
    random_states,
    rows_of,
    samples_in,
    scaler,
    set_states,
    states,
)
from gradgauge.diagnosis.trainees.torch.facts import (
    array,
    has_been_trained,
    ignored_label,
    known_loss,
    layer_facts,
    loss_facts,
    optimizer_facts,
    output_activation,
    rates_of,
)
from gradgauge.diagnosis.trainees.torch.front import GivenTraining, WholeStep
from gradgauge.diagnosis.trainees.torch.indices import indices_of
from gradgauge.diagnosis.trainees.torch.look import saturated_at_init
from gradgauge.diagnosis.trainees.torch.loop import Loop
from gradgauge.diagnosis.trainees.torch.properties import properties_of
from gradgauge.diagnosis.trainees.torch.schedule import restore, simulated
from gradgauge.diagnosis.trainees.trainee import (
    NORMS,
    PROBES,
    bad_samples,
    probe_rows,
)
from gradgauge.diagnosis.trial import Change, TrialResult
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.listening import OnProgress
from gradgauge.watchers.torch.optimizers import parameters_of
from gradgauge.watchers.torch.probe import Probe
from gradgauge.watchers.torch.state import preserved
from gradgauge.watchers.torch.watcher import PyTorchWatcher


class PyTorchTrainee:
    """See Trainee.

    Args:
        given: the model, trained in the mode that it is in, but for outputs, which are read in eval
            mode; and all that belongs to it.
    """

    framework = "pytorch"
    loop: Loop
    model: Any
    loss: Callable[..., Any]
    loader: Iterable[Any]

    def __init__(self, given: GivenTraining):
        model, loader = given.model, given.loader
        if not any(p.requires_grad for p in model.parameters()):
            raise CannotDiagnose("nothing_trainable", name=type(model).__name__)
        with random_states(loader):
            if iter(loader) is loader:
                raise CannotDiagnose("generator")
        self.loop = Loop(given)
        self.model, self.loss, self.loader = model, given.loss, loader
        self._scheduler = None if given.scheduler is None else given.scheduler.scheduler
        self._own_loss = given.own_loss
        self._matrices: dict[str, list[nn.Parameter]] = {}
        with random_states(loader):
            self._x, self._y, self._batch_size = probe(loader)
        self._samples = samples_in(loader) or self.loop.batches() * self._batch_size

    # -- keeping and rewinding

    @contextmanager
    def kept(self) -> Iterator[None]:
        """See Trainee."""
        model = self.model
        self._tensors = [(t, t.detach().clone()) for t in (*model.parameters(), *model.buffers())]
        grads = [(p, None if p.grad is None else p.grad.clone()) for p in model.parameters()]
        self._optim_state = copy.deepcopy(self.loop.optimizer.state_dict())
        self._scheduler_state = (
            copy.deepcopy(self._scheduler.state_dict()) if self._scheduler is not None else {}
        )
        modes = [(module, module.training) for module in model.modules()]
        with random_states(self.loader):
            self._states = states(self.loader)
            self.model.train()
            try:
                yield
            finally:
                self.rewind()
                for module, training in modes:
                    module.training = training
                for parameter, grad in grads:
                    parameter.grad = grad

    def rewind(self) -> None:
        """See Trainee."""
        with torch.no_grad():
            for tensor, value in self._tensors:
                tensor.copy_(value)
        self.loop.optimizer.load_state_dict(copy.deepcopy(self._optim_state))
        if self._scheduler is not None:
            restore(self._scheduler, self._scheduler_state)
        self.loop.optimizer.zero_grad(set_to_none=True)
        set_states(self._states, self.loader)
        self.model.train()

    # -- facts

    def heads(self) -> tuple[Head, ...]:
        """See Trainee."""
        with preserved(self.model), torch.enable_grad():
            self.model.eval()
            given = call(self.model, self._x)
            outputs, y = first(given), first(self._y)
            facts = loss_facts(self.loss, y, outputs)
            if self._own_loss:
                facts = known_loss(self.loss(given, self._y), outputs, y) or facts
        activation, labels = output_activation(outputs), array(y)
        passed_over = 0.0
        if facts.kind == "sparse_categorical":
            ignored = ignored_label(self.loss)
            if 0 <= ignored < outputs.shape[-1]:
                passed_over = float((labels == ignored).mean())
            labels = np.where(labels == ignored, IGNORED, labels)
        self._heads = (
            Head(
                None,
                activation,
                facts,
                labels,
                array(outputs),
                strict_shapes=True,
                passed_over=passed_over,
            ),
        )
        return self._heads

    def data(self) -> Data:
        """See Trainee."""
        x = tuple(array(t) for t in inputs_of(self._x, isinstance(self.model, WholeStep)))
        tokens = any(isinstance(m, (nn.Embedding, nn.EmbeddingBag)) for m in self.model.modules())
        tokens = tokens and any(a.dtype.kind in "ui" for a in x)
        whole = getattr(getattr(self.loader, "dataset", None), "tensors", None)
        wx, wy = (array(whole[0]), array(whole[-1])) if whole else (x[0], array(first(self._y)))
        bad = bad_samples(wx), bad_samples(wy)
        return Data(x, self._samples, self._batch_size, *bad, tokens, not self._own_loss)

    def optimizer(self) -> Optimizer:
        """See Trainee."""
        return optimizer_facts(self.loop.optimizer)

    def schedule(self) -> Schedule | None:
        """See Trainee."""
        loop, steps, batches = self.loop, self.planned(), self.loop.batches()
        return asked(lambda: simulated(loop.scheduler, loop.optimizer, steps, batches))

    def reach(self) -> float | None:
        """See Trainee."""
        if not any(isinstance(m, (nn.RNNBase, nn.RNNCellBase)) for m in self.model.modules()):
            return None
        x = first(self._x)

        def predict(rows: np.ndarray) -> np.ndarray:
            return array(first(call(self.model, torch.as_tensor(rows).to(x.dtype))))

        with preserved(self.model), torch.no_grad():
            self.model.eval()
            return reach_of(array(x), predict)

    def indices(self) -> tuple[Outside, ...]:
        """See Trainee."""
        whole = isinstance(self.model, WholeStep)
        with random_states(self.loader):
            return indices_of(self.model, self.loss, self.loader, whole)

    def properties(self, limits: Limits) -> Properties:
        """See Trainee."""
        with random_states(self.loader):
            return properties_of(
                self.model, self.loss, self.loop.optimizer, self.loader, self.planned(), limits
            )

    # -- trainings

    def planned(self) -> int:
        """See Trainee."""
        return self.loop.planned()

    def parameters(self) -> int:
        """See Trainee."""
        return sum(p.numel() for p in self.loop.parameters())

    def on_cpu(self) -> bool:
        """See Trainee."""
        return all(p.device.type == "cpu" for p in self.loop.parameters())

    def watched(self, span: Span, on_progress: OnProgress | None = None) -> WatchedTraining:
        """See Trainee."""
        before = {id(t): array(t) for t, _ in self._tensors}
        trained = has_been_trained(self.model, self.loop.optimizer)
        watcher = self._watcher(max(1, span.steps // PROBES), max(1, span.steps // NORMS))
        saturated = saturated_at_init(watcher, Probe(self.model, *self._probe(), self.loss))
        with watcher:
            history = self.loop.train(span, self._probe(), watcher, on_progress)
        self._matrices = {
            row.info.name: [w for w in row.weights if w.ndim > 1] for row in watcher.rows
        }
        moved = parameters_of(self.loop.optimizer)
        layers = layer_facts(
            self.model, watcher.rows, before, moved, trained, rates_of(self.loop.optimizer)
        )
        return WatchedTraining(history, watcher.run, layers, self._heads_after(layers), saturated)

    def tried(self, change: Change, span: Span) -> TrialResult:
        """See Trainee."""
        scale = scaler(first(self._x)) if change.scaled_inputs else None
        rows = rows_left_out(len(first(self._y)))
        keys = keys_of(self._x)[rows] if change.left_out else None
        with self.loop.changed(change, self._matrices):
            history = self.loop.train(span, self._probe(), scale=scale, left_out=keys)
            heads = self._heads_after((), scale)
            return TrialResult(history, of_rows(heads, rows) if change.left_out else heads)

    def dead_with(self, change: Change, span: Span) -> dict[str, float]:
        """See Trainee."""
        never = span.steps + 1
        with self.loop.changed(change, self._matrices):
            watcher = self._watcher(never, never)
            with watcher:
                self.loop.train(span, self._probe(), watcher)
        dead = watcher.run.values("probes", "dead")[0][-1]
        return {row.info.name: float(d) for row, d in zip(watcher.rows, dead, strict=True)}

    def _watcher(self, every: int, norms_every: int) -> PyTorchWatcher:
        return PyTorchWatcher(
            self.model,
            *self._probe(),
            loss=self.loss,
            optimizer=self.loop.optimizer,
            every=every,
            norms_every=norms_every,
        )

    def _probe(self) -> tuple[Any, Any]:
        """The first samples, no more than the loss may get at once."""
        rows = probe_rows(self._heads, self._batch_size, PROBE_SAMPLES)
        return rows_of(self._x, rows), rows_of(self._y, rows)

    def _heads_after(
        self, layers: tuple[Layer, ...], scale: Callable[[Any], Any] | None = None
    ) -> tuple[Head, ...]:
        x = scale(self._x) if scale else self._x
        with preserved(self.model), torch.no_grad():
            self.model.eval()
            after = array(first(call(self.model, x)))
        trained = asked(lambda: self._outputs_in_training(x)) if layers else None
        names = [layer.name for layer in layers if layer.info.output]
        return tuple(
            dataclasses.replace(h, layer=names[-1] if names else None, after=after, trained=trained)
            for h in self._heads
        )

    def _outputs_in_training(self, x: Any) -> np.ndarray:
        with preserved(self.model), torch.no_grad():
            self.model.train()
            return array(first(call(self.model, x)))
