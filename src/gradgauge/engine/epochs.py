"""The compiled loops of a program key: many steps, an evaluation."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from gradgauge.engine.batches import as_inputs, as_targets, batch
from gradgauge.engine.build import LayerTable
from gradgauge.engine.forward import empty_taps, hidden_layers, outputs, reusable, with_row
from gradgauge.engine.layout import apart, together
from gradgauge.engine.program_key import ProgramKey
from gradgauge.engine.step import (
    Rates,
    State,
    correct,
    moved,
    one_pass,
    step_gauges,
    update,
)
from gradgauge.gauges import STEP_QUANTITIES
from gradgauge.parts.losses import LOSSES

Array = Any

SEGMENT = 256
"""Most steps in one call of the training program: between calls the host writes figures down,
shows progress and can stop."""

EVALUATION_ROWS = 2_000
"""Samples in one piece of an evaluation: bounds its memory."""


class Records(NamedTuple):
    """What every step of a segment left, (SEGMENT, ...).

    Attributes:
        loss, correct: of the training batch, before the update.
        gauges: STEP_QUANTITIES, (SEGMENT, layers).
    """

    loss: Array
    correct: Array
    gauges: dict[str, Array]


class Segment(NamedTuple):
    """What a call of `run_steps` gives.

    Attributes:
        state: after the last step.
        records: of the steps made.
        reached: the step after the last good one; less than `stop` if the loop broke off at a
            step whose loss or gradient is not finite or whose norms cannot be trusted. Then the
            step's records are there, but its update is made, too: `state` is of no use, and has
            to be had from the state before by a call that stops at `reached`.
        trusted: whether all norms are right to rounding.
    """

    state: State
    records: Records
    reached: Array
    trusted: Array


def run_steps(
    key: ProgramKey,
    careful: bool,
    state: State,
    tables: tuple[LayerTable, ...],
    rates: Rates,
    x_data: Array,
    y_data: Array,
    order: Array,
    start: Array,
    stop: Array,
) -> Segment:
    """Steps `start` to `stop` of an epoch, at most SEGMENT of them.

    Args:
        careful: see `layer_norms`.
        state: by `key.step_blocks`.
        x_data, y_data: the training data.
        order: the epoch's shuffle, (samples,).
        start, stop: step numbers within the epoch.
    """
    layers = sum(block.count for block in key.blocks) + 1
    empty = Records(
        jnp.full(SEGMENT, jnp.nan, key.dtype),
        jnp.zeros(SEGMENT, key.dtype),
        {name: jnp.full((SEGMENT, layers), jnp.nan, key.dtype) for name in STEP_QUANTITIES},
    )
    rows = jax.ShapeDtypeStruct((key.batch_size, x_data.shape[1]), key.dtype)
    whole, key = key, key.inside()

    def body(carry):
        state, records, at, _, _, taps = carry
        x, targets, weights = batch(key, x_data, y_data, order, at)
        result = one_pass(key, state.params, apart(whole, tables), x, targets, weights, into=taps)
        changes, after = update(key, state, result.gradients, rates)
        after = after._replace(running=moved(key, state.running, result.taps))
        gauges, trusted = step_gauges(result.gradients, state.params, changes, careful)
        finite = jnp.isfinite(result.loss) & jnp.all(jnp.isfinite(gauges["weight_grad_norm"]))
        good = finite & trusted
        records = with_row(records, at - start, Records(result.loss, result.correct, gauges))
        at = jnp.where(good, at + 1, at)
        return after, records, at, good, trusted, reusable(key, result.taps)

    def goes_on(carry):
        return (carry[2] < stop) & carry[3]

    taps = empty_taps(key, state.params, apart(whole, tables), rows)
    state, records, at, _, trusted, _ = lax.while_loop(
        goes_on, body, (state, empty, start, True, True, taps)
    )
    return Segment(state, records, at, trusted)


def evaluate(
    key: ProgramKey,
    state: State,
    tables: tuple[LayerTable, ...],
    x_data: Array,
    y_data: Array,
) -> tuple[Array, Array]:
    """Mean loss and number of right classes over a whole dataset, in inference mode.

    Args:
        state: as for `run_steps`.
        x_data, y_data: the dataset.
    """
    params, running = (together(key, trees) for trees in (state.params, state.running))
    statistics = running if any(running) else None
    samples = x_data.shape[0]
    rows = min(EVALUATION_ROWS, samples)
    pieces = -(-samples // rows)

    def piece(carry, at):
        positions = at * rows + jnp.arange(rows)
        real = (positions < samples).astype(key.dtype)
        index = jnp.minimum(positions, samples - 1)
        x, targets = as_inputs(x_data[index], key.dtype), as_targets(key, y_data[index])
        stream, _ = hidden_layers(key, params, tables, x, running=statistics, keep=False)
        last = outputs(params, stream)
        losses = LOSSES[key.loss].per_sample(last, targets)
        hits = correct(key, last, targets)
        return (carry[0] + jnp.sum(losses * real), carry[1] + jnp.sum(hits * real)), None

    zero = jnp.zeros((), key.dtype)
    (loss, hits), _ = lax.scan(piece, (zero, zero), jnp.arange(pieces))
    return loss / samples, hits
