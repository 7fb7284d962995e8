"""Compare your own networks in plain JAX: the same perceptron with two initial scales. Each function
returns loss(params, x, y), params, predict(params, x) and an optax optimizer; its random key is
created from `seed`."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import optax

import gradgauge as gg

WIDTHS = (12, *[32] * 8, 3)


def perceptron(seed, scale):
    keys = jax.random.split(jax.random.key(seed), len(WIDTHS) - 1)
    params = [
        {"weight": scale * jax.random.normal(key, (m, n)) / m**0.5, "bias": jnp.zeros(n)}
        for key, m, n in zip(keys, WIDTHS, WIDTHS[1:], strict=False)
    ]

    def predict(params, x):
        *hidden, last = params
        for layer in hidden:
            x = jnp.tanh(x @ layer["weight"] + layer["bias"])
        return x @ last["weight"] + last["bias"]

    def loss(params, x, y):
        return optax.softmax_cross_entropy_with_integer_labels(predict(params, x), y).mean()

    return loss, params, predict, optax.adam(1e-3)


def make_critical(seed):
    return perceptron(seed, 1.0)


def make_small(seed):
    return perceptron(seed, 0.3)


if __name__ == "__main__":
    short = os.environ.get("GRADGAUGE_EXAMPLES") == "short"
    rng = np.random.default_rng(0)
    y = np.arange(1_200) % 3
    x = rng.normal(size=(3, 12))[y] + rng.normal(size=(1_200, 12))
    result = gg.compare(
        make_critical, make_small, x=x, y=y, epochs=1 if short else 5, batch_size=40, seeds=2
    )
    gg.write_report(result, "scales.html")
    for name in result.names:
        print(name, result.test_accuracy(name).mean, result.attenuation(name).decades)
