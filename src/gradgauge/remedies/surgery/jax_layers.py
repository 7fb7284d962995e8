"""The layers of a tree of parameters, whatever its form: a patch is written for a list of
dictionaries with `weight` and `bias`, and the trees of people and libraries are read as one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gradgauge.remedies.trainer import CannotApply
from gradgauge.watchers.jax.tree import Leaves, Tree, is_float

_TABLE = re.compile(r"emb|table|vocab|position|token", re.IGNORECASE)
"""Names of weights that are looked up, not multiplied: the gain of an activation is not theirs."""
_BIAS = re.compile(r"b|bs|bias|biases")
_SCALE = re.compile(r"scale|gamma|gain|mean|var|norm")
_BOX = re.compile(r"/(raw_)?value$")
"""What Flax NNX puts around an array."""


@dataclass(frozen=True)
class _Place:
    """Where a layer lies: numbers among the arrays of floats.

    Attributes:
        weight: two or more axes.
        bias: one axis; None: there is none.
        turned: whether the weight is (units, fan_in), as Equinox keeps it.
    """

    weight: int
    bias: int | None
    turned: bool


class JaxLayers:
    """The layers of a tree.

    Args:
        params: a tree.

    Raises:
        CannotApply: it has no layers.
    """

    def __init__(self, params: Tree):
        self._tree, self._leaves = params, Leaves(params)
        paths, _ = jax.tree_util.tree_flatten_with_path(params)
        self._keys = [_key(path) for path, leaf in paths if is_float(leaf)]
        self._places = _in_order(self._found(self._leaves.arrays(params)), self._keys)
        if not self._places:
            raise CannotApply("other_parameters")

    def read(self) -> list[dict[str, Any]]:
        """The layers as a patch has them; a layer without a bias has one of zeros."""
        arrays = self._leaves.arrays(self._tree)
        return [
            {
                "weight": arrays[at.weight].T if at.turned else jnp.asarray(arrays[at.weight]),
                "bias": jnp.zeros(self._units(arrays, at))
                if at.bias is None
                else jnp.asarray(arrays[at.bias]),
            }
            for at in self._places
        ]

    def written(self, layers: Sequence[dict[str, Any]]) -> Tree:
        """The tree with these layers in it; the bias of a layer that has none is left out."""
        arrays = self._leaves.arrays(self._tree)
        for at, layer in zip(self._places, layers, strict=True):
            weight = layer["weight"].T if at.turned else layer["weight"]
            arrays[at.weight] = weight.astype(arrays[at.weight].dtype)
            if at.bias is not None:
                arrays[at.bias] = layer["bias"].astype(arrays[at.bias].dtype)
        return self._leaves.put(self._tree, arrays)

    def _found(self, arrays: Sequence[Any]) -> list[_Place]:
        taken: set[int] = set()
        places = []
        for number in self._leaves.weights:
            if _TABLE.search(self._keys[number]) or self._is_stacked(number):
                continue
            shape = self._leaves.shapes[number]
            bias = self._bias_of(number, taken)
            if bias is not None:
                taken.add(bias)
            length = shape[-1] if bias is None else len(arrays[bias])
            turned = len(shape) == 2 and length != shape[-1]
            places.append(_Place(number, bias, turned))
        return places

    def _is_stacked(self, number: int) -> bool:
        """Whether several layers lie in one array, or their biases: `scan` takes them in turn."""
        if _BIAS.fullmatch(_own_name(self._keys[number])):
            return True
        shape, siblings = self._leaves.shapes[number], self._keys[number].rpartition("/")[0]
        return len(shape) == 3 and any(
            other == (shape[0], shape[2])
            and _BIAS.fullmatch(_own_name(key))
            and key.rpartition("/")[0] == siblings
            for key, other in zip(self._keys, self._leaves.shapes, strict=True)
        )

    def _bias_of(self, weight: int, taken: set[int]) -> int | None:
        """The vector beside a weight that has a number for each of its units."""
        shape, own = self._leaves.shapes[weight], self._keys[weight]
        sizes = {shape[-1], shape[0]} if len(shape) == 2 else {shape[-1]}
        beside = [
            number
            for number, other in enumerate(self._leaves.shapes)
            if len(other) == 1
            and other[0] in sizes
            and number not in taken
            and not _SCALE.search(_own_name(self._keys[number]))
            and _parent(self._keys[number], own)
        ]
        # In one dictionary of all layers, `w2` belongs to `b2`; in lists of each, [2] to [2].
        beside.sort(key=lambda n: (_numerals(self._keys[n]) != _numerals(own), abs(n - weight)))
        return beside[0] if beside else None

    @staticmethod
    def _units(arrays: Sequence[Any], at: _Place) -> int:
        return int(np.shape(arrays[at.weight])[-1])


def _numerals(key: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", key)))


def _key(path: Any) -> str:
    return _BOX.sub("", jax.tree_util.keystr(path, simple=True, separator="/"))


def _own_name(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def _parent(bias: str, weight: str) -> bool:
    """Whether two paths belong to one layer: siblings, or of the same numerals in two lists."""
    siblings = bias.rpartition("/")[0] == weight.rpartition("/")[0]
    return siblings or (_numerals(bias) == _numerals(weight) and bool(_numerals(weight)))


def _in_order(places: list[_Place], keys: Sequence[str]) -> list[_Place]:
    """As they follow each other: a dictionary's keys are sorted as text, where 10 is before 2."""

    def key(at: _Place) -> list[Any]:
        parts = re.split(r"(\d+)", keys[at.weight])
        return [int(part) if part.isdigit() else part for part in parts]

    try:
        return sorted(places, key=key)
    except TypeError:
        return places
