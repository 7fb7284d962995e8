"""A network's arrays as its programs scan them, and as the loop over steps takes them.

The loop's arrays stand by `key.step_blocks`, where a layer that is written out is a block of one:
a state stays that way between its calls. Whatever else reads the network joins them by
`key.blocks`. Splitting them in the loop's own program instead would cost a quarter of its
compilation.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from gradgauge.engine.program_key import ProgramKey

Trees = tuple[Any, ...]
"""Arrays of every block, stacked over its layers; after them the output layer's, if it has any."""


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


def together(key: ProgramKey, trees: Trees, xp: Any = jnp) -> Trees:
    """Arrays by `key.step_blocks` as arrays by `key.blocks`, joined by `xp.concatenate`."""
    blocks: list[Any] = []
    rest = iter(zip(trees, key.step_blocks, strict=False))
    for block in key.blocks:
        parts, count = [], 0
        while count < block.count:
            tree, piece = next(rest)
            parts.append(tree)
            count += piece.count
        blocks.append(jax.tree.map(lambda *x: x[0] if len(x) == 1 else xp.concatenate(x), *parts))
    return (*blocks, *trees[len(key.step_blocks) :])
