"""A JAX loss function with parameters as a trainee: gradient steps of ours, under watch."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.diagnosis.budget import Span
from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.diagnosis.facts import (
    Data,
    Head,
    Loss,
    Optimizer,
    Schedule,
    TrainingHistory,
    WatchedTraining,
)
from gradgauge.diagnosis.left_out import of_rows, rows_left_out
from gradgauge.diagnosis.limits import Limits
from gradgauge.diagnosis.locate import first_non_finite
from gradgauge.diagnosis.properties.answers import Properties
from gradgauge.diagnosis.properties.indices import Outside
from gradgauge.diagnosis.sequences import reach_of
from gradgauge.diagnosis.trainees.jax_experiment import properties_of
from gradgauge.diagnosis.trainees.jax_indices import indices_of
from gradgauge.diagnosis.trainees.jax_layers import layers_of
from gradgauge.diagnosis.trainees.trainee import (
    LOW_PRECISION,
    NORMS,
    PROBES,
    SHARPNESS_AT,
    bad_samples,
    redrawn,
    share_rounded,
    standardized,
    step_sharpness,
    steps_for,
)
from gradgauge.diagnosis.trial import UNCHANGED, Change, TrialResult
from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.listening import OnProgress
from gradgauge.watchers.jax.tree import Leaves
from gradgauge.watchers.jax.watcher import JaxWatcher

_KINDS = {
    "categorical": Loss("categorical", "categorical", True),
    "sparse_categorical": Loss("sparse_categorical", "sparse_categorical", True),
    "binary": Loss("binary", "binary", True),
    "mse": Loss("mse", "mse"),
    "mae": Loss("mae", "mae"),
}
_OTHER = Loss("other", "loss")


def jax_trainee(
    loss: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> JaxTrainee:
    """Sort the arguments.

    Args:
        loss: `loss(params, x, y)` -> scalar, the mean over the batch.
        args: params, x, y.
        options: `optimizer` (optax's, anything with `init` and `update`; None: plain gradient
            steps), `learning_rate`, `epochs`, `batch_size`, `seed`; `predict(params, x)` and
            `kind` (`sparse_categorical`, `categorical`, `binary` on logits, `mse`, `mae`) for
            the rules that look at outputs.

    Raises:
        CannotDiagnose: params, x or y is missing.
    """
    given = dict(zip(("params", "x", "y"), args, strict=False)) | options
    for name in ("params", "x", "y"):
        if given.get(name) is None:
            raise CannotDiagnose("jax_needs", what=name)
    return JaxTrainee(loss, given)


class JaxTrainee:
    """See Trainee. Parameters are values: there is nothing to put back."""

    framework = "jax"
    loss: Callable[..., Any]
    params: Any
    x: np.ndarray
    y: np.ndarray
    predict: Any | None
    kind: Loss
    batch: int
    epochs: Any | None
    seed: int
    optim: Any | None
    rate: float

    def __init__(self, loss: Callable[..., Any], given: dict[str, Any]):
        self.loss, self.params = loss, given["params"]
        self.x, self.y = np.asarray(given["x"]), np.asarray(given["y"])
        if not jax.tree.leaves(self.params):
            raise CannotDiagnose("nothing_trainable", name="params")
        if len(self.x) != len(self.y):
            raise CannotDiagnose("wrong_rows", rows=len(self.x), labels=len(self.y))
        if not len(self.x):
            raise CannotDiagnose("no_data")
        self.predict, self.kind = given.get("predict"), _KINDS.get(given.get("kind", ""), _OTHER)
        self.batch = min(int(given.get("batch_size") or 32), len(self.x))
        self.epochs, self.seed = given.get("epochs"), int(given.get("seed") or 0)
        self.optim = given.get("optimizer")
        rate = given.get("learning_rate")
        self.rate = float(rate) if rate is not None else (math.nan if self.optim else 0.01)
        self._grad = jax.jit(jax.value_and_grad(loss))
        # See `probe_rows`: a loss whose kind is not said may be one within the batch.
        rows = min(self.batch, PROBE_SAMPLES) if self.kind is _OTHER else PROBE_SAMPLES
        self._probe = (jnp.asarray(self.x[:rows]), jnp.asarray(self.y[:rows]))
        self._rows: list[Any] = []

    @contextmanager
    def kept(self) -> Iterator[None]:
        """See Trainee."""
        yield

    def rewind(self) -> None:
        """See Trainee."""

    def heads(self) -> tuple[Head, ...]:
        """See Trainee."""
        if self.predict is None:
            empty = np.zeros((0, 1))
            return (Head(None, "", _OTHER, self.y[:PROBE_SAMPLES], empty),)
        before = np.asarray(self.predict(self.params, jnp.asarray(self.x[:PROBE_SAMPLES])))
        activation = "" if self.kind is _OTHER else "linear"
        self._heads = (
            Head(None, activation, self.kind, self.y[:PROBE_SAMPLES], before, pure=True),
        )
        return self._heads

    def data(self) -> Data:
        """See Trainee."""
        tokens = self.x.dtype.kind in "iu"
        return Data(
            (self.x[:PROBE_SAMPLES],),
            len(self.x),
            self.batch,
            bad_samples(self.x),
            bad_samples(self.y),
            tokens,
            divisible=self.predict is not None,
        )

    def optimizer(self) -> Optimizer:
        """See Trainee."""
        name = "sgd" if self.optim is None else "optax"
        return Optimizer(name, self.rate)

    def reach(self) -> float | None:
        """See Trainee."""
        predict = self.predict
        if predict is None or self.x.ndim != 3:
            return None
        return reach_of(self.x[:PROBE_SAMPLES], lambda rows: np.asarray(predict(self.params, rows)))

    def indices(self) -> tuple[Outside, ...]:
        """See Trainee."""
        x, y = self.x[:PROBE_SAMPLES], self.y[:PROBE_SAMPLES]
        rows = len(self._probe[0])
        return indices_of(self.loss, self.params, x[:rows], y[:rows])

    def properties(self, limits: Limits) -> Properties:
        """See Trainee."""
        batch = (self.x[: self.batch], self.y[: self.batch])
        return properties_of(self.loss, self.params, *batch, self.predict, limits)

    def schedule(self) -> Schedule | None:
        """See Trainee."""
        return None

    def planned(self) -> int:
        """See Trainee."""
        whole = len(self.x) // self.batch * self.batch
        per_epoch, epochs = steps_for(whole, self.batch, self.epochs)
        return per_epoch * epochs

    def parameters(self) -> int:
        """See Trainee."""
        return sum(int(np.size(leaf)) for leaf in Leaves(self.params).arrays(self.params))

    def on_cpu(self) -> bool:
        """See Trainee."""
        return jax.default_backend() == "cpu"

    def watched(self, span: Span, on_progress: OnProgress | None = None) -> WatchedTraining:
        """See Trainee."""
        watcher = JaxWatcher(
            self.loss,
            self.params,
            *self._probe,
            every=max(1, span.steps // PROBES),
            norms_every=max(1, span.steps // NORMS),
        )
        losses, broke, sharpness, end = self._train(
            self.params, self.x, span, watcher, on_progress=on_progress, curved=True
        )
        watcher.close(end)
        run, self._rows = watcher.run, watcher.rows
        before, after = _arrays(self.params), _arrays(end)
        layers = layers_of(watcher.rows, Leaves(self.params).names, before, after)
        history = TrainingHistory(
            losses, self.planned(), broke, self._where, sharpness, rounded=self._rounded
        )
        return WatchedTraining(history, run, layers, self._after(end, self.x))

    def tried(self, change: Change, span: Span) -> TrialResult:
        """See Trainee.

        Raises:
            CannotDiagnose: another activation or optimizer: a loss function hides the first, and
                the second is the user's to build.
        """
        x = standardized(self.x) if change.scaled_inputs else self.x
        params = self._changed(change)
        rows = rows_left_out(min(len(x), PROBE_SAMPLES))
        losses, broke, _, end = self._train(
            params, x, span, change=change, left_out=rows if change.left_out else None
        )
        heads = self._after(end, x)
        heads = of_rows(heads, rows) if change.left_out else heads
        return TrialResult(TrainingHistory(losses, self.planned(), broke), heads)

    def dead_with(self, change: Change, span: Span) -> dict[str, float]:
        """See Trainee."""
        params = self._changed(change)
        never = span.steps + 1
        watcher = JaxWatcher(self.loss, params, *self._probe, every=never, norms_every=never)
        _, _, _, end = self._train(params, self.x, span, watcher, change=change)
        watcher.close(end)
        dead = watcher.run.values("probes", "dead")[0][-1]
        return {row.info.name: float(d) for row, d in zip(watcher.rows, dead, strict=True)}

    def _changed(self, change: Change) -> Any:
        """The initial parameters as the change has them."""
        for name in ("activation", "optimizer"):
            if getattr(change, name) is not None:
                raise CannotDiagnose("jax_cannot_change", what=name)
        leaves, tree = jax.tree.flatten(self.params)
        if change.seed is not None:
            drawn = redrawn([np.asarray(leaf) for leaf in leaves], change.seed)
            leaves = [jnp.asarray(a) for a in drawn]
        params = jax.tree.unflatten(tree, leaves)
        known = Leaves(params)
        arrays = list(known.arrays(params))
        for row in self._rows:
            if row.info.name in change.weight_factors:
                arrays[row.leaf] = arrays[row.leaf] * change.weight_factors[row.info.name]
        return known.put(params, arrays) if change.weight_factors else params

    def _train(
        self,
        params: Any,
        x: np.ndarray,
        span: Span,
        watcher: JaxWatcher | None = None,
        *,
        change: Change = UNCHANGED,
        on_progress: OnProgress | None = None,
        curved: bool = False,
        left_out: np.ndarray | None = None,
    ) -> tuple[np.ndarray, int | None, dict[int, float], Any]:
        losses: list[float] = []
        sharpness: dict[int, float] = {}
        state = self.optim.init(params) if self.optim is not None else None
        last: tuple[Any, tuple[Any, ...]] | None = None
        self._where: tuple[str, str] | None = None
        self._rounded: dict[int, float] = {}
        for rows in self._batches(left_out):
            step = len(losses)
            batch = (jnp.asarray(x[rows]), jnp.asarray(self.y[rows]))
            loss, grads = self._grad(params, *batch)
            if change.clip_norm is not None:
                grads = _clipped(grads, change.clip_norm)
            updates, state = self._updates(grads, state, params, change.rate_factor)
            after = _applied(params, updates)
            if watcher is not None:
                watcher.step(params, grads, updates, loss=loss)
            if not math.isfinite(float(loss)):
                self._where, earlier = _broken_at(watcher, (params, batch), last)
                return np.array(losses or [math.nan]), step - earlier, sharpness, params
            losses.append(float(loss))
            if curved and step in SHARPNESS_AT:
                sharpness[step] = self._sharpness(params, after, updates)
                lost = _rounded(grads, params, after)
                if lost is not None:
                    self._rounded[step] = lost
            last, params = (params, batch), after
            if on_progress:
                on_progress(step + 1, span.steps)
            if span.is_over(step + 1):
                break
        return np.array(losses or [math.nan]), None, sharpness, params

    def _updates(self, grads: Any, state: Any, params: Any, factor: float) -> tuple[Any, Any]:
        if self.optim is None:
            return jax.tree.map(lambda g: -self.rate * factor * g, grads), state
        updates, state = self.optim.update(grads, state, params)
        return jax.tree.map(lambda u: factor * u, updates), state

    def _sharpness(self, before: Any, after: Any, updates: Any) -> float:
        first, g0 = self._grad(before, *self._probe)
        then, g1 = self._grad(after, *self._probe)
        arrays = [[np.asarray(leaf) for leaf in jax.tree.leaves(t)] for t in (g0, g1, updates)]
        return step_sharpness(float(first), float(then), *arrays)

    def _after(self, params: Any, x: np.ndarray) -> tuple[Head, ...]:
        if self.predict is None:
            return self.heads()
        out = np.asarray(self.predict(params, jnp.asarray(x[:PROBE_SAMPLES])))
        return tuple(dataclasses.replace(head, after=out) for head in self._heads)

    def _batches(self, left_out: np.ndarray | None = None) -> Iterator[np.ndarray]:
        """Whole batches only: a ragged one would be compiled anew."""
        rng = np.random.default_rng(self.seed)
        samples = np.arange(len(self.x))
        samples = samples if left_out is None else np.delete(samples, left_out)
        per_epoch = max(len(samples) // self.batch, 1)
        for _ in range(-(-self.planned() // per_epoch)):
            order = rng.permutation(samples)
            for at in range(per_epoch):
                yield order[at * self.batch : (at + 1) * self.batch]


def _broken_at(
    watcher: JaxWatcher | None,
    now: tuple[Any, tuple[Any, ...]],
    before: tuple[Any, tuple[Any, ...]] | None,
) -> tuple[tuple[str, str] | None, bool]:
    """What was not finite first, and whether the step before was it; each step is parameters and
    batch."""
    for moment in (before, now):
        shown = None if watcher is None or moment is None else watcher.look(moment[0], *moment[1])
        found = None if shown is None else first_non_finite(*shown)
        if found is not None:
            return found, moment is before
    return None, False


def _applied(params: Any, updates: Any) -> Any:
    """Parameters after an update, in their own precision."""
    return jax.tree.map(lambda p, u: (p + u).astype(jnp.asarray(p).dtype), params, updates)


def _rounded(grads: Any, before: Any, after: Any) -> float | None:
    """See `share_rounded`, of the parameters that are of low precision."""
    trees = [[np.asarray(leaf) for leaf in jax.tree.leaves(t)] for t in (grads, before, after)]
    low = [found for found in zip(*trees, strict=True) if found[1].dtype.name in LOW_PRECISION]
    return share_rounded(low)


def _clipped(grads: Any, limit: float) -> Any:
    """Gradients whose norm over all parameters is at most `limit`."""
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(grads)))
    return jax.tree.map(lambda g: g * jnp.minimum(1.0, limit / jnp.maximum(norm, 1e-30)), grads)


def _arrays(params: Any) -> list[np.ndarray]:
    return [np.asarray(a) for a in Leaves(params).arrays(params)]
