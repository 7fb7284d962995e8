"""Watch an Equinox model: the model itself is the tree of parameters."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import gradgauge as gg

model = eqx.nn.MLP(20, 1, 32, 3, activation=jnp.tanh, key=jax.random.PRNGKey(0))
x = jax.random.normal(jax.random.PRNGKey(1), (64, 20))
y = x.sum(axis=1, keepdims=True)
optimizer = optax.adam(1e-3)
state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))


def loss(model, x, y):
    return jnp.mean((jax.vmap(model)(x) - y) ** 2)


watcher = gg.watch(loss, model)
for _ in range(5):
    grads = eqx.filter_grad(loss)(model, x, y)
    updates, state = optimizer.update(grads, state)
    watcher.step(model, grads, updates, batch=(x, y))
    model = eqx.apply_updates(model, updates)
watcher.close()
print(np.round(watcher.run.values("probes", "weight_gain")[0, 0], 3))
