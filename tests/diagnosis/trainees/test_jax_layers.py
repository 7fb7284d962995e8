"""Whether weights in a tree are new, and which parts of it stand still."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradgauge.diagnosis.trainees.jax_layers import is_fresh, layers_of
from gradgauge.watchers.jax.tree import Leaves

KEY = jax.random.PRNGKey(3)
initializers = jax.nn.initializers
ZEROS = [np.zeros(48, np.float32)]


@pytest.mark.parametrize(
    "initializer",
    [
        initializers.lecun_normal(),
        initializers.he_normal(),
        initializers.glorot_normal(),
        initializers.glorot_uniform(),
        initializers.he_uniform(),
        initializers.normal(1 / np.sqrt(32)),
    ],
)
def test_weights_as_an_initializer_draws_them_are_new(initializer):
    weight = np.asarray(initializer(KEY, (32, 48), jnp.float32))
    assert is_fresh(weight, ZEROS)
    trained = weight + 0.05 * np.random.default_rng(0).normal(size=weight.shape)
    moved = [0.1 * np.random.default_rng(1).normal(size=48)]
    assert not is_fresh(trained.astype(np.float32), moved)


def test_biases_that_have_moved_tell_of_a_training():
    weight = np.asarray(initializers.lecun_normal()(KEY, (32, 48), jnp.float32))
    assert not is_fresh(weight, [np.linspace(-1, 1, 48)])


def test_what_cannot_be_told():
    assert is_fresh(np.ones((4, 4), np.float32), []) is None
    normal = np.asarray(initializers.normal(1 / np.sqrt(32))(KEY, (32, 48), jnp.float32))
    assert is_fresh(normal, []) is None


def test_a_part_of_which_nothing_moves_is_a_block():
    shapes = {"a": (8, 8), "b": (8, 8)}
    params = {
        part: {n: {"kernel": jnp.ones(s), "bias": jnp.zeros(8)} for n, s in shapes.items()}
        for part in ("encoder", "decoder")
    }
    leaves = Leaves(params)
    rows = leaves.rows()
    before = [np.asarray(a) for a in leaves.arrays(params)]
    after = [a if "encoder" in n else a + 1 for a, n in zip(before, leaves.names, strict=True)]
    found = layers_of(rows, leaves.names, before, after)
    assert {layer.name: layer.block for layer in found} == {
        "decoder.a": "",
        "decoder.b": "",
        "encoder.a": "encoder",
        "encoder.b": "encoder",
    }
