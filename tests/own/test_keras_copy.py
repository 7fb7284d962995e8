"""Copies of Keras models with parts of their own train as the model would, which stays as it was."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from gradgauge.own.keras_copy import copied_model


def squared(y, outputs):
    return keras.ops.mean((y - outputs) ** 2)


class Scaled(keras.layers.Layer):
    """Has no `get_config`, and takes no name."""

    def __init__(self, factor):
        super().__init__()
        self.factor, self.dense = factor, keras.layers.Dense(3)

    def call(self, x):
        return self.factor * self.dense(x)


class Own(keras.Model):
    def __init__(self, units):
        super().__init__()
        self.hidden, self.out = keras.layers.Dense(units), keras.layers.Dense(2)

    def call(self, x):
        return self.out(self.hidden(x))


class Steps(keras.optimizers.SGD):
    pass


def chain(*layers, loss: Any = "mse", optimizer: Any = "sgd"):
    model = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2)])
    model.compile(optimizer, loss)
    return model


def subclassed():
    model = Own(5)
    model.compile("adam", "mse")
    model(np.ones((2, 4), np.float32))
    return model


MODELS = {
    "layer": lambda: chain(Scaled(0.5)),
    "loss": lambda: chain(loss=squared),
    "optimizer": lambda: chain(optimizer=Steps(0.1)),
    "activation": lambda: chain(keras.layers.Dense(3, activation=lambda x: 2 * x)),
    "model": subclassed,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_copy_trains_alike_and_leaves_the_model_as_it_was(name):
    model = MODELS[name]()
    x = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
    before = [np.array(v) for v in (*model.variables, *model.optimizer.variables)]
    copied = copied_model(model)
    copied.fit(x, x[:, :2], epochs=2, shuffle=False, verbose=0)
    after = [np.array(v) for v in (*model.variables, *model.optimizer.variables)]
    assert all(map(np.array_equal, before, after))
    model.fit(x, x[:, :2], epochs=2, shuffle=False, verbose=0)
    for own, theirs in zip(model.get_weights(), copied.get_weights(), strict=True):
        np.testing.assert_allclose(own, theirs, rtol=1e-6)
    assert copied.optimizer is not model.optimizer
