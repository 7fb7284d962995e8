"""Keras trainings of 2026c: faulty ones beside their mended twins, and healthy ones."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import initializers, layers, ops, optimizers

from corpus.data import c2026 as d
from corpus.keras.fits import keras_fit
from corpus.keras.models import Sparse, mlp
from corpus.pairs import pair as pair_of
from corpus.skills import neighbors

pair = functools.partial(pair_of, "keras", of="2026c")
SGD = optimizers.SGD


def _one_unit(s: int, b: bool) -> Any:
    x, y = d.sensors(s)
    y = (y % 2).astype("float32")[:, None]
    model = mlp(10, 1, 2, 32, out="softmax" if b else "sigmoid", seed=s)
    return keras_fit(model, "binary_crossentropy", x, y, epochs=12, rate=3e-3)


pair("loss-mismatch", "softmax-of-one", _one_unit, ("out",), task="binary")


def _own_squares(s: int, b: bool) -> Any:
    def loss(y: Any, out: Any) -> Any:
        return ops.mean((y - (out[:, 0] if b else out)) ** 2)

    model = mlp(6, 1, 2, 32, out="", seed=s)
    return keras_fit(model, loss, *d.yields(s), epochs=12, rate=3e-3)


pair(
    ("loss-mismatch", "loss-not-falling"), "own-squares-broadcast", _own_squares, task="regression"
)


def _decays(s: int, b: bool) -> Any:
    rate = optimizers.schedules.ExponentialDecay(3e-3, 1 if b else 400, 0.8)
    return keras_fit(mlp(10, 4, 2, 48, seed=s), Sparse, *d.sensors(s), epochs=10, rate=rate)


pair(("learning-rate-too-low", "update-ratio"), "decay-every-step", _decays)


def _sign(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            layers.Dense(4, "tanh", name="code"),
            layers.Lambda(ops.sign if b else ops.tanh, name="bit"),
            layers.Dense(32, "relu", name="wide"),
            layers.Dense(4, "softmax", name="out"),
        ]
    )
    return keras_fit(model, Sparse, *d.sensors(s), epochs=12, rate=5e-3)


pair("unreached-layer", "sign-in-a-lambda", _sign, ("code",))


def _in_order(s: int, b: bool) -> Any:
    x, y = d.groups(s, apart=0.6)
    order = np.argsort(y, kind="stable")
    fit = {"shuffle": not b, "batch_size": 10}
    model = mlp(24, 6, 2, 48, seed=s)
    return keras_fit(
        model, Sparse, x[order], y[order], epochs=3, rate=0.05, optimizer=SGD, momentum=0.9, fit=fit
    )


pair(("unshuffled-batches", "regressed", "loss-not-falling"), "sorted-not-shuffled", _in_order)


def _slow_statistics(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((10,)),
            layers.Dense(48, bias_initializer=initializers.RandomNormal(stddev=4.0, seed=s)),
            layers.BatchNormalization(momentum=0.9999 if b else 0.9, name="norm"),
            layers.ReLU(),
            layers.Dense(48, "relu", name="h2"),
            layers.Dense(4, "softmax", name="out"),
        ]
    )
    return keras_fit(model, Sparse, *d.sensors(s), epochs=8, rate=3e-3)


pair("train-eval-gap", "batchnorm-momentum-0.9999", _slow_statistics, ("norm",))


class _Turn(layers.Layer):
    """Time first; wrong: by a reshape, which mixes samples."""

    def __init__(self, wrong: bool, **o: Any):
        super().__init__(**o)
        self.wrong = wrong

    def call(self, x: Any) -> Any:
        if self.wrong:
            return ops.reshape(x, (16, -1, 2))
        return ops.transpose(x, (1, 0, 2))


class _Last(layers.Layer):
    """The last of a sequence whose steps come first."""

    def __init__(self, **o: Any):
        super().__init__(**o)
        self.cell = layers.GRU(24)

    def call(self, x: Any) -> Any:
        return self.cell(ops.transpose(x, (1, 0, 2)))


def _turned(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    x, y = d.calls(s, 960)
    given = keras.Input((16, 2))
    h = _Last(name="last")(_Turn(b, name="turn")(given))
    model = keras.Model(given, layers.Dense(3, "softmax", name="out")(h))
    return keras_fit(model, Sparse, x, y, epochs=8, rate=1e-2)


pair("batch-mixing", "reshape-instead-of-transpose", _turned, kind="recurrent")


def _clips(s: int, b: bool) -> Any:
    model = mlp(10, 4, 2, 48, seed=s)
    value = {"clipvalue": 1e-6 if b else 1.0}
    return keras_fit(model, Sparse, *d.sensors(s), epochs=12, rate=0.1, optimizer=SGD, **value)


pair(
    ("learning-rate-too-low", "update-ratio", "loss-not-falling"), "clipvalue-one-millionth", _clips
)


def _thousands(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    x, y = d.calls(s)
    x = x * 3000 + 20_000 if b else x
    model = keras.Sequential(
        [keras.Input((16, 2)), layers.LSTM(24, name="cell"), layers.Dense(3, "softmax", name="out")]
    )
    return keras_fit(model, Sparse, x.astype("float32"), y, epochs=12, rate=1e-2)


pair(
    ("unscaled-input", "saturated-units"),
    "lstm-on-raw-counts",
    _thousands,
    ("cell",),
    kind="recurrent",
)


def _equal(s: int, b: bool) -> Any:
    init = {"kernel_initializer": "ones" if b else "glorot_uniform"}
    return keras_fit(mlp(24, 6, 2, 32, "tanh", seed=s, **init), Sparse, *d.groups(s), epochs=6)


pair(
    ("constant-initialization", "bad-initial-scale", "saturated-units"),
    "ones",
    _equal,
    ("h1", "h2"),
)


def _all_frozen(s: int, b: bool) -> Any:
    model = mlp(10, 4, 3, 10, "tanh", seed=s)
    for name in ("h1", "h2"):
        model.get_layer(name).trainable = not b
    return keras_fit(model, Sparse, *d.sensors(s), epochs=12, rate=5e-3)


pair("unreached-layer", "fresh-layers-frozen", _all_frozen, ("h1", "h2"))


# -- healthy


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair(None, name, lambda s, _: make(s), **o)


def _smoothed(s: int) -> Any:
    x, y = d.groups(s)
    hot = np.eye(6, dtype="float32")[y]
    loss = keras.losses.CategoricalCrossentropy(label_smoothing=0.3)
    return keras_fit(mlp(24, 6, seed=s), loss, x, hot, y, epochs=8, rate=3e-3)


healthy("labels-smoothed", _smoothed)


def _dropped(s: int) -> Any:
    model = mlp(24, 6, 2, 96, seed=s, extra=lambda: layers.Dropout(0.6))
    return keras_fit(model, Sparse, *d.groups(s), epochs=10, rate=3e-3)


healthy("dropout-six-of-ten", _dropped)


def _warm(s: int) -> Any:
    rate = optimizers.schedules.CosineDecay(1e-6, 260, warmup_target=5e-3, warmup_steps=120)
    return keras_fit(mlp(10, 4, 2, 48, seed=s), Sparse, *d.sensors(s), epochs=10, rate=rate)


healthy("warm-up-then-cosine", _warm)


def _quantiles(s: int) -> Any:
    levels = np.array([0.1, 0.5, 0.9], "float32")

    def loss(y: Any, out: Any) -> Any:
        error = y - out
        return ops.mean(ops.maximum(levels * error, (levels - 1) * error))

    return keras_fit(mlp(6, 3, 2, 48, out="", seed=s), loss, *d.yields(s), epochs=15, rate=3e-3)


healthy(
    "three-quantiles",
    _quantiles,
    task="regression",
    skill=lambda out, y: 1 - float(np.mean((out[:, 1:2] - y) ** 2) / np.var(y)),
)


def _contrast(s: int) -> Any:
    def loss(y: Any, out: Any) -> Any:
        z = out / (ops.norm(out, axis=1, keepdims=True) + 1e-6)
        y = ops.reshape(y, (-1,))
        same = ops.cast(y[:, None] == y[None], "float32")
        return ops.mean((z @ ops.transpose(z) - same) ** 2)

    return keras_fit(mlp(24, 8, 1, 48, out="", seed=s), loss, *d.groups(s), epochs=8)


healthy("likeness-within-the-batch", _contrast, skill=neighbors)


def _padded(s: int) -> Any:
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(40, 16, mask_zero=True),
            layers.GRU(24, name="cell"),
            layers.Dense(1, "sigmoid"),
        ]
    )
    return keras_fit(model, "binary_crossentropy", *d.orders(s), epochs=10, rate=1e-2)


healthy("padding-masked-gru", _padded, kind="recurrent", task="binary")


def _rare(s: int) -> Any:
    x, y = d.faults(s)
    fit = {"class_weight": {0: 1.0, 1: 15.0}}
    return keras_fit(mlp(8, 2, 1, 32, seed=s), Sparse, x, y, epochs=8, rate=3e-3, fit=fit)


healthy("rare-class-weighs-more", _rare, task="binary")
