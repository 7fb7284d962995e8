"""Networks of somebody's own, small, one function a framework and kind."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import torch
from torch import nn

SAMPLES, INPUTS, CLASSES = 240, 6, 3


def points(samples=SAMPLES):
    """Three classes of points."""
    rng = np.random.default_rng(3)
    y = np.arange(samples) % CLASSES
    x = 1.5 * rng.normal(size=(CLASSES, INPUTS))[y] + rng.normal(size=(samples, INPUTS))
    return x.astype(np.float32), y


def make_keras():
    import keras

    model = keras.Sequential(
        [
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(8, activation="tanh"),
            keras.layers.Dense(CLASSES, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def make_uncompiled():
    import keras

    return keras.Sequential([keras.layers.Dense(8, activation="relu"), keras.layers.Dense(CLASSES)])


def make_pytorch():
    model = nn.Sequential(
        nn.Linear(INPUTS, 8), nn.Tanh(), nn.Dropout(0.2), nn.Linear(8, 8), nn.Tanh()
    )
    model = nn.Sequential(model, nn.Linear(8, CLASSES))
    return torch.optim.Adam(model.parameters(), 1e-2), model, nn.CrossEntropyLoss()


class Named:
    """An object with named fields."""

    def __init__(self):
        self.net = nn.Sequential(nn.Linear(INPUTS, 8), nn.ReLU(), nn.Linear(8, CLASSES))
        self.criterion = nn.CrossEntropyLoss()
        self.optim = torch.optim.SGD(self.net.parameters(), 0.1)


def make_jax(seed):
    keys = jax.random.split(jax.random.key(seed), 2)
    params = {
        "first": jax.random.normal(keys[0], (INPUTS, 8)) / INPUTS**0.5,
        "second": jax.random.normal(keys[1], (8, CLASSES)) / 8**0.5,
    }

    def predict(params, x):
        return jnp.tanh(x @ params["first"]) @ params["second"]

    def loss(params, x, y):
        logits = predict(params, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    return loss, params, predict, optax.sgd(0.1)


MAKERS = {"keras": make_keras, "pytorch": make_pytorch, "jax": make_jax}
