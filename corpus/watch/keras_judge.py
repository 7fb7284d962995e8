"""A Keras training plainly and watched, on the backend of this process."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from corpus.watch.arrays_judge import Rows, norm_of
from corpus.watch.case import Case, Outcome


@dataclass
class KerasTraining:
    """A compiled model and the arrays of its `fit`.

    Attributes:
        model: compiled.
        x, y: arrays.
        epochs: of batches of 16.
        weights: name of a layer -> the weight that its row is of.
    """

    model: Any
    x: Any
    y: Any
    epochs: int = 2
    weights: dict[str, Any] = field(default_factory=dict)


class _Reader(keras.callbacks.Callback):
    """Norms of the weights before and behind every batch."""

    def __init__(self, weights: dict[str, Any]):
        super().__init__()
        self.weights, self.steps = weights, []

    def _all(self) -> dict[str, Any]:
        if keras.backend.backend() == "jax":
            self.model.jax_state_sync()  # within an epoch the variables themselves are empty
        weights = self.weights.items()
        return {n: np.asarray(keras.ops.convert_to_numpy(w), "float64") for n, w in weights}

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.before = self._all()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        after = self._all()
        norms = {n: norm_of(w) for n, w in self.before.items()}
        ratios = {
            n: norm_of(after[n] - w) / norms[n] if norms[n] else math.nan
            for n, w in self.before.items()
        }
        self.steps.append((norms, ratios))


def judge(case: Case) -> Outcome:
    """Run the case three times and compare."""
    outcome = Outcome(case.name)
    plain, _, __ = _train(case, lambda _: [])
    reader = _train(case, lambda t: [_Reader(t.weights)])[1][0]
    try:
        watched, callbacks, training = _train(case, _watched)
    except Exception as error:  # noqa: BLE001 whatever it is, the training did not survive it
        outcome.crashed = f"{type(error).__name__}: {error}"[:200]
        return outcome
    for name, value in plain.items():
        if not np.array_equal(value, watched[name], equal_nan=True):
            outcome.harmed.append(name)
    outcome.harmed = outcome.harmed[:6]
    run = callbacks[0].run
    named = {name: _row(run, name) for name in training.weights}
    rows = Rows(run, outcome)
    for i, (norms, ratios) in enumerate(reader.steps):
        rows.compare("steps", "weight_norm", i, {named[n]: v for n, v in norms.items()})
        rows.compare("steps", "update_ratio", i, {named[n]: v for n, v in ratios.items()}, 1e-3)
    rows.cover(list(named.values()))
    return outcome


def _row(run: Any, name: str) -> str:
    """The row of a layer: it may be named with the layers round it."""
    rows = (r.name for r in run.layers if r.name == name or r.name.endswith(f"/{name}"))
    return next(rows, name)


def _watched(training: KerasTraining) -> list[Any]:
    import gradgauge

    return [gradgauge.watch(training.model, every=1)]


def _train(case: Case, callbacks_of: Any) -> tuple[dict[str, Any], list[Any], KerasTraining]:
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    training: KerasTraining = case.make()
    for layer in training.model._flatten_layers(include_self=False):
        own = [w for w in layer._trainable_variables if len(w.shape) > 1]
        if len(own) == 1 and not layer._layers:
            training.weights.setdefault(layer.name, own[0])
    callbacks = callbacks_of(training)
    history = training.model.fit(
        training.x,
        training.y,
        epochs=training.epochs,
        batch_size=16,
        verbose=0,
        callbacks=callbacks,
    )
    state = {f"weights of {w.path}": keras.ops.convert_to_numpy(w) for w in training.model.weights}
    state |= {
        f"state of {v.path}": keras.ops.convert_to_numpy(v)
        for v in training.model.optimizer.variables
    }
    state |= {f"history of {k}": np.asarray(v) for k, v in history.history.items()}
    return state, callbacks, training
