"""A JAX loss as an experiment: its jaxpr followed, and its parameters moved."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.diagnosis.limits import Limits, shipped
from gradgauge.diagnosis.properties.answers import Properties, asked
from gradgauge.diagnosis.properties.bounds import bounds
from gradgauge.diagnosis.properties.experiment import SEED, LossCall, rows_to_take, size_of
from gradgauge.diagnosis.properties.known import Values, known_call
from gradgauge.diagnosis.properties.mixing import Mixing, batch_mixing
from gradgauge.diagnosis.properties.pairing import mispaired
from gradgauge.diagnosis.properties.reach import reach
from gradgauge.diagnosis.trainees.jax_trace import Followed, followed, reached


def properties_of(
    loss: Callable[..., Any],
    params: Any,
    x: np.ndarray,
    y: np.ndarray,
    predict: Callable[..., Any] | None,
    limits: Limits | None = None,
) -> Properties:
    """Ask them all of a batch. Its batches are drawn here, in random order: they are sound."""
    limits = shipped() if limits is None else limits
    experiment = asked(lambda: JaxExperiment(loss, params, x, y, predict))
    if experiment is None:
        return Properties()
    seen = asked(experiment.follow) or Followed((), False)
    no_outputs = Mixing(reason="no_outputs")
    return Properties(
        names=experiment.names,
        mixing=asked(lambda: batch_mixing(experiment, limits["batch-mixing"]))
        if predict
        else no_outputs,
        reach=asked(lambda: reach(experiment, limits["unreached-layer"])),
        mispaired=asked(lambda: mispaired(experiment, seen.met, seen.by_intent)),
        calls=asked(experiment.calls) or (),
        bounds=asked(lambda: bounds(experiment)) if predict else None,
    )


class JaxExperiment:
    """See Experiment.

    Args:
        loss: `loss(params, x, y)` -> scalar.
        params: any pytree.
        x, y: a batch.
        predict: `predict(params, x)` -> outputs; None: outputs are not known.
    """

    axes: tuple[int, ...] = (0,)
    names: tuple[Any, ...]
    rows: int
    x: Any
    y: Any

    def __init__(
        self,
        loss: Callable[..., Any],
        params: Any,
        x: np.ndarray,
        y: np.ndarray,
        predict: Callable[..., Any] | None = None,
    ):
        paths, self._tree = jax.tree_util.tree_flatten_with_path(params)
        self._leaves = [jnp.asarray(leaf) for _, leaf in paths]
        self._learn = [
            i for i, a in enumerate(self._leaves) if jnp.issubdtype(a.dtype, jnp.floating)
        ]
        self.names = tuple(jax.tree_util.keystr(paths[i][0]) for i in self._learn)
        self._loss, self._predict = loss, predict
        weights = sum(a.size for a in self._leaves)
        sizes = {*x.shape[1:], *y.shape[1:], *(s for a in self._leaves for s in a.shape)}
        positions = x[0].size if x.dtype.kind in "iu" else x.shape[1] if x.ndim > 2 else 1
        self.rows = rows_to_take(len(x), weights, positions, sizes)
        self.x, self.y = jnp.asarray(x[: self.rows]), jnp.asarray(y[: self.rows])
        self._graded = jax.jit(jax.value_and_grad(self._of, argnums=0))
        self._plain = jax.jit(self._of)
        self._answer = jax.jit(self._outputs)
        self._row_grad = jax.jit(jax.grad(self._row))
        self._path = reached(jax.make_jaxpr(self._of)(self._floats(), self.x, self.y))

    def _floats(self) -> list[Any]:
        return [self._leaves[i] for i in self._learn]

    def _params(self, floats: list[Any]) -> Any:
        leaves = list(self._leaves)
        for i, value in zip(self._learn, floats, strict=True):
            leaves[i] = value
        return jax.tree_util.tree_unflatten(self._tree, leaves)

    def _of(self, floats: list[Any], x: Any, y: Any) -> Any:
        return self._loss(self._params(floats), x, y)

    def _outputs(self, floats: list[Any], x: Any) -> list[Any]:
        found = self._predict(self._params(floats), x) if self._predict else []
        return [leaf for leaf in jax.tree.leaves(found) if jnp.issubdtype(leaf.dtype, jnp.floating)]

    def _row(self, x: Any, floats: list[Any], row: Any) -> Any:
        outputs = self._outputs(floats, x)
        return sum((_weighed(out[row]) for out in outputs), jnp.zeros(()))

    def outputs(
        self,
        replaced: Collection[int] = (),
        axis: int = 0,
        order: np.ndarray | None = None,
        seed: int = 0,
    ) -> tuple[np.ndarray, ...]:
        """See Experiment: nothing is drawn that would not differ from call to call."""
        del seed
        at, x = sorted(replaced), np.array(self.x)
        x[at] = np.roll(x, 1, axis)[at]
        x = x if order is None else x[order]
        return tuple(np.asarray(out) for out in self._answer(self._floats(), x))

    def row_slopes(self, row: int) -> np.ndarray | None:
        """See Experiment."""
        if not jnp.issubdtype(self.x.dtype, jnp.floating):
            return None

        grad = np.asarray(self._row_grad(self.x, self._floats(), row))
        return np.abs(grad).reshape(self.rows, -1).max(axis=1)

    def slopes(self, of: str = "loss") -> tuple[float, tuple[float | None, ...]]:
        """See Experiment."""
        if of == "outputs":

            def weighed(floats: list[Any]) -> Any:
                outputs = self._outputs(floats, self.x)
                return sum((_weighed(out) for out in outputs), jnp.zeros(()))

            value, grads = jax.value_and_grad(weighed)(self._floats())
            return float(value), tuple(_largest(g) for g in grads)
        value, grads = self._graded(self._floats(), self.x, self.y)
        path = self._path[: len(self._learn)]
        found = (_largest(g) if there else None for g, there in zip(grads, path, strict=True))
        return float(value), tuple(found)

    def loss(self, order: np.ndarray | None = None) -> float:
        """See Experiment."""
        y = self.y if order is None else self.y[jnp.asarray(order)]
        return float(self._plain(self._floats(), self.x, y))

    def ignores_outputs(self) -> bool | None:
        """See Experiment: a loss of JAX's makes its outputs itself."""
        return None

    @contextlib.contextmanager
    def shifted(
        self, seed: int, scale: float, only: Collection[int] | None = None, part: float = 1.0
    ) -> Iterator[None]:
        """See Experiment."""
        kept = list(self._leaves)
        draw = np.random.default_rng(seed)
        chosen = range(len(self._learn)) if only is None else sorted(only)
        try:
            for place in chosen:
                i = self._learn[place]
                value = np.asarray(kept[i], np.float32)
                noise = draw.standard_normal(value.shape, np.float32)
                moved = part * (value + scale * size_of(value) * noise)
                self._leaves[i] = jnp.asarray(moved, kept[i].dtype)
            yield
        finally:
            self._leaves = kept

    def calls(self) -> tuple[LossCall, ...]:
        """The known loss that this one is of its only output, by values at two places."""
        seen: list[Values] = []
        for scale in (0.0, 0.1):
            with self.shifted(1, scale):
                outputs = self.outputs()
                if len(outputs) != 1:
                    return ()
                seen.append((self.loss(), outputs[0], np.asarray(self.y)))
        found = known_call(seen)
        return () if found is None else (found,)

    def follow(self) -> Followed:
        """What meets what in the loss."""
        jaxpr = jax.make_jaxpr(self._of)(self._floats(), self.x, self.y)
        return followed(jaxpr, len(self._learn), self.rows)


def _weighed(tensor: Any) -> Any:
    """A sum with random weights: a plain sum of probabilities is constant."""
    weights = np.random.default_rng(SEED).standard_normal(tensor.shape)
    return (tensor * weights.astype(np.float32)).sum()


def _largest(grad: Any) -> float:
    return float(np.abs(np.asarray(grad)).max(initial=0.0))
