"""Watch a JAX training loop: report every step to the watcher. The parameters can be any pytree."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import gradgauge as gg

keys = jax.random.split(jax.random.PRNGKey(0), 5)
widths = [20, 32, 32, 32, 2]
params = [
    {"kernel": jax.random.normal(k, (m, n)) / jnp.sqrt(m), "bias": jnp.zeros(n)}
    for k, m, n in zip(keys, widths[:-1], widths[1:], strict=False)
]


def loss(params, x, y):
    for layer in params[:-1]:
        x = jnp.tanh(x @ layer["kernel"] + layer["bias"])
    logits = x @ params[-1]["kernel"] + params[-1]["bias"]
    return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()


x = jax.random.normal(keys[4], (64, 20))
y = (x.sum(axis=1) > 0).astype(int)
optimizer = optax.adam(1e-3)
state = optimizer.init(params)
gradient = jax.jit(jax.value_and_grad(loss))

watcher = gg.watch(loss, params)
for _ in range(5):
    value, grads = gradient(params, x, y)
    updates, state = optimizer.update(grads, state)
    watcher.step(params, grads, updates, batch=(x, y), loss=value)
    params = optax.apply_updates(params, updates)
watcher.close()
print(np.round(watcher.run.values("probes", "slope_gain")[0, 0], 3))
