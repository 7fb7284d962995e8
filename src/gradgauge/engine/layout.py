"""A training's arrays as its programs take them, and as the loop over its steps does.

Everyone else knows a state by `key.blocks`; inside the loop it stands by `key.step_blocks`, where
layers that are written out are blocks of one. Both ways are taken once a segment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gradgauge.engine.program_key import ProgramKey
from gradgauge.engine.step import State

Trees = tuple[Any, ...]
"""Arrays of every block, stacked over its layers; behind them the output layer's, if it has any."""


def apart(key: ProgramKey, trees: Trees) -> Trees:
    """Arrays by `key.blocks` as arrays by `key.step_blocks`."""
    pieces: list[Any] = []
    counts = iter(block.count for block in key.step_blocks)
    for tree, block in zip(trees, key.blocks, strict=False):
        at = 0
        while at < block.count:
            rows = slice(at, at + next(counts))
            pieces.append(jax.tree.map(lambda x, rows=rows: x[rows], tree))
            at = rows.stop
    return (*pieces, *trees[len(key.blocks) :])


def together(key: ProgramKey, trees: Trees) -> Trees:
    """Arrays by `key.step_blocks` as arrays by `key.blocks`."""
    blocks: list[Any] = []
    rest = iter(zip(trees, key.step_blocks, strict=False))
    for block in key.blocks:
        parts, count = [], 0
        while count < block.count:
            tree, piece = next(rest)
            parts.append(tree)
            count += piece.count
        blocks.append(jax.tree.map(lambda *x: x[0] if len(x) == 1 else jnp.concatenate(x), *parts))
    return (*blocks, *trees[len(key.step_blocks) :])


def with_state(way: Callable[[ProgramKey, Trees], Trees], key: ProgramKey, state: State) -> State:
    """A state, all of its arrays taken one of the two ways."""
    slots = tuple(way(key, trees) for trees in state.slots)
    return State(way(key, state.params), slots, way(key, state.running), state.step)
