"""A JAX loss with parameters: gradient steps of ours, or of the optimizer that it brings."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.own.data import Batches, Tree, leaves, mapped
from gradgauge.own.loops.jax_programs import Programs, Shaped
from gradgauge.own.loops.loop import Facts, OnStep, Watching, mean_loss
from gradgauge.own.made import Made
from gradgauge.run import Run
from gradgauge.watchers.jax.tree import Leaves
from gradgauge.watchers.jax.watcher import JaxWatcher

RATE = 0.01
"""Of plain gradient steps whose rate is not given."""


class JaxLoop:
    """See Loop.

    Args:
        made: loss(params, x, y) -> scalar, params, and perhaps predict(params, x).
    """

    params: Any

    def __init__(self, made: Made):
        self.params, self._loss, self._predict = made.model, made.loss, made.predict
        self._optimizer = made.optimizer
        self._rate = RATE if made.learning_rate is None else float(made.learning_rate)
        self._factor = made.rate_factor
        self._programs = Programs() if made.programs is None else made.programs
        self._grad = Shaped(jax.value_and_grad(made.loss), self._programs)
        # JAX would find the trace of an earlier training by the function itself, and what the
        # function reads from outside may have changed since.
        self._value = Shaped(lambda *given: made.loss(*given), self._programs)
        self._broke = False

    def facts(self) -> Facts:
        """See Loop."""
        own = self._optimizer is not None
        count = sum(int(np.size(leaf)) for leaf in Leaves(self.params).arrays(self.params))
        device = jax.devices()[0].device_kind
        name = getattr(self._loss, "__name__", "loss")
        optimizer, rate = ("optax", math.nan) if own else ("sgd", self._rate)
        here = jax.default_backend() == "cpu"
        return Facts(count, optimizer, rate, name, "", device, self._predict is not None, here)

    def takes(self, x: Tree, y: np.ndarray) -> str:
        """See Loop."""
        try:
            jax.eval_shape(self._loss, self.params, mapped(jnp.asarray, x), jnp.asarray(y))
        # What a user's function answers to a wrong shape is whatever its parts happen to raise.
        except Exception as error:  # noqa: BLE001
            return str(error).strip().partition("\n")[0] or type(error).__name__
        return ""

    def weights(self) -> list[np.ndarray]:
        """See Loop."""
        return [np.asarray(leaf) for leaf in Leaves(self.params).arrays(self.params)]

    def broke(self) -> bool:
        """See Loop."""
        return self._broke

    def train(
        self,
        batches: Batches,
        watching: Watching | None = None,
        on_step: OnStep | None = None,
        most: int | None = None,
    ) -> Run | None:
        """See Loop."""
        self._broke = False
        if watching is None:
            self._epochs(batches, None, on_step, most)
            return None
        watcher = JaxWatcher(
            self._loss,
            self.params,
            mapped(jnp.asarray, watching.x),
            jnp.asarray(watching.y),
            every=watching.every,
            norms_every=watching.norms_every,
            name=watching.name,
        )
        watcher.compiled = self._programs.compiled
        self._epochs(batches, watcher, on_step, most)
        watcher.close(self.params)
        return watcher.run

    def _epochs(
        self,
        batches: Batches,
        watcher: JaxWatcher | None,
        on_step: OnStep | None,
        most: int | None,
    ) -> None:
        state = self._optimizer.init(self.params) if self._optimizer is not None else None
        made = 0
        for epoch, order in enumerate(batches.orders(), 1):
            losses, count = 0.0, 0
            for number in range(batches.per_epoch):
                if most is not None and made >= most:
                    return
                x, y = batches.batch(order, number)
                loss, grads = self._grad(self.params, mapped(jnp.asarray, x), jnp.asarray(y))
                updates, state = self._updates(grads, state)
                if watcher is not None:
                    watcher.step(self.params, grads, updates, loss=loss)
                losses, count, made = losses + float(loss) * len(y), count + len(y), made + 1
                if on_step is not None:
                    on_step(made)
                if not math.isfinite(float(loss)):
                    self._broke = True
                    break
                self.params = jax.tree.map(lambda p, u: p + u, self.params, updates)
            if watcher is not None:
                watcher.log_epoch(epoch, loss=losses / count)
            if self._broke:
                return

    def _updates(self, grads: Any, state: Any) -> tuple[Any, Any]:
        if self._optimizer is None:
            return jax.tree.map(lambda g: -self._rate * self._factor * g, grads), state
        updates, state = self._optimizer.update(grads, state, self.params)
        if self._factor != 1:
            updates = jax.tree.map(lambda u: self._factor * u, updates)
        return updates, state

    def outputs(self, x: Tree, size: int) -> np.ndarray | None:
        """See Loop."""
        if self._predict is None:
            return None
        count = len(leaves(x)[0])
        parts = [
            np.asarray(
                self._predict(
                    self.params, mapped(lambda a, at=at: jnp.asarray(a[at : at + size]), x)
                )
            )
            for at in range(0, count, size)
        ]
        return np.concatenate(parts)

    def loss(self, x: Tree, y: np.ndarray, size: int) -> float:
        """See Loop."""

        def of_batch(x: Tree, y: np.ndarray) -> float:
            return float(self._value(self.params, mapped(jnp.asarray, x), jnp.asarray(y)))

        return mean_loss(of_batch, x, y, size)
