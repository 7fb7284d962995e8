"""Trainings of Flax (Linen, NNX), Equinox, Haiku and plain JAX."""

# These packages are installed for the whole battery only, not for the tests.
# pyright: reportMissingImports=false

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from corpus.watch.arrays_judge import norm_of
from corpus.watch.case import case
from corpus.watch.jax_judge import JaxTraining

KEY = jax.random.PRNGKey(3)


def batches(inputs: int = 12, outputs: int = 5) -> list[tuple[Any, Any]]:
    """Three batches of random inputs and labels."""
    rng = np.random.default_rng(5)
    labels = jnp.arange(16) % outputs
    return [(jnp.asarray(rng.normal(size=(16, inputs)), jnp.float32), labels) for _ in range(3)]


def cross_entropy(out: Any, y: Any) -> Any:
    """Mean over the batch."""
    return optax.softmax_cross_entropy_with_integer_labels(out, y).mean()


@case("jax")
def plain_dictionaries() -> JaxTraining:
    rng = np.random.default_rng(1)
    params = [
        {"w": jnp.asarray(rng.normal(0, 0.3, (a, b)), jnp.float32), "b": jnp.zeros(b)}
        for a, b in ((12, 24), (24, 24), (24, 5))
    ]

    def predict(params: Any, x: Any, shifts: Any) -> Any:
        for layer, shift in zip(params[:-1], shifts[:-1], strict=True):
            x = jnp.tanh(x @ layer["w"] + layer["b"] + shift)
        return x @ params[-1]["w"] + params[-1]["b"] + shifts[-1]

    def loss(params: Any, x: Any, y: Any) -> Any:
        return cross_entropy(predict(params, x, [0.0] * 3), y)

    x, y = batches()[0]
    zeros = [jnp.zeros((16, n)) for n in (24, 24, 5)]
    delta = jax.grad(lambda shifts: cross_entropy(predict(params, x, shifts), y))(zeros)
    return JaxTraining(
        loss,
        params,
        batches(),
        optax.adam(1e-2),
        {str(i): f"[{i}]['w']" for i in range(3)},
        {str(i): norm_of(delta[i]) for i in range(3)},
    )


@case("jax", "flax")
def linen_clipped() -> JaxTraining:
    import flax.linen as linen

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.relu(linen.Dense(24)(x))
            x = x + linen.Dense(24)(linen.gelu(linen.LayerNorm()(x)))
            return linen.Dense(5)(linen.tanh(x))

    net = Net()
    params = net.init(KEY, batches()[0][0])
    optimizer = optax.chain(optax.clip_by_global_norm(0.3), optax.adamw(1e-2))
    names = ("Dense_0", "Dense_1", "Dense_2")
    weights = {f"params.{n}": f"['params']['{n}']['kernel']" for n in names}
    weights["params.LayerNorm_0"] = "['params']['LayerNorm_0']['scale']"
    x, y = batches()[0]

    def shifted(shifts: dict[str, Any]) -> Any:
        def add(step: Any, args: Any, kwargs: Any, context: Any) -> Any:
            out = step(*args, **kwargs)
            return out + shifts[context.module.name] if context.module.name in shifts else out

        with linen.intercept_methods(add):
            return cross_entropy(net.apply(params, x), y)

    zeros = {n: jnp.zeros((16, 5 if n == "Dense_2" else 24)) for n in names}
    deltas = jax.grad(shifted)(zeros)
    return JaxTraining(
        lambda p, x, y: cross_entropy(net.apply(p, x), y),
        params,
        batches(),
        optimizer,
        weights,
        {f"params.{n}": norm_of(deltas[n]) for n in ("Dense_1", "Dense_2")},
    )


@case("jax", "flax")
def linen_convolutions() -> JaxTraining:
    import flax.linen as linen

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            x = linen.relu(linen.Conv(8, (3, 3))(x.reshape(-1, 6, 6, 1)))
            x = linen.silu(linen.Conv(8, (3, 3), strides=2)(x))
            return linen.Dense(5)(x.reshape(len(x), -1))

    net = Net()
    params = net.init(KEY, batches(36)[0][0])
    names = ("Conv_0", "Conv_1", "Dense_0")
    return JaxTraining(
        lambda p, x, y: cross_entropy(net.apply(p, x), y),
        params,
        batches(36),
        optax.sgd(0.1, 0.9),
        {f"params.{n}": f"['params']['{n}']['kernel']" for n in names},
    )


@case("jax", "flax")
def linen_accumulates() -> JaxTraining:
    import flax.linen as linen

    net = linen.Sequential([linen.Dense(24), linen.tanh, linen.Dense(5)])
    params = net.init(KEY, batches()[0][0])
    names = ("layers_0", "layers_2")
    return JaxTraining(
        lambda p, x, y: cross_entropy(net.apply(p, x), y),
        params,
        batches(),
        optax.MultiSteps(optax.adam(1e-2), 2),
        {f"params.{n}": f"['params']['{n}']['kernel']" for n in names},
    )


@case("jax", "flax")
def nnx_gelu() -> JaxTraining:
    from flax import nnx

    class Net(nnx.Module):
        def __init__(self, rngs: Any):
            self.a, self.b = nnx.Linear(12, 24, rngs=rngs), nnx.Linear(24, 5, rngs=rngs)

        def __call__(self, x: Any) -> Any:
            return self.b(nnx.gelu(self.a(x)))

    graph, params = nnx.split(Net(nnx.Rngs(0)))
    return JaxTraining(
        lambda p, x, y: cross_entropy(nnx.merge(graph, p)(x), y),
        params,
        batches(),
        optax.adam(1e-2),
        {n: f"['{n}']['kernel'].value" for n in ("a", "b")},
    )


@case("jax", "equinox")
def equinox_mapped() -> JaxTraining:
    import equinox

    net = equinox.nn.MLP(12, 5, 24, 2, key=KEY)
    params, static = equinox.partition(net, equinox.is_array)
    return JaxTraining(
        lambda p, x, y: cross_entropy(jax.vmap(equinox.combine(p, static))(x), y),
        params,
        batches(),
        optax.adam(1e-2),
        {f"layers.{i}": f".layers[{i}].weight" for i in range(3)},
    )


@case("jax", "haiku")
def haiku_perceptron() -> JaxTraining:
    import haiku

    net = haiku.without_apply_rng(haiku.transform(lambda x: haiku.nets.MLP([24, 24, 5])(x)))
    params = net.init(KEY, batches()[0][0])
    names = [f"mlp/~/linear_{i}" for i in range(3)]
    return JaxTraining(
        lambda p, x, y: cross_entropy(net.apply(p, x), y),
        params,
        batches(),
        optax.lion(1e-3),
        {n: f"['{n}']['w']" for n in names},
    )
