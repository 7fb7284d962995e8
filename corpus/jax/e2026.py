"""JAX trainings of 2026e: faulty ones beside their mended twins, and healthy ones."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from corpus.data import e2026 as d
from corpus.jax.fits import jax_fit
from corpus.jax.models import Jax
from corpus.pairs import pair as pair_of
from corpus.skills import neighbors

pair = functools.partial(pair_of, "jax", of="2026e")


def fit(
    params: Any, predict: Any, x: Any, y: Any, optimizer: Any, epochs: int = 8, loss: Any = None
) -> Any:
    """A function with a loss of its own, by default cross-entropy."""

    def cross_entropy(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(predict(params, x))
        return -jnp.take_along_axis(log, y[:, None], 1).mean()

    own: Any = SimpleNamespace(loss=loss or cross_entropy, params=params, predict=predict, kind="")
    args, options, truth = jax_fit(own, x, y, optimizer, epochs)
    options.pop("kind")
    return args, options, truth


def _axis_zero(s: int, b: bool) -> Any:
    """Layer normalization written for one row, and called with a batch."""
    net = Jax([64, 48, 48, 10], s)
    axis = 0 if b else -1

    def predict(params: Any, x: Any) -> Any:
        for layer in params[:-1]:
            h = x @ layer["w"] + layer["b"]
            mean, spread = h.mean(axis, keepdims=True), h.std(axis, keepdims=True)
            x = jax.nn.relu((h - mean) / (spread + 1e-5))
        return x @ params[-1]["w"] + params[-1]["b"]

    return fit(net.params, predict, *d.digits(s), optax.adam(3e-3))


# It learns; of one row alone it can say nothing at all.
pair("batch-mixing", "layer-norm-along-axis-zero", _axis_zero)


def _clipped_behind(s: int, b: bool) -> Any:
    """Clipping stands behind Adam, where it clips steps and not gradients."""
    clip, adam = optax.clip_by_global_norm(1e-3), optax.adam(3e-3)
    both = optax.chain(adam, clip) if b else optax.chain(clip, adam)
    return jax_fit(Jax([64, 48, 10], s), *d.digits(s), both, 8)


pair(
    ("learning-rate-too-low", "update-ratio", "loss-not-falling"),
    "clipped-behind-adam",
    _clipped_behind,
)


def _hard_choice(s: int, b: bool) -> Any:
    """A code made one-hot by argmax lets no gradient through; a softmax does."""
    net = Jax([64, 16, 48, 64], s, kind="mse")

    def predict(params: Any, x: Any) -> Any:
        scores = (x @ params[0]["w"] + params[0]["b"]).reshape(len(x), 2, 8)
        soft = jax.nn.softmax(4 * scores)
        code = jax.nn.one_hot(scores.argmax(-1), 8) if b else soft
        h = jax.nn.relu(code.reshape(len(x), 16) @ params[1]["w"] + params[1]["b"])
        return h @ params[2]["w"] + params[2]["b"]

    def loss(params: Any, x: Any, y: Any) -> Any:
        return jnp.mean((predict(params, x) - y) ** 2)

    x, _ = d.digits(s)
    return fit(net.params, predict, x, x, optax.adam(5e-3), 14, loss)


pair("unreached-layer", "code-chosen-by-argmax", _hard_choice, task="regression")


def _past_the_table(s: int, b: bool) -> Any:
    """Words are counted from 100 on; the table has 60, and JAX takes the last one for all."""
    x, y = d.topics(s)
    rng = np.random.default_rng(s)
    table = jnp.asarray(rng.normal(0, 0.5, (60, 24)), jnp.float32)
    net = Jax([24, 24, 4], s)
    params = {"table": table, "net": net.params}

    def predict(params: Any, x: Any) -> Any:
        words = jnp.take(params["table"], x, axis=0, mode="clip")
        return net.predict(params["net"], words.mean(1))

    return fit(params, predict, x + 100 if b else x, y, optax.adam(5e-3))


pair(
    ("index-out-of-range", "signal-collapse", "loss-not-falling"),
    "words-past-the-table",
    _past_the_table,
)


# -- healthy


def _four(s: int, _: bool) -> Any:
    """Four networks side by side, which get the same rows; their losses are added up."""
    nets = [Jax([64, 24, 10], s + i) for i in range(4)]
    params = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[net.params for net in nets])

    def each(params: Any, x: Any) -> Any:
        return jax.vmap(nets[0].predict, (0, None))(params, x)

    def predict(params: Any, x: Any) -> Any:
        return jax.nn.log_softmax(each(params, x)).mean(0)

    def loss(params: Any, x: Any, y: Any) -> Any:
        log = jax.nn.log_softmax(each(params, x))
        return -jnp.take_along_axis(log, y[None, :, None], 2).mean((1, 2)).sum()

    return fit(params, predict, *d.digits(s), optax.adam(3e-3), 8, loss)


pair(None, "four-networks-side-by-side", _four)


def _tied(s: int, _: bool) -> Any:
    """An autoencoder that decodes by the transposes of the matrices that it encodes with."""
    x, _y = d.digits(s)
    params = [*Jax([64, 48, 12], s).params, {"b": jnp.zeros(48)}, {"b": jnp.zeros(64)}]

    def predict(params: Any, x: Any) -> Any:
        first, second, third, fourth = params
        code = jax.nn.tanh(x @ first["w"] + first["b"]) @ second["w"] + second["b"]
        return jax.nn.tanh(code @ second["w"].T + third["b"]) @ first["w"].T + fourth["b"]

    def loss(params: Any, x: Any, y: Any) -> Any:
        return jnp.mean((predict(params, x) - y) ** 2)

    return fit(params, predict, x, x, optax.adam(3e-3), 15, loss)


pair(None, "decodes-by-the-transpose", _tied, task="regression")


def _one_detached(s: int, _: bool) -> Any:
    """Two views draw each other through a predictor; the target's side is detached."""
    params = {"net": Jax([20, 48, 12], s).params, "guess": Jax([12, 12, 12], s + 1).params}
    net = Jax([20, 48, 12], s)

    def embed(params: Any, x: Any) -> Any:
        return net.predict(params["net"], x)

    def loss(params: Any, x: Any, y: Any) -> Any:  # noqa: ARG001 the pairs are the targets
        z = embed(params, x)
        z = (z - z.mean((0, 1))) / (z.std((0, 1)) + 1e-3)
        guess = net.predict(params["guess"], z)
        wanted = jax.lax.stop_gradient(z[:, ::-1])
        near = (guess * wanted).sum(-1)
        return -(near / (jnp.linalg.norm(guess, axis=-1) * jnp.linalg.norm(wanted, axis=-1))).mean()

    return fit(params, embed, *d.twins(s), optax.adam(2e-3), 12, loss)


pair(None, "two-views-one-detached", _one_detached, skill=lambda out, y: neighbors(out[:, 0], y))
