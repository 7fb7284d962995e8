"""Initial parameters and per-layer tables of one member, drawn and laid out by NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gradgauge.engine.program_key import blocks_of
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.initializers import INITIALIZERS
from gradgauge.spec.network import NetworkSpec

Array = Any
Params = dict[str, Array]
"""Of a block: `weight` (count, fan_in, width), `bias` (count, width) and, where there is a
normalization, `gamma` and `beta` (count, width)."""

Adjust = Callable[[tuple[Params, ...]], tuple[Params, ...]]
"""A change of the initial parameters, before training."""

_WEIGHTS, SHUFFLES = 0, 1


class LayerTable(NamedTuple):
    """What distinguishes the layers of a block, one row a layer.

    Attributes:
        activation: index into the key's activations.
        max_slope: the activation's largest abs slope.
        saturates: whether `saturated` has a meaning for it.
        opens: whether a skip starts after this layer.
        joins: whether a skip ends after this layer.
    """

    activation: Array
    max_slope: Array
    saturates: Array
    opens: Array
    joins: Array


def generator(seed: int, stream: int) -> np.random.Generator:
    """The member's own stream of random numbers: weights and shuffles have one each, so that
    networks with one seed see the same batches whatever their weights took."""
    return np.random.default_rng(np.random.SeedSequence([seed, stream]))


def initial_parameters(network: NetworkSpec, seed: int) -> tuple[Params, ...]:
    """Parameters of every block and of the output layer, in float64."""
    rng = generator(seed, _WEIGHTS)
    initializer = INITIALIZERS[network.init]
    weights, biases = [], []
    for fan_in, width in network.shapes:
        weights.append(network.scale * initializer.draw(rng, fan_in, width))
        noise = rng.standard_normal(width)
        limit = initializer.bias_limit(fan_in)
        uniform = rng.uniform(-limit, limit, width)
        biases.append(network.bias_std * noise if network.bias_std else uniform)
    params, at = [], 0
    for block in blocks_of(network):
        span = slice(at, at + block.count)
        entry = {"weight": np.stack(weights[span]), "bias": np.stack(biases[span])}
        if network.norm != "none":
            entry["gamma"] = np.ones((block.count, block.width))
            entry["beta"] = np.zeros((block.count, block.width))
        params.append(entry)
        at += block.count
    params.append({"weight": weights[-1][None], "bias": biases[-1][None]})
    return tuple(params)


def initial_running(network: NetworkSpec) -> tuple[Params, ...]:
    """Running mean and variance of every block's batch normalization; empty without one."""
    if network.norm != "batch":
        return tuple({} for _ in blocks_of(network))
    return tuple(
        {"mean": np.zeros((b.count, b.width)), "variance": np.ones((b.count, b.width))}
        for b in blocks_of(network)
    )


def layer_tables(network: NetworkSpec, activations: tuple[str, ...]) -> tuple[LayerTable, ...]:
    """The table of every block."""
    used = [ACTIVATIONS[name] for name in network.activations]
    depth = np.arange(network.depth)
    opens = (depth % network.skip == 0) if network.skip else np.zeros(network.depth, bool)
    table = LayerTable(
        activation=np.array([activations.index(a.name) for a in used], np.int32),
        max_slope=np.array([a.max_slope for a in used]),
        saturates=np.array([a.saturates for a in used]),
        opens=opens,
        joins=opens & (depth > 0),
    )
    tables, at = [], 0
    for block in blocks_of(network):
        tables.append(LayerTable(*(column[at : at + block.count] for column in table)))
        at += block.count
    return tuple(tables)
