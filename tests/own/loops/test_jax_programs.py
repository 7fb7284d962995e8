"""What is compiled once serves all trainings that compute the same, and no other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradgauge.own.loops.jax_programs import Programs, Shaped


def make_loss(factor, table):
    @jax.jit
    def looked_up(x):
        return (x * table[: len(x)]).sum()

    def loss(params, x, y):
        return ((jax.nn.relu(x @ params["w"]) * factor - y) ** 2).mean() + looked_up(x[0])

    return loss


def test_only_what_computes_the_same_shares_a_program():
    programs = Programs()
    params, x = {"w": jnp.ones((4, 4))}, jnp.arange(32.0).reshape(8, 4)
    counts = []
    for factor, entry in ((1.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1.0, 3.0)):
        loss = make_loss(factor, jnp.full(1000, entry))
        value, slope = Shaped(jax.value_and_grad(loss), programs)(params, x, x)
        assert float(value) == float(loss(params, x, x))
        np.testing.assert_array_equal(slope["w"], jax.grad(loss)(params, x, x)["w"])
        counts.append(len(programs._compiled))
    assert counts == [1, 1, 2, 3]


def test_every_shape_and_tree_has_a_program_of_its_own():
    double = Shaped(lambda tree: jax.tree.map(lambda a: 2 * a, tree), Programs())
    assert double([jnp.ones(3)])[0].shape == (3,)
    assert double([jnp.ones(2)])[0].shape == (2,)
    assert double({"a": jnp.ones(3, jnp.int32)})["a"].dtype == jnp.int32
    with pytest.raises(TypeError):
        double(["no array"])
