"""Watcher for JAX, for any loss function and any pytree of parameters.

JAX has no hooks. The watcher traces the loss once, finds where the traced program applies
parameters to data, and runs the same program with taps there. The user's functions are unchanged.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import is_safe, norm, sum_of_squares
from gradgauge.listening import Listener
from gradgauge.run import Run
from gradgauge.watchers.closing import Closing
from gradgauge.watchers.errors import CannotWatch, NotFinite
from gradgauge.watchers.guard import Guard, weakly
from gradgauge.watchers.jax.non_finite import Sentinel
from gradgauge.watchers.jax.probe import Compiled, Probe, compiled_anew
from gradgauge.watchers.jax.tree import Leaves, Row
from gradgauge.watchers.measure import Seen, describe_slopes, explained, measure_layers
from gradgauge.watchers.recorder import Recorder
from gradgauge.watchers.sampling import DEFAULT_SHARE, NORMS_PART, Sampler

Tree = Any


class JaxWatcher(Closing):
    """Measures the gauges of a JAX training run. Call `step` once per update.

    Args:
        loss: `loss(params, *batch)` -> scalar, or (scalar, anything) with `has_aux`. It must be
            a pure function, as for `jax.grad`.
        params: the initial parameters, any pytree; leaves that are not floating-point arrays,
            such as the functions in an Equinox module, are ignored.
        batch: a fixed probe batch; if there is none, the batches passed to `step` are used.
        has_aux: see `loss`.
        stop_on_nan: raise NotFinite from `step` at the first step that is not finite.
        every, norms_every, budget, name, to: as for every watcher (docs/watching.md).
    """

    step_count: int
    recorder: Recorder

    def __init__(
        self,
        loss: Callable[..., Any],
        params: Tree,
        *batch: Any,
        has_aux: bool = False,
        every: int | None = None,
        norms_every: int | None = None,
        budget: float = DEFAULT_SHARE,
        stop_on_nan: bool = False,
        name: str | None = None,
        to: Sequence[Listener] = (),
    ):
        self._leaves = Leaves(params)
        if not self._leaves.weights:
            raise CannotWatch("nothing_trainable", name=name or "params")
        self._loss, self._aux = loss, has_aux
        self._batch: tuple[Any, ...] | None = batch or (() if _has_its_data(loss) else None)
        self._probe: Probe | None = None
        self._rows: list[Row] = []
        self._broken = False
        self._every = Sampler(every, budget, part=1 - NORMS_PART)
        self._norms_every = Sampler(norms_every or (1 if every else None), budget, part=NORMS_PART)
        self._stop_on_nan = stop_on_nan
        self._sentinel: Sentinel | None = Sentinel(self._scalar, self._leaves)
        self._sentinel.at_once = stop_on_nan
        self._params: Tree = params
        self.compiled: Compiled = compiled_anew
        self.step_count = 0
        self.recorder = Recorder(
            {
                "name": name or getattr(loss, "__name__", "model"),
                "framework": "jax",
                "framework_version": jax.__version__,
                "batch": "probe" if batch else "training",
                "device": jax.devices()[0].device_kind,
            },
            to,
        )
        self.recorder.guarded = True
        self._guard = Guard(self.recorder.note, weakly(self, "_let_go"))

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        self.recorder.steps_done = self.step_count
        return self.recorder.run()

    @property
    def steps_done(self) -> int:
        """Number of training steps seen so far."""
        return self.step_count

    @property
    def rows(self) -> list[Row]:
        """The layers with the indices of their leaves, in the order of the Run's layer axis; empty
        before the first values are recorded."""
        return self._rows

    def step(
        self,
        params: Tree,
        grads: Tree = None,
        updates: Tree = None,
        *,
        batch: Sequence[Any] | None = None,
        loss: Any = None,
        new_params: Tree = None,
    ) -> None:
        """Record one step, before or after the update. Call it outside of `jit`.

        Args:
            params: the parameters before the update, not yet donated.
            grads: gradients of this step, with the structure of `params`; None: the norms of
                gradients are not recorded.
            updates: the values added to `params`, such as optax's updates.
            new_params: instead of `updates`, the parameters after the update.
            batch: the training batch, as passed to the loss; ignored if there is a probe batch.
            loss: the loss of this step.
        """
        self._guard.renew()
        try:
            self._guard(self._take, params, grads, updates, batch, loss, new_params)
        finally:
            self.step_count += 1

    def _take(
        self,
        params: Tree,
        grads: Tree,
        updates: Tree,
        batch: Sequence[Any] | None,
        loss: Any,
        new_params: Tree,
    ) -> None:
        self._params = params
        self._look_for_nan()  # What the step before was told has arrived by now.
        used = self._batch
        if used is None and batch is not None:
            used = tuple(batch)
        full = self._every.due(self.step_count)
        if full and used is not None:
            seconds = self._read(params, used)
            if seconds:
                self._every.spent(seconds)
        elif used is None:
            self.recorder.note("signals", "no_batch")
        if full or self._norms_every.due(self.step_count):
            self._read_norms(params, grads, updates, new_params, loss)
        if self._sentinel is not None:
            told = tuple(batch) if batch is not None else None
            self._sentinel.tell(self.step_count, params, grads, told, loss)
            if self._sentinel is not None and self._sentinel.at_once:
                self._look_for_nan()

    def log_epoch(self, epoch: int, **figures: float) -> None:
        """Record values of an epoch, counted from 1: `loss`, `accuracy`, ..."""
        self.recorder.epoch(epoch, {k: float(v) for k, v in figures.items()})

    def close(self, params: Tree = None) -> None:
        """End the recording. With a probe batch, the gauges at the final `params` are measured."""
        self._guard(self._last_look, params)
        self.recorder.steps_done = self.step_count
        self.recorder.close()

    def _last_look(self, params: Tree) -> None:
        self._look_for_nan()
        if params is not None and self._batch is not None:
            self._read(params, self._batch)

    def _let_go(self) -> None:
        """The guard has seen too many failures: nothing is held any more."""
        self._sentinel = self._probe = self._params = None

    def _scalar(self, arrays: list[Any], params: Tree, batch: tuple[Any, ...]) -> Any:
        result = self._loss(self._leaves.put(params, arrays), *batch)
        return result[0] if self._aux else result

    def _look_for_nan(self) -> None:
        if self._sentinel is None:
            return
        origin = self._sentinel.settled()
        if origin is None:
            return
        self._sentinel = None  # The first one is enough.
        self._start()
        leaves = [row.leaf for row in self._rows]
        names = self._leaves.names
        at = leaves.index(origin.leaf) if origin.leaf in leaves else -1
        at = 0 if origin.operation == "input" and leaves else at
        self.recorder.broke(origin.step, at + 1 or -1, origin.operation)
        if self._stop_on_nan:
            name = names[leaves[at]] if at >= 0 else ""
            raise NotFinite(origin.step, name, origin.operation, updated=True)

    def _read(self, params: Tree, batch: tuple[Any, ...]) -> float:
        """All gauges; the seconds it took, compiling left out; 0 where nothing was read."""
        note = self.recorder.note
        if self._broken:
            return 0.0
        try:
            if self._probe is None:
                self._probe = Probe(
                    self._loss, self._aux, self._leaves, params, batch, self.compiled
                )
            elif not self._probe.takes(batch):
                # Another shape would cost another compilation: a ragged last batch is passed by.
                return 0.0
            began = time.perf_counter()
            passed = self._probe.run(params, batch)
        except Exception as error:  # noqa: BLE001 an instrument must not end the training
            why = f"{type(error).__name__}: {error}".partition("\n")[0]
            note("signals", "probe_failed", error=why)
            self._broken = True
            return 0.0
        self._start(passed)
        shown = explained(self._probe.seen(passed, note), note)
        describe_slopes(shown)
        self.recorder.probe(self.step_count, measure_layers(shown), passed.loss)
        return time.perf_counter() - began

    def look(self, params: Tree, *batch: Any) -> tuple[list[Seen], list[str], float] | None:
        """The signals of the layers on a batch, their names and the loss; nothing is recorded.
        None if the program cannot be read."""
        try:
            probe = Probe(self._loss, self._aux, self._leaves, params, batch)
            passed = probe.run(params, batch)
        except Exception:  # noqa: BLE001 an instrument must not end the training
            return None
        names = [row.info.name for row in probe.rows(passed)]
        return probe.seen(passed, lambda *_, **__: None), names, passed.loss

    def _start(self, passed: Any = None) -> None:
        if self.recorder.started:
            return
        if self._probe is not None and passed is not None:
            self._rows = self._probe.rows(passed)
        else:
            self._rows = self._leaves.rows()
        self.recorder.start([row.info for row in self._rows])

    def _read_norms(
        self, params: Tree, grads: Tree, updates: Tree, new_params: Tree, loss: Any
    ) -> None:
        began = time.perf_counter()
        self._start()
        leaves = self._leaves
        numbers = [row.leaf for row in self._rows]
        weights = leaves.pick(params, numbers)
        changes = None
        if updates is not None:
            changes = _as_rounded(weights, leaves.pick(updates, numbers))
        elif new_params is not None:
            after = leaves.pick(new_params, numbers)
            changes = [a - b for a, b in zip(after, weights, strict=True)]
        gradients = None if grads is None else leaves.pick(grads, numbers)
        missing = np.full(len(numbers), np.nan)
        norms = leaf_norms([weights, gradients or [], changes or []])
        values = {
            "weight_norm": norms[0],
            "weight_grad_norm": norms[1] if gradients else missing,
            "update_ratio": ratio(norms[2], norms[0]) if changes else missing,
        }
        if grads is None:
            self.recorder.note("step_gradients", "not_told")
        if changes is None:
            self.recorder.note("updates", "not_told")
        self.recorder.step(self.step_count, values, None if loss is None else float(loss))
        self._norms_every.spent(time.perf_counter() - began)


def _has_its_data(loss: Callable[..., Any]) -> bool:
    """Whether a loss is of parameters alone: its data are in it."""
    try:
        asked = inspect.signature(loss).parameters.values()
    except (TypeError, ValueError):
        return False
    return len(asked) == 1 and all(p.kind is p.POSITIONAL_OR_KEYWORD for p in asked)


def _as_rounded(weights: list[Any], updates: list[Any]) -> list[Any]:
    """What updates change: of weights of low precision, what rounding leaves of them."""
    return [
        u if jnp.dtype(w.dtype).itemsize > 2 else (w + u).astype(w.dtype) - w
        for w, u in zip(weights, updates, strict=True)
    ]


@jax.jit
def _naive(arrays: list[list[Any]]) -> list[Any]:
    return [
        jnp.stack(
            [sum_of_squares(a.astype(jnp.promote_types(a.dtype, jnp.float32))) for a in group]
        )
        for group in arrays
    ]


def leaf_norms(groups: list[list[Any]]) -> list[np.ndarray]:
    """Norms of many arrays in one compiled call, done carefully where a square was unsafe."""
    there = [group for group in groups if group]
    totals = iter(_naive(there))
    results = []
    for group in groups:
        if not group:
            results.append(np.zeros(0))
            continue
        total = np.asarray(next(totals))
        safe = np.asarray(is_safe(total))
        roots = np.sqrt(total)
        for i in np.flatnonzero(~safe):
            array = np.asarray(group[i])
            roots[i] = norm(array.astype(np.promote_types(array.dtype, np.float32)))
        results.append(roots)
    return results
