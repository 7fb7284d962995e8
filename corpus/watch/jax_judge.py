"""A JAX training plainly and watched; norms of our own, in float64."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np
import optax

from corpus.watch.arrays_judge import Rows, norm_of
from corpus.watch.case import Case, Outcome


@dataclass
class JaxTraining:
    """A loss over a pytree.

    Attributes:
        loss: `loss(params, x, y)`.
        params: the pytree.
        batches: of (x, y).
        optimizer: of optax.
        weights: row of the Run -> path of its weights in the pytree, as `jax.tree_util.keystr`
            writes it.
        deltas: row -> norm of delta at the first step; empty: not compared.
    """

    loss: Any
    params: Any
    batches: list[tuple[Any, Any]]
    optimizer: Any
    weights: dict[str, str]
    deltas: dict[str, float] = field(default_factory=dict)


def judge(case: Case) -> Outcome:
    """Run the case twice and compare."""
    import gradgauge

    outcome = Outcome(case.name)
    training: JaxTraining = case.make()
    plain, seen = _train(training, None)
    try:
        watcher = gradgauge.watch(training.loss, training.params, every=1)
        watched, _ = _train(training, watcher)
        watcher.close()
    except Exception as error:  # noqa: BLE001 whatever it is, the training did not survive it
        outcome.crashed = f"{type(error).__name__}: {error}"[:200]
        return outcome
    for (path, a), b in zip(_leaves(plain), jax.tree.leaves(watched), strict=True):
        if not np.array_equal(np.asarray(a), np.asarray(b)):
            outcome.harmed.append(f"weights of {path}")
    rows = Rows(watcher.run, outcome)
    for i, (before, gradients, updates) in enumerate(seen):
        for figure, wanted in (
            ("weight_norm", {r: norm_of(before[p]) for r, p in training.weights.items()}),
            ("weight_grad_norm", {r: norm_of(gradients[p]) for r, p in training.weights.items()}),
            (
                "update_ratio",
                {r: norm_of(updates[p]) / norm_of(before[p]) for r, p in training.weights.items()},
            ),
        ):
            rows.compare("steps", figure, i, wanted, 1e-3 if figure == "update_ratio" else 1e-4)
    rows.compare("probes", "delta_norm", 0, training.deltas)
    rows.cover(list(training.weights))
    return outcome


def _leaves(tree: Any) -> list[tuple[str, Any]]:
    return [(jax.tree_util.keystr(p), v) for p, v in jax.tree_util.tree_leaves_with_path(tree)]


def _train(training: JaxTraining, watcher: Any) -> tuple[Any, list[Any]]:
    params, seen = training.params, []
    state = training.optimizer.init(params)
    gradient = jax.jit(jax.value_and_grad(training.loss))
    for x, y in training.batches:
        value, gradients = gradient(params, x, y)
        updates, state = training.optimizer.update(gradients, state, params)
        seen.append(tuple(dict(_leaves(tree)) for tree in (params, gradients, updates)))
        if watcher is not None:
            watcher.step(params, gradients, updates, batch=(x, y), loss=value)
        params = optax.apply_updates(params, updates)
    return params, seen
