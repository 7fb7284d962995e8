"""The forward pass, keeping what the backward pass and the gauges need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from gradgauge.engine.build import LayerTable, Params
from gradgauge.engine.program_key import ProgramKey
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.normalizations import NORMALIZATIONS

Array = Any


class Normalized(NamedTuple):
    """What the way back through a normalization needs: (a - mean) / deviation, 1 / deviation."""

    standard: Array
    inverse: Array


class Taps(NamedTuple):
    """What a layer leaves behind. Of a block: stacked over its layers.

    Attributes:
        inputs: what went into the weights, (batch, fan_in).
        z, h, slope: pre-activation, activation, slope, (batch, units). z and h are None where
            only the way back reads the taps: it needs neither.
        normalized: see Normalized; None without a normalization.
        statistics: this batch's mean and variance per unit, for the running ones; None
            unless the normalization keeps some.
    """

    inputs: Array
    z: Array | None
    h: Array | None
    slope: Array
    normalized: Normalized | None
    statistics: tuple[Array, Array] | None


def activate(key: ProgramKey, index: Array, z: Array) -> tuple[Array, Array]:
    """f(z) and f'(z) of the activation with this index into the key's list."""

    def branch(name: str) -> Callable[[Array], tuple[Array, Array]]:
        activation = ACTIVATIONS[name]
        return lambda z: (activation.f(z), activation.slope(z))

    return lax.switch(index, [branch(name) for name in key.activations], z)


def normalize(
    key: ProgramKey, a: Array, weights: Array | None, running: Params | None
) -> tuple[Array, Array, Array]:
    """(a - mean) / deviation, with the 1 / deviation and the mean and variance it used.

    Args:
        a: (batch, units).
        weights: 1 for a real sample and 0 for padding, (batch,); None: all are real.
        running: statistics to use instead of the batch's, in inference.
    """
    spec = NORMALIZATIONS[key.norm]
    if running:
        mean, variance = running["mean"], running["variance"]
    elif weights is not None and spec.axis == 0:
        count = jnp.sum(weights)
        mean = jnp.sum(a * weights[:, None], axis=0, keepdims=True) / count
        variance = jnp.sum((a - mean) ** 2 * weights[:, None], axis=0, keepdims=True) / count
    else:
        mean = jnp.mean(a, axis=spec.axis, keepdims=True)
        variance = jnp.mean((a - mean) ** 2, axis=spec.axis, keepdims=True)
    inverse = 1 / jnp.sqrt(variance + spec.epsilon)
    return (a - mean) * inverse, inverse, jnp.concatenate([mean, variance])


def layer(
    key: ProgramKey,
    params: Params,
    row: LayerTable,
    stream: Array,
    skip: Array | None,
    weights: Array | None,
    running: Params | None = None,
) -> tuple[Array, Array | None, Taps]:
    """One hidden layer: the stream after it, the open skip, and its taps."""
    z = stream @ params["weight"] + params["bias"]
    normalized = statistics = None
    if key.norm != "none":
        standard, inverse, used = normalize(key, z, weights, running)
        normalized = Normalized(standard, inverse)
        if NORMALIZATIONS[key.norm].momentum:
            statistics = (used[0], used[1])
        z = params["gamma"] * standard + params["beta"]
    h, slope = activate(key, row.activation, z)
    out = h
    if skip is not None:
        out = jnp.where(row.joins, h + skip, h)
        skip = jnp.where(row.opens, out, skip)
    return out, skip, Taps(stream, z, h, slope, normalized, statistics)


def first(tree: Any) -> Any:
    """The only layer of a block of one, without its stacking axis."""
    return jax.tree.map(lambda x: x[0], tree)


def stacked(tree: Any) -> Any:
    """A layer as a block of one."""
    return jax.tree.map(lambda x: x[None], tree)


def hidden_layers(
    key: ProgramKey,
    params: tuple[Params, ...],
    tables: tuple[LayerTable, ...],
    x: Array,
    weights: Array | None = None,
    running: tuple[Params, ...] | None = None,
    keep: bool = True,
    into: list[Taps] | None = None,
) -> tuple[Array, list[Any]]:
    """All hidden layers: the last one's stream, and the Taps of every block (None if not kept).

    Args:
        x: inputs, (batch, inputs).
        weights: see `normalize`.
        running: running statistics of every block, for inference; None: the batch's own.
        keep: whether to keep taps; without, memory does not grow with depth.
        into: arrays to write scanned blocks' taps into, from `empty_taps` or `reusable`; None:
            into new ones.
    """
    stream: Array = x
    skip: Array | None = None
    taps: list[Any] = []
    for index, block in enumerate(key.blocks):
        statistics = running[index] if running else None
        if key.skip and skip is None:
            skip = jnp.zeros((x.shape[0], block.width), x.dtype)

        def body(carry, xs):
            stream, skip = carry
            params, row, statistics = xs
            out, skip, tap = layer(key, params, row, stream, skip, weights, statistics)
            if into is not None:
                tap = for_the_way_back(tap)
            return (out, skip), tap if keep else None

        rows = (params[index], tables[index], statistics)
        if block.count == 1:
            (stream, skip), tap = body((stream, skip), first(rows))
            taps.append(stacked(tap))
        elif into is None:
            (stream, skip), tap = lax.scan(body, (stream, skip), rows)
            taps.append(tap)
        else:
            (stream, skip), tap = scan_into(body, (stream, skip), rows, into[index])
            taps.append(tap)
    return stream, taps


def with_row(tree: Any, at: Array, row: Any) -> Any:
    """Arrays with row `at` replaced. (`.at[].set` lowers to a scatter, which compiles longer.)"""
    return jax.tree.map(
        lambda all_, one: lax.dynamic_update_index_in_dim(all_, one, at, 0), tree, row
    )


def scan_into(
    body: Callable[[Any, Any], tuple[Any, Any]], carry: Any, rows: Any, written: Any
) -> tuple[Any, Any]:
    """`lax.scan` whose results replace the rows of `written`, arrays that exist already."""

    def write(at: Array, state: tuple[Any, Any]) -> tuple[Any, Any]:
        carry, written = state
        row = jax.tree.map(lambda x: lax.dynamic_index_in_dim(x, at, keepdims=False), rows)
        carry, result = body(carry, row)
        return carry, with_row(written, at, result)

    count = len(jax.tree.leaves(written)[0])
    return lax.fori_loop(0, count, write, (carry, written))


def for_the_way_back(tap: Taps) -> Taps:
    """What the backward pass reads of a layer's taps."""
    return tap._replace(z=None, h=None)


def reusable(key: ProgramKey, taps: list[Any]) -> list[Any]:
    """The taps that the next pass can write `into`: those of scanned blocks; None for others."""
    return [tap if block.count > 1 else None for block, tap in zip(key.blocks, taps, strict=True)]


def empty_taps(
    key: ProgramKey, params: tuple[Params, ...], tables: tuple[LayerTable, ...], x: Array
) -> list[Any]:
    """Arrays that hold the taps of one pass after another.

    A scan fills new arrays with zeros before it writes to them; at every step that is a
    twentieth of the training (measured: 2.8 ms and 2.6 ms).

    Args:
        x: inputs, (batch, inputs), or their shape and dtype.
    """
    shapes = jax.eval_shape(lambda x: hidden_layers(key, params, tables, x)[1], x)
    kept = [for_the_way_back(tap) for tap in shapes]
    return jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), reusable(key, kept))


def outputs(params: tuple[Params, ...], stream: Array) -> Array:
    """The output layer's pre-activations, (batch, outputs)."""
    return stream @ params[-1]["weight"][0] + params[-1]["bias"][0]
