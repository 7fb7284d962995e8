"""The layers of trees in the forms of people and libraries."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gradgauge.remedies.surgery.jax_layers import JaxLayers
from gradgauge.remedies.trainer import CannotApply


def drawn(*shape: int) -> jax.Array:
    return jax.random.normal(jax.random.key(sum(shape)), shape)


class Net(nnx.Module):
    def __init__(self):
        rngs = nnx.Rngs(0)
        self.first, self.norm = nnx.Linear(3, 5, rngs=rngs), nnx.LayerNorm(5, rngs=rngs)
        self.last = nnx.Linear(5, 2, rngs=rngs)


TREES: dict[str, tuple[Any, list[tuple[tuple[int, ...], int]]]] = {
    "pairs": ([(drawn(3, 4), drawn(4)), (drawn(4, 2), drawn(2))], [((3, 4), 4), ((4, 2), 2)]),
    "one dictionary": (
        {
            f"{kind}{n}": drawn(*shape)
            for n in (1, 2, 10)
            for kind, shape in (("w", (4, 4)), ("b", (4,)))
        },
        [((4, 4), 4)] * 3,
    ),
    "two lists": (
        {"weights": [drawn(3, 4), drawn(4, 4)], "biases": [drawn(4), jnp.ones(4)]},
        [((3, 4), 4), ((4, 4), 4)],
    ),
    "Flax": (
        {
            "Dense_0": {"kernel": drawn(3, 4), "bias": drawn(4)},
            "LayerNorm_0": {"scale": jnp.ones(4), "bias": jnp.zeros(4)},
            "Conv_1": {"kernel": drawn(3, 3, 4, 4)},
            "Embed_0": {"embedding": drawn(9, 4)},
        },
        [((3, 3, 4, 4), 4), ((3, 4), 4)],
    ),
    "Equinox": (
        eqx.filter(eqx.nn.MLP(3, 2, 8, 1, key=jax.random.key(1)), eqx.is_array),
        [((3, 8), 8), ((8, 2), 2)],
    ),
    "NNX": (nnx.state(Net()), [((3, 5), 5), ((5, 2), 2)]),
}


@pytest.mark.parametrize("name", TREES)
def test_layers_are_found_and_written_back(name):
    tree, shapes = TREES[name]
    layers = JaxLayers(tree)
    found = layers.read()
    assert [(layer["weight"].shape, layer["bias"].size) for layer in found] == shapes
    same = layers.written(found)
    assert jax.tree.structure(same) == jax.tree.structure(tree)
    assert all(map(np.array_equal, jax.tree.leaves(same), jax.tree.leaves(tree)))
    zeros = [{name: 0 * array for name, array in layer.items()} for layer in found]
    left = sum(np.size(a) for a in jax.tree.leaves(tree)) - sum(
        np.count_nonzero(a == 0) for a in jax.tree.leaves(layers.written(zeros))
    )
    kept = {"Flax": 4 + 36, "NNX": 5}.get(name, 0)  # Scales, and the table of an embedding.
    assert left == kept


def test_weights_stay_beside_their_own_bias():
    tree = {"w1": drawn(4, 4), "b1": jnp.full(4, 1.0), "w2": drawn(4, 4), "b2": jnp.full(4, 2.0)}
    assert [float(layer["bias"][0]) for layer in JaxLayers(tree).read()] == [1.0, 2.0]


def test_layers_that_lie_in_one_array_for_scan_are_left_alone():
    tree = {"w": drawn(6, 4, 4), "b": drawn(6, 4), "out": drawn(4, 2)}
    assert [layer["weight"].shape for layer in JaxLayers(tree).read()] == [(4, 2)]
    with pytest.raises(CannotApply):
        JaxLayers({"mean": drawn(3), "spread": drawn(3)})
