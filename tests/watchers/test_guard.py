"""A reading that fails, wherever it fails, is a note; the training goes on as if nobody looked."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import gradgauge as gg
from gradgauge.watchers.jax import watcher as of_jax
from gradgauge.watchers.keras import watcher as of_keras

X = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("float32")[:, None]
PLACES = ("describe_slopes", "measure_layers")


def broken(*_: object, **__: object) -> None:
    raise ZeroDivisionError("not there")


def keras_weights(*callbacks: object) -> list[np.ndarray]:
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(5, "tanh"), keras.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    watchers = [gg.watch(model, X, Y, every=1)] if callbacks else []
    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=watchers)
    reasons = [note.reason for watcher in watchers for note in watcher.run.notes]
    if callbacks:
        assert reasons.count("reading_failed") == 1 and "let_go" in reasons
    return model.get_weights()


@pytest.mark.parametrize("place", PLACES)
def test_keras(monkeypatch, place):
    undisturbed = keras_weights()
    monkeypatch.setattr(of_keras, place, broken)
    watched = keras_weights("watched")
    assert all(np.array_equal(a, b) for a, b in zip(undisturbed, watched, strict=True))


def loss_of(params, x, y):
    return jnp.mean((jnp.tanh(x @ params["a"]) @ params["b"] - y) ** 2)


@pytest.mark.parametrize("place", [*PLACES, "leaf_norms"])
def test_jax(monkeypatch, place):
    monkeypatch.setattr(of_jax, place, broken)
    params = {"a": jnp.ones((4, 3)), "b": jnp.ones((3, 1))}
    watcher = gg.watch(loss_of, params, X, Y, every=1)
    for _ in range(6):
        grads = jax.grad(loss_of)(params, X, Y)
        updates = jax.tree.map(lambda g: -0.1 * g, grads)
        watcher.step(params, grads, updates)
        params = jax.tree.map(jnp.add, params, updates)
    watcher.close(params)
    assert watcher.steps_done == 6
    reasons = [note.reason for note in watcher.run.notes]
    assert reasons.count("reading_failed") == 1 and "let_go" in reasons
