"""A compiled Keras model as a trainee: `fit` under watch, and everything put back."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from gradgauge.diagnosis.budget import Span
from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.facts import Data, Head, Layer, Optimizer, Schedule, WatchedTraining
from gradgauge.diagnosis.left_out import of_rows, rows_left_out
from gradgauge.diagnosis.limits import Limits
from gradgauge.diagnosis.properties.answers import Properties, asked
from gradgauge.diagnosis.properties.indices import Outside
from gradgauge.diagnosis.sequences import reach_of
from gradgauge.diagnosis.trainees.keras.changes import FUNCTIONS, changed, copy_of
from gradgauge.diagnosis.trainees.keras.data import FitData, first_rows, given
from gradgauge.diagnosis.trainees.keras.experiment import tensors
from gradgauge.diagnosis.trainees.keras.facts import (
    by_values,
    has_been_trained,
    heads_of,
    indices_of,
    layer_facts,
    numpy_of,
    optimizer_facts,
    output_layers,
    short_names,
    value_of,
)
from gradgauge.diagnosis.trainees.keras.properties import properties_of
from gradgauge.diagnosis.trainees.keras.schedule import simulated
from gradgauge.diagnosis.trainees.keras.steps import Losses, Steps
from gradgauge.diagnosis.trainees.trainee import (
    NORMS,
    PROBES,
    bad_samples,
    probe_rows,
    standardized,
    steps_for,
)
from gradgauge.diagnosis.trial import Change, TrialResult
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.listening import OnProgress
from gradgauge.own.loops.keras import on_cpu
from gradgauge.watchers.keras.private import forget_seed_generator, seed_generator
from gradgauge.watchers.keras.watcher import KerasWatcher

_NOT_OURS = ("x", "y", "verbose", "callbacks", "epochs", "initial_epoch")


class KerasTrainee:
    """See Trainee.

    Args:
        model: compiled; built, or built here by its first pass.
        x, y: as for `fit`.
        options: the other arguments of `fit`.
    """

    framework = "keras"
    model: Any
    options: dict[str, Any]
    callbacks: list[Any]

    def __init__(self, model: Any, x: Any, y: Any, options: dict[str, Any]):
        if not getattr(model, "compiled", False) or model.optimizer is None:
            raise CannotDiagnose("not_compiled", name=getattr(model, "name", "model"))
        self.model, self.options = model, dict(options)
        self.callbacks = list(keras.tree.flatten(self.options.pop("callbacks", None) or []))
        self.given: FitData = given(x, y, self.options)
        self._kept: list[tuple[Any, np.ndarray]] = []
        self._matrices: dict[str, list[Any]] = {}
        self._build()
        if not model.trainable_variables:
            raise CannotDiagnose("nothing_trainable", name=model.name)

    def _build(self) -> None:
        """One pass of the first samples: builds what is not built, and shows whether x fits."""
        x = keras.tree.map_structure(lambda a: a[:2], self.given.x_probe)
        with _global_states():
            if self.model.built and getattr(self.model, "inputs", None):
                _check_shapes(self.model, x)
                return
            try:
                self.model(x, training=False)
            except (ValueError, TypeError) as error:
                why = str(error).strip().partition("\n")[0]
                raise CannotDiagnose("data_does_not_fit", why=why) from error

    # -- keeping and rewinding

    @contextmanager
    def kept(self) -> Iterator[None]:
        """See Trainee."""
        model = self.model
        names = (*FUNCTIONS, "history", "stop_training", "optimizer")
        saved = {name: getattr(model, name) for name in names if hasattr(model, name)}
        model.optimizer = copy_of(saved["optimizer"], model.trainable_variables)
        for name in FUNCTIONS:
            if hasattr(model, name):
                setattr(model, name, None)
        self._variables = [*model.variables, *model.metrics_variables, *model.optimizer.variables]
        self._kept = [(v, value_of(v)) for v in self._variables]
        with _global_states():
            self._states = _states()
            try:
                yield
            finally:
                self.rewind()
                for name, value in saved.items():
                    setattr(model, name, value)

    def rewind(self) -> None:
        """See Trainee."""
        for variable, value in self._kept:
            variable.assign(value)
        _set_states(self._states)
        self.model.stop_training = False

    # -- facts

    def heads(self) -> tuple[Head, ...]:
        """See Trainee."""
        before = self._predict(self.given.x_probe)
        outputs = keras.tree.flatten(before)
        known = output_layers(self.model, len(outputs))
        self._heads = heads_of(self.model, before, self.given.y_probe, known)
        return self._heads

    def data(self) -> Data:
        """See Trainee."""
        x = tuple(np.asarray(a) for a in keras.tree.flatten(self.given.x_probe))
        y = [np.asarray(a) for a in keras.tree.flatten(self.given.y_probe) if a is not None]
        whole_x = [np.asarray(a) for a in keras.tree.flatten(self.given.x_whole)]
        whole_y = [np.asarray(a) for a in keras.tree.flatten(self.given.y_whole) if a is not None]
        tokens = any(
            isinstance(layer, keras.layers.Embedding) for layer in self.model._flatten_layers()
        )
        return Data(
            x,
            self.given.samples,
            self.given.batch_size,
            max((bad_samples(a) for a in whole_x), default=0),
            max((bad_samples(a) for a in whole_y or y), default=0),
            tokens,
            self.given.rows is not None and self.given.y is not None and not self.given.weighted,
        )

    def optimizer(self) -> Optimizer:
        """See Trainee."""
        return optimizer_facts(self.model.optimizer)

    def reach(self) -> float | None:
        """See Trainee."""
        if not any(isinstance(layer, keras.layers.RNN) for layer in self.model._flatten_layers()):
            return None
        x = keras.tree.flatten(self.given.x_probe)
        return reach_of(np.asarray(x[0]), self._predict) if len(x) == 1 else None

    def indices(self) -> tuple[Outside, ...]:
        """See Trainee."""
        whole = self.given.x_whole if self.given.x_whole is not None else self.given.x_probe
        return indices_of(self.model, whole)

    def properties(self, limits: Limits) -> Properties:
        """See Trainee."""
        return properties_of(self.model, self.given, self.options, self.planned(), limits)

    # -- trainings

    def schedule(self) -> Schedule | None:
        """See Trainee."""
        return asked(lambda: simulated(self.model, self.callbacks, *self._length()))

    def planned(self) -> int:
        """See Trainee."""
        per_epoch, epochs = self._length()
        return per_epoch * epochs

    def parameters(self) -> int:
        """See Trainee."""
        return sum(math.prod(v.shape) for v in self.model.trainable_variables)

    def on_cpu(self) -> bool:
        """See Trainee."""
        return on_cpu(self.model)

    def watched(self, span: Span, on_progress: OnProgress | None = None) -> WatchedTraining:
        """See Trainee."""
        watcher = KerasWatcher(
            self.model,
            *self._probe(),
            every=max(1, span.steps // PROBES),
            norms_every=max(1, span.steps // NORMS),
        )
        steps = Steps(watcher, span, on_progress)
        before = {id(v): value for v, value in self._kept}
        trained = has_been_trained(self.model)
        self._fit(self.given.x, [watcher, steps])
        broke = self._where_broke(watcher, steps)
        after = {id(v): value_of(v) for v, _ in self._kept}
        layers = layer_facts(watcher.rows, before, after, trained, self.model)
        history = dataclasses.replace(
            steps.history(self.planned(), self.given.weighted), non_finite_where=broke
        )
        names = short_names([row.info.name for row in watcher.rows])
        self._matrices = {
            names[row.info.name]: [w for w in row.weights if len(w.shape) > 1]
            for row in watcher.rows
        }
        saturated = {names[name]: share for name, share in steps.saturated_at_init.items()}
        return WatchedTraining(history, watcher.run, layers, self._heads_after(layers), saturated)

    def tried(self, change: Change, span: Span) -> TrialResult:
        """See Trainee."""
        x, y, probe = self.given.x, self.given.y, self.given.x_probe
        rows = rows_left_out(len(keras.tree.flatten(probe)[0]))
        if change.left_out and self.given.rows is not None:
            kept = np.delete(np.arange(self.given.samples), self.given.rows[rows])
            x, y = (
                keras.tree.map_structure(lambda a: np.asarray(a)[kept], tree) for tree in (x, y)
            )
        if change.scaled_inputs:
            x = keras.tree.map_structure(standardized, self.given.x_whole)
            probe = self.given.probed(x)
        losses = Losses(span)
        with changed(self.model, self._matrices, change):
            self._fit(x, [losses], y)
            after = keras.tree.flatten(self._predict(probe))
        heads = tuple(
            dataclasses.replace(head, after=np.asarray(out))
            for head, out in zip(self._heads, after, strict=False)
        )
        heads = of_rows(heads, rows) if change.left_out else heads
        return TrialResult(losses.history(self.planned(), self.given.weighted), heads)

    def dead_with(self, change: Change, span: Span) -> dict[str, float]:
        """See Trainee."""
        never = span.steps + 1
        with changed(self.model, self._matrices, change):
            watcher = KerasWatcher(self.model, *self._probe(), every=never, norms_every=never)
            self._fit(self.given.x, [watcher, Losses(span)])
        dead = watcher.run.values("probes", "dead")[0][-1]
        names = short_names([row.info.name for row in watcher.rows])
        return {names[row.info.name]: float(d) for row, d in zip(watcher.rows, dead, strict=True)}

    def _probe(self) -> tuple[Any, Any]:
        """The first samples as a watcher takes them, no more than the loss may get at once."""
        rows = probe_rows(self._heads, self.given.batch_size, PROBE_SAMPLES)
        x, y = self.given.probe()
        return first_rows(x, rows), None if y is None else first_rows(y, rows)

    def _fit(self, x: Any, callbacks: list[Any], y: Any = None) -> None:
        options = {k: v for k, v in self.options.items() if k not in _NOT_OURS}
        if not self.callbacks:
            options.pop("validation_data", None)
        self.model.fit(
            x,
            self.given.y if y is None else y,
            epochs=self._length()[1],
            verbose=0,
            callbacks=[*self.callbacks, *callbacks],
            **options,
        )

    def _length(self) -> tuple[int, int]:
        if self.options.get("steps_per_epoch"):
            return int(self.options["steps_per_epoch"]), int(self.options.get("epochs") or 1)
        rows = math.ceil(
            self.given.samples * (1 - float(self.options.get("validation_split") or 0))
        )
        return steps_for(rows, self.given.batch_size, self.options.get("epochs"))

    def _heads_after(self, layers: tuple[Layer, ...]) -> tuple[Head, ...]:
        after = [np.asarray(o) for o in keras.tree.flatten(self._predict(self.given.x_probe))]
        trained = asked(lambda: self._outputs_in_training(self.given.x_probe)) or [None] * len(
            after
        )
        outputs = [layer for layer in layers if layer.info.output]
        heads = []
        for head, out, in_training in zip(self._heads, after, trained, strict=False):
            name = head.layer or (outputs[-1].name if outputs else None)
            activation = head.activation
            if not activation and outputs and len(after) == 1:
                seen = outputs[-1].info.activation
                activation = seen if seen not in ("", "linear") else ""
            activation = by_values(activation, [head.before, out])
            heads.append(
                dataclasses.replace(
                    head, layer=name, activation=activation, after=out, trained=in_training
                )
            )
        return tuple(heads)

    def _outputs_in_training(self, x: Any) -> list[np.ndarray]:
        model = self.model
        weights, other = (
            [v.value for v in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        )
        options = {"training": True} if model._call_has_training_arg else {}
        outputs, _ = model.stateless_call(weights, other, tensors(x), **options)
        return [numpy_of(out) for out in keras.tree.flatten(outputs)]

    def _predict(self, x: Any) -> Any:
        return self.model.predict_on_batch(x)

    def _where_broke(self, watcher: KerasWatcher, steps: Steps) -> tuple[str, str] | None:
        """The layer and the operation that were not finite first: the training once more, up to
        the step before, and a look at it."""
        if steps.broke is None:
            return None
        if steps.broke > 0:
            self.rewind()
            self._fit(self.given.x, [Losses(Span(steps.broke))])
        else:
            self.rewind()
        found = steps.look(watcher)
        if found is None:
            return None
        names = short_names([row.info.name for row in watcher.rows])
        return names[found[0]], found[1]


def _check_shapes(model: Any, x: Any) -> None:
    wanted = [tuple(t.shape) for t in keras.tree.flatten(model.inputs)]
    got = [np.shape(a) for a in keras.tree.flatten(x)]
    fits = len(wanted) == len(got) and all(
        len(w) == len(g) and all(a is None or a == b for a, b in zip(w[1:], g[1:], strict=True))
        for w, g in zip(wanted, got, strict=True)
    )
    # Keras adds a last axis of 1 by itself where it is the only thing that is missing.
    loose = len(wanted) == len(got) and all(
        w[1:] == (*g[1:], 1) for w, g in zip(wanted, got, strict=True)
    )
    if not fits and not loose:
        raise CannotDiagnose("wrong_input_shape", expected=_shapes(wanted), got=_shapes(got))


def _shapes(shapes: list[tuple[Any, ...]]) -> str:
    return ", ".join(
        str(tuple("n" if i == 0 else s for i, s in enumerate(shape))) for shape in shapes
    )


def _states() -> tuple[Any, ...]:
    return random.getstate(), np.random.get_state()  # noqa: NPY002 the global state is meant


def _set_states(states: tuple[Any, ...]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])  # noqa: NPY002


@contextmanager
def _global_states() -> Iterator[None]:
    """Global random states are afterwards as they were."""
    states = _states()
    generator = seed_generator()
    kept = None if generator is None else value_of(generator.state)
    try:
        yield
    finally:
        _set_states(states)
        if generator is None:
            forget_seed_generator()
        else:
            generator.state.assign(kept)
