"""The first NaN of a JAX training: held against where the program was made to give it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gradgauge as gg
from gradgauge.watchers.errors import NotFinite

BAD = 7
X = np.asarray(jax.random.normal(jax.random.key(0), (16, 6)))
Y = np.asarray(jax.random.normal(jax.random.key(1), (16, 2)))


def params():
    keys = jax.random.split(jax.random.key(2), 3)
    shapes = ((6, 8), (8, 8), (8, 2))
    return {
        name: {"w": 0.3 * jax.random.normal(k, s), "b": jnp.zeros(s[1])}
        for name, k, s in zip(("first", "second", "third"), keys, shapes, strict=True)
    }


def divides(h, t):
    return h / (t - BAD)


def logs(h, t):
    return h + jnp.log(jnp.where(t == BAD, -1.0, 1.0))


def roots(h, t):
    """Finite on the way forwards; the root of 0 has no slope."""
    return h + jnp.sqrt(jnp.where(t == BAD, 0.0, 1.0) * h[:, :1] ** 2).sum()


def overflows(h, t):
    return h * jnp.where(t == BAD, 1e38, 1.0) * 1e3


def make_loss(spoil):
    def loss(p, x, y, t):
        h = jnp.tanh(x @ p["first"]["w"] + p["first"]["b"])
        h = jnp.tanh(spoil(h @ p["second"]["w"] + p["second"]["b"], t))
        return jnp.mean((h @ p["third"]["w"] + p["third"]["b"] - y) ** 2)

    return loss


def train(loss, steps=10, donated=False, **options):
    p = params()
    watcher = gg.watch(loss, p, **options)
    grad = jax.jit(jax.value_and_grad(loss))
    move = jax.jit(
        lambda p, g: jax.tree.map(lambda a, b: a - 0.05 * b, p, g),
        donate_argnums=(0,) if donated else (),
    )
    with watcher:
        for t in range(steps):
            value, grads = grad(p, X, Y, float(t))
            watcher.step(p, grads, batch=(X, Y, float(t)), loss=value)
            p = move(p, grads)
    return watcher.run


def origin(run):
    names = [layer.name for layer in run.layers]
    at = int(run.figure("non_finite_layer")[0])
    layer = names[at - 1] if at > 0 else ""
    step = int(run.figure("non_finite_step")[0])
    return step, layer, run.attributes["non_finite_operation"]


@pytest.mark.parametrize("options", [{"every": 1}, {"every": 4}, {}])
@pytest.mark.parametrize(
    ("spoil", "operation"),
    [(divides, "div"), (logs, "log"), (overflows, "mul"), (roots, "sqrt_vjp")],
)
def test_step_layer_and_operation_at_any_sampling(spoil, operation, options):
    assert origin(train(make_loss(spoil), **options)) == (BAD, "second", operation)


def test_it_is_found_where_parameters_are_donated_to_the_update():
    assert origin(train(make_loss(divides), donated=True)) == (BAD, "second", "div")


def test_a_batch_that_is_not_finite():
    def spoiled(p, x, y, t):
        return make_loss(lambda h, _: h)(p, x, y, 0.0) + 0 * t

    p = params()
    watcher = gg.watch(spoiled, p, every=3)
    for t in range(4):
        x = np.where(t == 2, np.nan, X)
        grads = jax.grad(spoiled)(p, x, Y, 0.0)
        watcher.step(p, grads, batch=(x, Y, 0.0))
    watcher.close()
    assert origin(watcher.run) == (2, "first", "input")


def test_an_update_that_spoils_the_weights():
    loss = make_loss(lambda h, _: h)
    p = params()
    watcher = gg.watch(loss, p, every=3)
    for t in range(4):
        grads = jax.grad(loss)(p, X, Y, 0.0)
        watcher.step(p, grads, batch=(X, Y, 0.0))
        if t == 1:
            p = {**p, "second": {**p["second"], "w": p["second"]["w"] * jnp.inf}}
    watcher.close()
    assert origin(watcher.run) == (1, "second", "update")


def test_stop_on_nan_raises_at_the_step():
    seen = []
    with pytest.raises(NotFinite) as stopped:
        train(make_loss(divides), stop_on_nan=True, to=[Told(seen)])
    assert (stopped.value.step, stopped.value.layer) == (BAD, "second")
    assert stopped.value.operation == "div"
    assert seen == ["closed"]


class Told:
    def __init__(self, seen):
        self.seen = seen

    def opened(self, layers, attributes):
        """Nothing to do."""

    def recorded(self, group, step, values):
        """Nothing to do."""

    def closed(self, run):
        del run
        self.seen.append("closed")


def test_a_healthy_training_has_none_and_masks_are_no_infinities():
    def loss(p, x, y, t):
        del t
        z = x @ p["first"]["w"]
        scores = jnp.where(jnp.tril(jnp.ones((16, 16))) > 0, z @ z.T, -jnp.inf)
        h = jax.nn.softmax(scores) @ jnp.tanh(z) @ p["second"]["w"]
        return jnp.mean((h @ p["third"]["w"] - y) ** 2)

    run = train(loss)
    assert origin(run) == (-1, "", "")
    assert not {n.reason for n in run.notes} & {"reading_failed", "probe_failed"}
