"""Keras trainings of 2026d: kinds of public bug reports, each beside its mended twin, and healthy ones."""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import layers, ops, optimizers

from corpus.data import c2026 as d
from corpus.keras.fits import keras_fit
from corpus.keras.models import Sparse, mlp
from corpus.pairs import pair as pair_of

pair = functools.partial(pair_of, "keras", of="2026d")
SGD = optimizers.SGD


def _axis_zero(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(32, "relu", name="h1"),
            layers.Dense(6, name="scores"),
            layers.Softmax(axis=0 if b else -1, name="out"),
        ]
    )
    return keras_fit(model, Sparse, *d.groups(s), epochs=6, rate=3e-3)


pair(("batch-mixing", "loss-mismatch"), "softmax-axis-zero", _axis_zero)


def _relu_out(s: int, b: bool) -> Any:
    model = mlp(24, 6, 1, 32, out="relu" if b else "softmax", seed=s)
    return keras_fit(model, Sparse, *d.groups(s), epochs=6, rate=3e-3)


pair("loss-mismatch", "relu-as-probabilities", _relu_out, ("out",))


def _logits(s: int, b: bool) -> Any:
    model = mlp(8, 1, 1, 32, out="" if b else "sigmoid", seed=s)
    x, y = d.faults(s, rate=0.4)
    return keras_fit(
        model, keras.losses.BinaryCrossentropy(), x, y.astype("float32")[:, None], y, epochs=8
    )


pair("loss-mismatch", "from-logits-forgotten", _logits, ("out",), task="binary")


def _sums(s: int, b: bool) -> Any:
    def loss(y: Any, out: Any) -> Any:
        return ops.sum(ops.square(y - out))

    rate = 0.1 if b else 1e-3
    return keras_fit(mlp(6, 1, 2, 48, out="", seed=s), loss, *d.yields(s), rate=rate, optimizer=SGD)


pair(
    ("learning-rate-too-high", "non-finite", "exploding-gradient", "dead-units"),
    "squares-summed",
    _sums,
    task="regression",
)


def _always(s: int, b: bool) -> Any:
    class Drop(layers.Layer):
        def __init__(self, **o: Any):
            super().__init__(**o)
            self.seed = keras.random.SeedGenerator(s)

        def call(self, x: Any, training: Any = None) -> Any:
            if not b and not training:
                return x
            return keras.random.dropout(x, 0.5, seed=self.seed)

    model = mlp(24, 6, 2, 64, seed=s, extra=Drop)
    return keras_fit(model, Sparse, *d.groups(s), epochs=8, rate=3e-3)


pair("train-eval-gap", "own-dropout-always", _always)


def _no_decay(s: int, b: bool) -> Any:
    rate = keras.callbacks.LearningRateScheduler(lambda _, r: r * (0.01 if b else 0.9))
    fit = {"callbacks": [rate]}
    return keras_fit(
        mlp(10, 4, 2, 48, seed=s), Sparse, *d.sensors(s), epochs=12, rate=3e-3, fit=fit
    )


pair(("learning-rate-too-low", "update-ratio"), "rate-a-hundredth-each-epoch", _no_decay)


# -- healthy


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair(None, name, lambda s, _: make(s), **o)


def _short(s: int) -> Any:
    """A short training with Keras's batch normalization, whose statistics follow slowly."""
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(48, name="h1"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(),
            layers.Dense(6, "softmax", name="out"),
        ]
    )
    return keras_fit(model, Sparse, *d.groups(s), epochs=3, rate=3e-3)


healthy("short-with-batch-statistics", _short)


def _frozen_norm(s: int) -> Any:
    """Fine-tuned with batch statistics that stay."""
    keras.utils.set_random_seed(s)
    x, y = d.groups(s)
    model = keras.Sequential(
        [
            keras.Input((24,)),
            layers.Dense(48, "relu", name="h1"),
            layers.BatchNormalization(name="norm", momentum=0.9),
            layers.Dense(6, "softmax", name="out"),
        ]
    )
    model.compile("adam", Sparse)
    model.fit(x, y, epochs=4, verbose=0)
    model.get_layer("norm").trainable = False
    return keras_fit(model, Sparse, x, y, epochs=4, rate=1e-3)


healthy("batch-statistics-stay", _frozen_norm)
