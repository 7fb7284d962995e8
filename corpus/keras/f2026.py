"""Keras trainings of 2026f: faulty ones beside their mended twins."""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import layers, ops

from corpus.data import e2026 as d
from corpus.keras.fits import keras_fit
from corpus.keras.models import Sparse
from corpus.pairs import pair as pair_of

pair = functools.partial(pair_of, "keras", of="2026f")


def _stack(s: int, features: int, *more: Any) -> Any:
    keras.utils.set_random_seed(s)
    hidden = [layers.Dense(32, "relu", name="h1"), layers.Dense(32, "relu", name="h2")]
    return keras.Sequential([keras.Input((features,)), *hidden, *more])


def _tanh(s: int, b: bool) -> Any:
    """A tanh gives what binary cross-entropy takes for a probability."""
    x, y = d.tumors(s)
    model = _stack(s, 30, layers.Dense(1, "tanh" if b else "sigmoid", name="out"))
    return keras_fit(model, "binary_crossentropy", x, y.astype("float32"), epochs=8, rate=3e-3)


pair(("loss-mismatch", "loss-not-falling"), "tanh-as-probability", _tanh, task="binary")


def _relu_softmax(s: int, b: bool) -> Any:
    """The layer in front of the softmax has a ReLU."""
    out = layers.Dense(10, "relu" if b else None, name="scores")
    model = _stack(s, 64, out, layers.Softmax(name="out"))
    return keras_fit(model, Sparse, *d.digits(s), epochs=8, rate=3e-3)


pair(("loss-mismatch", "dead-units", "loss-not-falling"), "relu-before-softmax", _relu_softmax)


def _last_dropout(s: int, b: bool) -> Any:
    """Dropout stands behind the last layer of a regression."""
    x, y = d.waves(s)
    drop, out = layers.Dropout(0.3, name="drop"), layers.Dense(1, name="out")
    model = _stack(s, 5, *((out, drop) if b else (out,)))
    return keras_fit(model, "mse", x, y, epochs=15, rate=3e-3)


pair(
    ("loss-mismatch", "train-eval-gap", "loss-not-falling"),
    "dropout-behind-the-last-layer",
    _last_dropout,
    task="regression",
)


class _Best(layers.Layer):
    """The number of the likeliest class; right: its expectation."""

    def __init__(self, wrong: bool, **o: Any):
        super().__init__(**o)
        self.wrong = wrong

    def call(self, x: Any) -> Any:
        if self.wrong:
            return ops.cast(ops.argmax(x, -1, keepdims=True), "float32")
        return ops.sum(ops.softmax(x) * ops.arange(10, dtype="float32"), -1, keepdims=True)


def _best(s: int, b: bool) -> Any:
    """The likeliest class's number goes into a squared loss."""
    x, y = d.digits(s)
    model = _stack(s, 64, layers.Dense(10, name="scores"), _Best(b, name="best"))
    return keras_fit(model, "mse", x, y.astype("float32")[:, None], epochs=12, rate=5e-3)


pair(("unreached-layer", "loss-not-falling"), "number-of-the-likeliest", _best, task="regression")


def _climbs(s: int, b: bool) -> Any:
    """A reward is given to an optimizer that descends."""

    def likelihood(y: Any, p: Any) -> Any:
        sign = 1.0 if b else -1.0
        return sign * ops.log(ops.sum(ops.one_hot(ops.cast(y[:, 0], "int32"), 10) * p, -1) + 1e-6)

    x, y = d.digits(s)
    model = _stack(s, 64, layers.Dense(10, "softmax", name="out"))
    return keras_fit(model, likelihood, x, y[:, None], truth=y, epochs=8, rate=3e-3)


pair(
    ("loss-mismatch", "loss-not-falling", "regressed"),
    "likelihood-without-a-minus",
    _climbs,
)
