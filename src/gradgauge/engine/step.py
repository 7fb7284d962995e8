"""One pass forward and back, and one update of all parameters."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gradgauge.engine.backward import Arriving, Observe, hidden_layers_back, outer
from gradgauge.engine.build import LayerTable, Params
from gradgauge.engine.forward import Taps, hidden_layers, outputs
from gradgauge.engine.program_key import ProgramKey
from gradgauge.gauges.backward_gain import ratio
from gradgauge.gauges.norms import is_safe, norm, sum_of_squares
from gradgauge.parts.losses import LOSSES
from gradgauge.parts.normalizations import NORMALIZATIONS
from gradgauge.parts.optimizers import OPTIMIZERS, Options

Array = Any


class State(NamedTuple):
    """All that a training changes.

    Attributes:
        params: of every block and of the output layer.
        slots: the optimizer's arrays, each shaped like `params`.
        running: running statistics of every block.
        step: updates made so far.
    """

    params: tuple[Params, ...]
    slots: tuple[tuple[Params, ...], ...]
    running: tuple[Params, ...]
    step: Array


class Rates(NamedTuple):
    """What the update reads besides gradients: scalars, so that members may differ in them."""

    learning_rate: Array
    momentum: Array
    weight_decay: Array
    clip_norm: Array
    warmup_steps: Array
    total_steps: Array


class Pass(NamedTuple):
    """What one pass forward and back gives.

    Attributes:
        loss: mean over the batch.
        correct: samples whose largest output is the right class; NaN for regression.
        gradients: shaped like the parameters.
        taps: of every block.
        kept: what `observe` kept, of every block; the output layer's delta norm last.
    """

    loss: Array
    correct: Array
    gradients: tuple[Params, ...]
    taps: list[Taps]
    kept: list[Any]


def one_pass(
    key: ProgramKey,
    params: tuple[Params, ...],
    tables: tuple[LayerTable, ...],
    x: Array,
    targets: Array,
    weights: Array | None,
    observe: Observe | None = None,
    into: list[Taps] | None = None,
) -> Pass:
    """Loss, gradients and taps of a batch.

    Args:
        x: (batch, inputs).
        targets: one-hot rows or numbers, (batch, outputs).
        weights: 1 for a real sample, 0 for padding, (batch,); None: all are real.
        observe: see `hidden_layers_back`.
        into: see `hidden_layers`.
    """
    stream, taps = hidden_layers(key, params, tables, x, weights, into=into)
    last = outputs(params, stream)
    per_sample = LOSSES[key.loss].per_sample(last, targets)
    delta = LOSSES[key.loss].gradient(last, targets)
    right = correct(key, last, targets)
    if weights is None:
        loss, hits, delta = jnp.mean(per_sample), jnp.sum(right), delta / x.shape[0]
    else:
        count = jnp.sum(weights)
        loss, hits = jnp.sum(per_sample * weights) / count, jnp.sum(right * weights)
        delta = delta * (weights[:, None] / count)
    output_gradients = {"weight": outer(stream, delta)[None], "bias": jnp.sum(delta, axis=0)[None]}
    arriving = Arriving(
        grad=delta @ params[-1]["weight"][0].T,
        skip=jnp.zeros_like(stream) if key.skip else None,
        delta_norm=norm(delta) if observe else jnp.zeros((), x.dtype),
    )
    gradients, kept = hidden_layers_back(key, params, tables, taps, arriving, weights, observe)
    return Pass(loss, hits, (*gradients, output_gradients), taps, [*kept, arriving.delta_norm])


def correct(key: ProgramKey, last: Array, targets: Array) -> Array:
    """1 where the largest output is the right class, (batch,); NaN for regression."""
    if not LOSSES[key.loss].classification:
        return jnp.full(last.shape[0], jnp.nan, last.dtype)
    return (jnp.argmax(last, axis=-1) == jnp.argmax(targets, axis=-1)).astype(last.dtype)


def rate_at(key: ProgramKey, rates: Rates, step: Array) -> Array:
    """The learning rate of update number `step`, counted from 1.

    Linear warm-up reaches the full rate at update `warmup_steps`; the cosine then falls from
    there to 0 after the last update (Loshchilov & Hutter 2017, eq. 5, one cycle).
    """
    rate = rates.learning_rate
    done = step - 1 - rates.warmup_steps
    if key.schedule == "cosine":
        span = jnp.maximum(rates.total_steps - rates.warmup_steps, 1)
        rate = rate * 0.5 * (1 + jnp.cos(jnp.pi * jnp.clip(done / span, 0, 1)))
    if key.warmup:
        rate = rate * jnp.minimum(step / jnp.maximum(rates.warmup_steps, 1), 1)
    return rate


def clipped(gradients: Any, limit: Array) -> Any:
    """Gradients scaled down so that their global norm is at most `limit`.

    References:
        Pascanu, Mikolov & Bengio (2013), algorithm 1.
    """
    size = norm(jnp.stack([norm(g) for g in jax.tree.leaves(gradients)]))
    factor = jnp.minimum(limit / jnp.maximum(size, limit), 1)
    return jax.tree.map(lambda g: g * factor, gradients)


def update(
    key: ProgramKey, state: State, gradients: Any, rates: Rates
) -> tuple[tuple[Params, ...], State]:
    """The change of every parameter, and the state after it (running statistics untouched)."""
    optimizer = OPTIMIZERS[key.optimizer]
    if key.clip:
        gradients = clipped(gradients, rates.clip_norm)
    step = (state.step + 1).astype(rates.learning_rate.dtype)
    rate = rate_at(key, rates, step)
    options = Options(rates.momentum, rates.weight_decay)
    leaves, structure = jax.tree.flatten(gradients)
    weights = jax.tree.leaves(state.params)
    slots = zip(*(jax.tree.leaves(s) for s in state.slots), strict=True)
    slots = list(slots) if state.slots else [()] * len(leaves)
    results = [
        optimizer.update(g, w, s, step, rate, options)
        for g, w, s in zip(leaves, weights, slots, strict=True)
    ]
    changes = structure.unflatten([change for change, _ in results])
    new_slots = tuple(
        structure.unflatten([kept[i] for _, kept in results]) for i in range(optimizer.slots)
    )
    params = jax.tree.map(lambda w, change: w + change, state.params, changes)
    return changes, State(params, new_slots, state.running, state.step + 1)


def moved(key: ProgramKey, running: tuple[Params, ...], taps: list[Taps]) -> tuple[Params, ...]:
    """Running statistics moved towards this batch's."""
    keep = NORMALIZATIONS[key.norm].momentum
    if not keep:
        return running
    return tuple(
        {
            name: old[name] * keep + now * (1 - keep)
            for name, now in zip(("mean", "variance"), tap.statistics or (), strict=True)
        }
        for old, tap in zip(running, taps, strict=True)
    )


def layer_norms(tree: tuple[Params, ...], careful: bool) -> tuple[Array, Array]:
    """|weight| per layer, (layers,), and whether all are right to rounding.

    Args:
        tree: parameters, gradients or changes.
        careful: whether to scale first, so that they always are; else naive sums of squares,
            which cost a third and compile faster.
    """
    weights = [block["weight"] for block in tree]
    if careful:
        return jnp.concatenate([norm(w, (1, 2)) for w in weights]), jnp.array(True)
    totals = jnp.concatenate([sum_of_squares(w, (1, 2)) for w in weights])
    # Where an entry is not a number no care helps, and the loop stops for that.
    return jnp.sqrt(totals), jnp.all(is_safe(totals) | jnp.isnan(totals))


def step_gauges(
    gradients: Any, params: Any, changes: Any, careful: bool
) -> tuple[dict[str, Array], Array]:
    """STEP_QUANTITIES of every layer, (layers,), and whether they are right to rounding.

    Args:
        gradients, params, changes: of this step; `params` as they were before it.
        careful: see `layer_norms`.
    """
    norms = [layer_norms(tree, careful) for tree in (gradients, params, changes)]
    (gradient, _), (weight, _), (change, _) = norms
    gauges = {
        "weight_grad_norm": gradient,
        "weight_norm": weight,
        "update_ratio": ratio(change, weight),
    }
    return gauges, norms[0][1] & norms[1][1] & norms[2][1]
