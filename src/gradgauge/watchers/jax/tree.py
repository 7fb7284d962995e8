"""A tree of parameters: its arrays of floats, their names, and the rows they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.layers import LayerInfo

Tree = Any

_BOXES = {"raw_value", "value"}
_WEIGHT_NAMES = {"embedding", "kernel", "scale", "w", "weight", "weights"}


@dataclass(eq=False)
class Row:
    """A layer: one parameter, by its number among the arrays of floats."""

    leaf: int
    info: LayerInfo


class Leaves:
    """The arrays of floats in a tree of parameters.

    Attributes:
        weights: numbers of those with two or more axes.
        names: of every array, by its layer.
        shapes: of every array.
    """

    treedef: Any
    names: list[str]
    shapes: list[tuple[Any, ...]]
    weights: list[int]

    def __init__(self, params: Tree):
        paths, self.treedef = jax.tree_util.tree_flatten_with_path(params)
        self._places = [i for i, (_, leaf) in enumerate(paths) if is_float(leaf)]
        chosen = [paths[i] for i in self._places]
        self.names = _names([path for path, _ in chosen])
        self.shapes = [tuple(np.shape(leaf)) for _, leaf in chosen]
        self.weights = [
            i
            for i, shape in enumerate(self.shapes)
            if len(shape) > 1 and not self.names[i].endswith("bias")
        ]

    def arrays(self, params: Tree) -> list[Any]:
        """The arrays of floats of a tree like the first."""
        flat = jax.tree_util.tree_leaves(params)
        return [flat[i] for i in self._places]

    def pick(self, tree: Tree, numbers: Sequence[int]) -> list[Any]:
        """Some of the arrays of a tree like the parameters: gradients, updates. Where others
        than arrays of floats were left out of it (`equinox.filter_grad`), it is as well."""
        flat = jax.tree_util.tree_leaves(tree)
        if len(flat) != self.treedef.num_leaves:
            flat = [leaf for leaf in flat if is_float(leaf)]
            return [flat[i] for i in numbers]
        return [flat[self._places[i]] for i in numbers]

    def put(self, params: Tree, arrays: Sequence[Any]) -> Tree:
        """`params` with its arrays of floats replaced."""
        flat, treedef = jax.tree_util.tree_flatten(params)
        for place, array in zip(self._places, arrays, strict=True):
            flat[place] = array
        return jax.tree_util.tree_unflatten(treedef, flat)

    def row(self, leaf: int, kind: str = "other") -> Row:
        """The layer of a parameter."""
        shape = self.shapes[leaf]
        fan_in = 0 if len(shape) < 2 else int(np.prod(shape[:-1]))
        info = LayerInfo(self.names[leaf], kind, fan_in=fan_in, parameters=int(np.prod(shape)))
        return Row(leaf, info)

    def rows(self) -> list[Row]:
        """Every weight, in the order of the tree: nothing has been traced."""
        return [self.row(leaf) for leaf in self.weights]


def is_float(leaf: Any) -> bool:
    """Whether a leaf is an array of floats."""
    array = isinstance(leaf, (jax.Array, np.ndarray))
    return array and bool(jnp.issubdtype(leaf.dtype, jnp.floating))


def _names(paths: Sequence[Any]) -> list[str]:
    """Readable names: `layers.0` for `['layers'][0]['kernel']`, the whole path if two are alike."""
    whole = [[_key(entry) for entry in path] for path in paths]
    short = []
    for parts in whole:
        kept = list(parts)
        for wrappings in (_BOXES, _WEIGHT_NAMES):
            if len(kept) > 1 and kept[-1] in wrappings:
                kept.pop()
        short.append(".".join(kept))
    long = [".".join(parts) or "params" for parts in whole]
    return [s if s and short.count(s) == 1 else full for s, full in zip(short, long, strict=True)]


def _key(entry: Any) -> str:
    for name in ("key", "name", "idx"):
        if hasattr(entry, name):
            return str(getattr(entry, name))
    return str(entry).strip(".[]'")
