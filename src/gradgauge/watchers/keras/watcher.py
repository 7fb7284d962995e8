"""Watcher for Keras 3: a callback, on TensorFlow, JAX and PyTorch."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import norm
from gradgauge.listening import Listener
from gradgauge.run import Run
from gradgauge.watchers.closing import Closing
from gradgauge.watchers.errors import CannotWatch, NotFinite
from gradgauge.watchers.guard import Guard, weakly
from gradgauge.watchers.keras.backends import backend_prepare, leaves_gradients
from gradgauge.watchers.keras.callback import Callback
from gradgauge.watchers.keras.fit_data import (
    Arrays,
    arguments_of_fit,
    arrays_in,
    build,
    check_arrays,
    first_of,
    trains_by_itself,
    weighted,
)
from gradgauge.watchers.keras.layers import Row, rows_of_model
from gradgauge.watchers.keras.non_finite import Sentinel, Weights, locate
from gradgauge.watchers.keras.one_pass import (
    PassResult,
    Tapped,
    first_samples,
)
from gradgauge.watchers.keras.roles import find_roles
from gradgauge.watchers.keras.seen import describe, entries, in_call_order, linked, seen, value_of
from gradgauge.watchers.measure import Seen, describe_slopes, explained, measure_layers
from gradgauge.watchers.recorder import Recorder
from gradgauge.watchers.sampling import DEFAULT_SHARE, NORMS_PART, Sampler


class KerasWatcher(Closing, Callback):
    """Measures the gauges of a Keras model while `fit` trains it. Pass it in `callbacks`.

    A callback never receives the training batch. All gauges of the forward and backward pass are
    therefore measured on a fixed probe batch, with the model's own compiled loss, in training
    mode. Weights and updates are those of the training itself. Everything runs in Keras's
    stateless scope, so watching leaves the training unchanged, bit for bit.

    Args:
        model: a model that is built before `fit` starts or by `fit`.
        x, y: the probe batch, arrays as for `fit`; its first 1,000 samples are used. None: the
            first 1,000 samples of the arrays passed to `fit`.
        sample_weight: sample weights of the probe batch.
        every: measure all gauges every so many steps; None: as often as `budget` allows.
        norms_every: the same for the norms of weights and updates; None: every step if `every`
            is given, otherwise as often as `budget` allows.
        budget: fraction of the training time that measuring may take.
        stop_on_nan: raise NotFinite after the first step that is not finite.
        name: name of the model in the Run.
        to: listeners, such as a live table or writers.
    """

    step: int
    recorder: Recorder

    def __init__(
        self,
        model: Any,
        x: Any = None,
        y: Any = None,
        sample_weight: Any = None,
        *,
        every: int | None = None,
        norms_every: int | None = None,
        budget: float = DEFAULT_SHARE,
        stop_on_nan: bool = False,
        name: str | None = None,
        to: Sequence[Listener] = (),
    ):
        super().__init__()
        self._watched = model
        self._given = None if x is None else tuple(map(first_samples, (x, y, sample_weight)))
        check_arrays(self._given)
        self._every = Sampler(every, budget, part=1 - NORMS_PART)
        self._norms_every = Sampler(norms_every or (1 if every else None), budget, part=NORMS_PART)
        self.step = 0
        self._tapped: Tapped | None = None
        self._pass: Callable[[], PassResult] | None = None
        self._arrays: Arrays = None
        self._folded: set[int] = set()
        self._stop_on_nan = stop_on_nan
        self._sentinel: Sentinel | None = None
        self._held: list[Weights] = []
        self._before: list[np.ndarray] | None = None
        self._began_at = 0
        self._mean: tuple[int, float] = (0, 0.0)
        self._row_norms: dict[str, np.ndarray] = {}
        self.recorder = Recorder(
            {
                "name": name or model.name,
                "framework": f"keras/{keras.config.backend()}",
                "framework_version": keras.__version__,
                "batch": "probe",
                "probe_samples": 0,
                "step_loss": "mean of the batches since the kept step before",
            },
            to,
        )
        self._guard = Guard(self.recorder.note, weakly(self, "_let_go"))

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        self.recorder.steps_done = self.step
        return self.recorder.run()

    @property
    def steps_done(self) -> int:
        """Number of training steps seen so far."""
        return self.step

    @property
    def rows(self) -> list[Row]:
        """The layers with their variables, in the order of the Run's layer axis.

        On JAX, `fit` keeps its state elsewhere; the variables are updated from it first.
        """
        return self._synced()

    def read(self) -> PassResult | None:
        """A pass over the probe batch with the current weights; nothing is recorded.

        None if there is no probe batch, or before the first probe, which builds the pass.
        """
        _ = self.model
        return None if self._pass is None else self._pass()

    def seen(self, passed: PassResult) -> list[Seen]:
        """The signals of every layer in the given pass, in the order of `rows`."""
        tapped = self._tapped
        if tapped is None:
            return []
        linked(tapped.taps, passed, self._folded)
        quiet = lambda *_: None  # noqa: E731
        return explained(seen(self._rows, tapped.taps, passed, tapped.trainable, quiet), quiet)

    def probe(self, step: int) -> None:
        """Record all gauges of the probe batch now, as measured at the weights before `step`."""
        self.step = step
        self._read_probe()

    def close(self) -> None:
        """End the recording. `fit` does so itself unless it raises an exception."""
        self.recorder.steps_done = self.step
        self.recorder.close()

    # -- what Keras calls

    def on_train_begin(self, logs: Any = None) -> None:
        del logs
        if self._tapped is not None or self.recorder.started:
            return
        arguments = arguments_of_fit(self._watched)
        self._arrays = self._guard(arrays_in, arguments)
        batch = self._given or first_of(self._arrays)
        if batch is not None:
            x, y, weight = batch
            batch = x, y, self._guard(weighted, y, weight, arguments.get("class_weight"))
            self._guard(build, self.model, batch[0])
        self._rows = rows_of_model(self.model)
        if not self._guard.failed and not any(row.info.trainable for row in self._rows):
            raise CannotWatch("nothing_trainable", name=self.recorder.attributes["name"])
        if batch is None:
            self.recorder.note("signals", "no_probe_batch")
            self.recorder.attributes["batch"] = "none"
        else:
            self._tapped = self._guard(Tapped, self.model, self._rows, *batch)
        if batch is not None and trains_by_itself(self.model):
            self.recorder.note("exactness", "own_train_step")
        if not leaves_gradients():
            self.recorder.note("step_gradients", "keras_callback")
        if self.recorder.non_finite is None:
            self._sentinel = self._guard(Sentinel, self.model, self._stop_on_nan)
            self.recorder.guarded = self._sentinel is not None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        del logs
        self._began_at, self._before = batch, None
        self._guard.renew()
        self._guard(self._before_step)

    def _before_step(self) -> None:
        if self._every.due(self.step):
            seconds = self._read_probe()
            self._every.spent(seconds)
        began = time.perf_counter()
        if self.recorder.started and self._norms_every.due(self.step):
            self._before = [value_of(w) for row in self._synced() for w in row.weights]
            if self._sentinel is not None and self._tapped is not None:
                held = self._guard(Weights.of, self.model, self.step)
                self._held = [*self._held[-1:], *([held] if held is not None else [])]
            self._seconds = time.perf_counter() - began

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        made = batch - self._began_at + 1
        try:
            self._guard(self._after_step, made, batch, logs or {})
        finally:
            self.step += max(made, 1)

    def _after_step(self, made: int, batch: int, logs: dict[str, Any]) -> None:
        if self._before is not None:
            began = time.perf_counter()
            self._read_step(made, batch, logs)
            self._norms_every.spent(self._seconds + time.perf_counter() - began)
        if self._sentinel is not None:
            self._broke(self._sentinel.tell(self.step, logs))

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        del epoch, logs
        self._mean = (0, 0.0)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        figures = {
            name: float(value) for name, value in (logs or {}).items() if np.ndim(value) == 0
        }
        self._guard(self.recorder.epoch, epoch + 1, figures)

    def on_train_end(self, logs: Any = None) -> None:
        del logs
        self._guard(self._last_look)
        self._arrays = None
        self.close()

    def _last_look(self) -> None:
        if self._sentinel is not None:
            self._broke(self._sentinel.settled())
        self._read_probe()

    def _let_go(self) -> None:
        """The guard has seen too many failures: nothing is held any more."""
        self._sentinel = self._tapped = self._pass = self._arrays = None
        self._held.clear()

    # -- the first NaN

    def _broke(self, told: tuple[int, bool] | None) -> None:
        if told is None:
            return
        self._sentinel = None  # The first one is enough.
        (step, finite_loss), found = told, None
        held = [weights for weights in self._held if weights.step <= step]
        if self._tapped is not None and held:
            found = self._guard(locate, self._tapped, held[-1], self._synced(), self._arrays)
        if found is None:
            self.recorder.note("origin", "batch_not_seen")
        row, operation = found or (None, "gradient" if finite_loss else "")
        self.recorder.broke(step, self._rows.index(row) + 1 if row else -1, operation)
        if self._stop_on_nan:
            raise NotFinite(step, row.info.name if row else "", operation, updated=True)

    # -- reading

    def _synced(self) -> list[Any]:
        """The rows, after `model` has put JAX's training state back where variables are."""
        _ = self.model
        return self._rows

    def _read_probe(self) -> float:
        """All gauges of the probe batch; the seconds it took, building it left out."""
        tapped = self._tapped
        model = self.model
        if tapped is None or tapped.model is not model:
            if not self.recorder.started:
                self.recorder.start([row.info for row in self._rows])
            return 0.0
        try:
            if self._pass is None:
                self._pass = backend_prepare()(tapped)
                self.recorder.attributes["probe_samples"] = tapped.samples
            began = time.perf_counter()
            passed = self._pass()
        except Exception as error:  # noqa: BLE001 an instrument must not end the training
            why = f"{type(error).__name__}: {error}".partition("\n")[0]
            self.recorder.note("signals", "probe_failed", error=why)
            self._tapped = None
            return self._read_probe()
        if not self.recorder.started:
            self._folded = linked(tapped.taps, passed, None)
            self._rows = in_call_order(self._rows, tapped.taps)
            self._guard(find_roles, tapped.taps, passed)
            self.recorder.start(describe(self._rows, tapped.taps))
        else:
            linked(tapped.taps, passed, self._folded)
            describe(self._rows, tapped.taps)
        note = self.recorder.note
        shown = explained(seen(self._rows, tapped.taps, passed, tapped.trainable, note), note)
        describe_slopes(shown)
        self.recorder.probe(self.step, measure_layers(shown), passed.loss)
        return time.perf_counter() - began

    def _read_step(self, made: int, batch: int, logs: dict[str, Any]) -> None:
        rows = self._synced()
        before = iter(self._before or [])
        old = [entries([next(before) for _ in row.weights]) for row in rows]
        new = [entries([value_of(w) for w in row.weights]) for row in rows]
        weights = np.array([float(norm(w)) for w in old])
        values = {"weight_norm": weights}
        if made == 1:
            changes = np.array([float(norm(b - a)) for a, b in zip(old, new, strict=True)])
            values["update_ratio"] = ratio(changes, weights)
            values.update(self._step_gradients())
        else:
            self.recorder.note("updates", "steps_per_execution", steps=made)
        self.recorder.step(self.step, values, self._batch_loss(batch, logs), rate=self._rate())

    def _rate(self) -> float | None:
        """The optimizer's rate now, schedules and callbacks included."""
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        return None if rate is None else float(np.asarray(keras.ops.convert_to_numpy(rate)))

    def _step_gradients(self) -> dict[str, np.ndarray]:
        """The norms of the step's own gradients, where it leaves them behind."""
        if not leaves_gradients():
            return {}
        from gradgauge.watchers.keras.backends.torch import step_gradients

        by_row = [step_gradients(row.weights) for row in self._rows]
        norms = [
            float(norm(entries(grads))) if all(g is not None for g in grads) else np.nan
            for grads in by_row
        ]
        return {"weight_grad_norm": np.array(norms)}

    def _batch_loss(self, batch: int, logs: dict[str, Any]) -> float | None:
        """Keras logs the epoch's mean so far; the batches since the last look, from two means."""
        if "loss" not in logs:
            return None
        count, mean = batch + 1, float(logs["loss"])
        earlier, earlier_mean = self._mean
        self._mean = (count, mean)
        return (count * mean - earlier * earlier_mean) / max(count - earlier, 1)
