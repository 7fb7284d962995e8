"""Watch a Flax NNX model: split it, and watch the loss as a function of its parameters."""

import jax
import numpy as np
import optax
from flax import nnx

import gradgauge as gg


class Net(nnx.Module):
    def __init__(self, rngs):
        self.first = nnx.Linear(20, 32, rngs=rngs)
        self.norm = nnx.LayerNorm(32, rngs=rngs)
        self.head = nnx.Linear(32, 2, rngs=rngs)

    def __call__(self, x):
        return self.head(nnx.relu(self.norm(self.first(x))))


graph, params, rest = nnx.split(Net(nnx.Rngs(0)), nnx.Param, ...)


def loss(params, rest, x, y):
    logits = nnx.merge(graph, params, rest, copy=True)(x)
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


x = jax.random.normal(jax.random.PRNGKey(0), (64, 20))
y = (x.sum(axis=1) > 0).astype(int)
optimizer = optax.adam(1e-3)
state = optimizer.init(params)

watcher = gg.watch(loss, params)
for _ in range(5):
    grads = jax.grad(loss)(params, rest, x, y)
    updates, state = optimizer.update(grads, state)
    watcher.step(params, grads, updates, batch=(rest, x, y))
    params = optax.apply_updates(params, updates)
watcher.close()
print(watcher.run.attributes["layer_name"], np.round(watcher.run.values("probes", "dead")[0, 0], 3))
