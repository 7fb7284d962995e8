"""Layers of a tree of parameters: whether their weights are new, and which parts stand still."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from gradgauge.diagnosis.facts import Layer
from gradgauge.diagnosis.trainees.trainee import looks_drawn
from gradgauge.watchers.jax.tree import Row

_LEAST = 64
"""Entries below which a distribution cannot be told."""
_TRUNCATED = 0.87962566103423978
"""Standard deviation of a normal that is cut at two of its own."""
_EXACT = 1.0001
"""Room for rounding at the edge of a distribution that ends."""


def layers_of(
    rows: Sequence[Row],
    names: Sequence[str],
    before: Sequence[np.ndarray],
    after: Sequence[np.ndarray],
) -> tuple[Layer, ...]:
    """The layers of a watched training, with their weights before and after it.

    Args:
        rows: a watcher's.
        names: of every array of the tree.
        before, after: every array of it.
    """
    made = [
        Layer(
            row.info,
            (before[row.leaf],),
            (after[row.leaf],),
            fresh=is_fresh(before[row.leaf], [before[i] for i in _biases(row, rows, names)]),
        )
        for row in rows
    ]
    blocks = _still_blocks(made)
    return tuple(dataclasses.replace(layer, block=blocks.get(layer.name, "")) for layer in made)


def _biases(row: Row, rows: Sequence[Row], names: Sequence[str]) -> list[int]:
    """Places of the arrays that stand beside a weight and belong to no other one."""
    name = names[row.leaf]
    weights = {other.leaf for other in rows}
    inside = [i for i, n in enumerate(names) if n.startswith(f"{name}.")]
    if inside:
        return [i for i in inside if i not in weights]
    parent = name.rpartition(".")[0]
    beside = [i for i, n in enumerate(names) if n.rpartition(".")[0] == parent and n != name]
    return [] if weights & set(beside) else beside


def _still_blocks(layers: Sequence[Layer]) -> dict[str, str]:
    """Layers within a part of several layers of which none moves: layer's name -> the part's."""
    parts: dict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        path = layer.name.removeprefix("params.").split(".")
        for depth in range(1, len(path)):
            parts[".".join(path[:depth])].append(layer)
    found: dict[str, str] = {}
    for name, inside in parts.items():
        if 1 < len(inside) < len(layers) and all(layer.moved is False for layer in inside):
            found |= {layer.name: name for layer in inside if layer.name not in found}
    return found


def is_fresh(weight: np.ndarray, biases: Sequence[np.ndarray]) -> bool | None:
    """Whether weights look as one of the usual initializers draws them; None: cannot be told.

    Uniform and truncated distributions end sharply, which no trained weight respects; a normal one
    is believed beside biases that are still constant.

    Args:
        weight: with two axes or more.
        biases: what stands beside it.
    """
    if weight.size < _LEAST or weight.dtype.itemsize < 4 or not np.isfinite(weight).all():
        return None
    largest = float(np.abs(weight).max())
    draw, count = np.random.default_rng(0), max(weight.size, 1_000)
    constant = all(b.size < 2 or np.ptp(b) == 0 for b in biases)
    for std in _standard(weight.shape):
        bound = std * math.sqrt(3)
        small = all(np.abs(b).max(initial=0.0) <= bound * _EXACT for b in biases)
        uniform = looks_drawn(weight, draw.uniform(-bound, bound, count))
        if uniform and (constant or small) and largest <= bound * _EXACT:
            return True
        if not constant:
            continue
        cut = std / _TRUNCATED
        if largest <= 2 * cut * _EXACT and looks_drawn(weight, _truncated(draw, cut, count)):
            return True
        if biases and looks_drawn(weight, draw.normal(0, std, count)):
            return True
    return None


def _standard(shape: Sequence[int]) -> list[float]:
    """Standard deviations of the usual initializers; libraries differ in which axis is the input."""
    ends = {int(np.prod(shape[:-1])), int(np.prod(shape[1:]))}
    fans = [gain / math.sqrt(n) for n in sorted(ends) for gain in (1.0, math.sqrt(2), 3**-0.5)]
    return [*fans, math.sqrt(2 / sum(ends)) if len(ends) > 1 else math.sqrt(1 / max(ends))]


def _truncated(draw: np.random.Generator, scale: float, count: int) -> np.ndarray:
    drawn = draw.normal(size=3 * count)
    return scale * drawn[np.abs(drawn) <= 2][:count]
