"""Keras trainings of 2026b: healthy ones."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, losses, optimizers

from corpus.data import b2026 as d
from corpus.keras import models_b2026 as m
from corpus.keras.fits import keras_fit
from corpus.keras.models import Sparse, mlp
from corpus.keras.models import train as keras_trained
from corpus.pairs import pair
from corpus.skills import accuracy

KSGD = optimizers.SGD
Binary = "binary_crossentropy"


def _flat(arrays: Any) -> Any:
    return arrays[0].reshape(len(arrays[0]), -1), arrays[1]


def _raw_pixels(s: int, _: bool) -> Any:
    x, y = d.gratings(s)
    return keras_fit(m.gratings_net(s), Sparse, 16 * x, y, epochs=12, rate=2e-3)


pair("keras", None, "sixteen-greys", _raw_pixels, kind="convolution")
pair(
    "keras",
    None,
    "rate-high-but-fine",
    lambda s, _: keras_fit(
        mlp(16, 6, 1, 128, seed=s), Sparse, *d.vowels(s), rate=0.5, optimizer=KSGD
    ),
)
pair(
    "keras",
    None,
    "two-dozen-rows",
    lambda s, _: keras_fit(
        mlp(60, 1, 1, 16, out="sigmoid", seed=s),
        Binary,
        d.genes(s)[0][:24],
        d.genes(s)[1][:24, :1],
        epochs=60,
        rate=5e-3,
    ),
    task="binary",
)


def _transfer(s: int, _: bool) -> Any:
    x, y = d.gratings(s)
    body = keras_trained(_compiled(m.gratings_net(s)), x, y, 6)
    keras.utils.set_random_seed(s + 1)
    base = keras.Sequential([keras.Input((10, 10, 1)), *body.layers[:-1]], name="base")
    base.trainable = False
    model = keras.Sequential(
        [keras.Input((10, 10, 1)), base, layers.Dense(1, "sigmoid", name="head")]
    )
    return keras_fit(model, Binary, x, y % 2, rate=5e-3)


def _compiled(model: Any) -> Any:
    model.compile("adam", Sparse)
    return model


pair("keras", None, "frozen-base", _transfer, kind="convolution", task="binary")


def _two_heads(s: int, _: bool) -> Any:
    x, y = d.vowels(s)
    return keras_fit(
        m.two_heads(s),
        {"kind": Sparse, "size": "mse"},
        x,
        {"kind": y, "size": x[:, :2].sum(1, keepdims=True)},
        y,
    )


pair(
    "keras",
    None,
    "two-heads",
    _two_heads,
    skill=lambda out, y: accuracy(out["kind"] if isinstance(out, dict) else out[0], y),
)


def _own_step(s: int, _: bool) -> Any:
    keras.utils.set_random_seed(s)
    model = m.OwnStep(6)
    x, y = d.vowels(s)
    model.build(x.shape)
    return keras_fit(model, Sparse, x, y, rate=2e-3)


pair("keras", None, "own-train-step", _own_step)


def _vae(s: int, _: bool) -> Any:
    x, _y = _flat(d.gratings(s))
    keras.utils.set_random_seed(s)
    model = m.Sampling(100, 8)
    model.build(x.shape)
    return keras_fit(model, "mse", x, x, epochs=25, rate=3e-3)


pair("keras", None, "variational", _vae, task="regression")


def _quantile(y: Any, p: Any) -> Any:
    e = y - p
    return keras.ops.mean(keras.ops.maximum(0.9 * e, -0.1 * e))


pair(
    "keras",
    None,
    "quantile",
    lambda s, _: keras_fit(
        mlp(4, 1, 2, out="", seed=s), _quantile, *d.tails(s), epochs=15, rate=2e-3
    ),
    task="regression",
    skill=lambda out, y: float(np.mean(y <= out)),
)
pair(
    "keras",
    None,
    "poisson-exp",
    lambda s, _: keras_fit(
        mlp(5, 1, 2, out="exponential", seed=s),
        "poisson",
        d.houses_scaled(s)[0],
        np.random.default_rng(s).poisson(np.exp(0.8 * d.houses_scaled(s)[1])).astype("float32"),
        epochs=12,
    ),
    task="regression",
)
pair(
    "keras",
    None,
    "heavy-decay",
    lambda s, _: keras_fit(
        mlp(16, 6, 2, 64, seed=s),
        Sparse,
        *d.vowels(s),
        optimizer=optimizers.AdamW,
        weight_decay=0.3,
        rate=2e-3,
    ),
)
pair(
    "keras",
    None,
    "slow-sgd",
    lambda s, _: keras_fit(
        mlp(16, 6, 2, seed=s), Sparse, *d.vowels(s), optimizer=KSGD, rate=0.01, epochs=15
    ),
)


def _seq2seq(s: int, _: bool) -> Any:
    x, _y = d.demand(s)
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((15, 1)),
            layers.GRU(20, return_sequences=True),
            layers.TimeDistributed(layers.Dense(1)),
        ]
    )
    return keras_fit(model, "mse", x[:, :-1], x[:, 1:], epochs=8, rate=5e-3)


pair("keras", None, "sequence-to-sequence", _seq2seq, kind="recurrent", task="regression")


def _masked(s: int, _: bool) -> Any:
    keras.utils.set_random_seed(s)
    model = keras.Sequential(
        [
            keras.Input((12,), dtype="int32"),
            layers.Embedding(80, 16, mask_zero=True),
            layers.Bidirectional(layers.LSTM(8)),
            layers.Dense(1, "sigmoid"),
        ]
    )
    x, y = d.reviews(s)
    x = np.where(np.arange(12) < np.random.default_rng(s).integers(8, 13, (len(x), 1)), x, 0)
    return keras_fit(model, Binary, x, y, epochs=12, rate=5e-3)


pair("keras", None, "masked-bidirectional", _masked, kind="recurrent", task="binary")
pair(
    "keras",
    None,
    "pixels-bce",
    lambda s, _: keras_fit(
        mlp(100, 100, 1, 64, out="sigmoid", seed=s),
        Binary,
        _flat(d.gratings(s))[0],
        _flat(d.gratings(s))[0],
        epochs=20,
        rate=5e-3,
    ),
    task="regression",
)


def _selu(s: int, _: bool) -> Any:
    keras.utils.set_random_seed(s)
    stack: list[Any] = [keras.Input((16,))]
    for _i in range(8):
        stack += [
            layers.Dense(32, "selu", kernel_initializer="lecun_normal"),
            layers.AlphaDropout(0.05),
        ]
    return keras_fit(keras.Sequential([*stack, layers.Dense(6, "softmax")]), Sparse, *d.vowels(s))


pair("keras", None, "selu-8", _selu)
pair(
    "keras",
    None,
    "early-stopping",
    lambda s, _: keras_fit(
        mlp(5, 1, 2, 64, out="", seed=s),
        "mae",
        *d.houses_scaled(s),
        epochs=20,
        optimizer=optimizers.Nadam,
        fit={
            "validation_split": 0.2,
            "callbacks": [keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)],
        },
    ),
    task="regression",
)
pair(
    "keras",
    None,
    "sigmoid-3-layers",
    lambda s, _: keras_fit(
        mlp(16, 6, 3, 64, "sigmoid", seed=s), Sparse, *d.vowels(s), rate=5e-3, epochs=12
    ),
)
pair(
    "keras",
    None,
    "label-smoothing",
    lambda s, _: keras_fit(
        m.gratings_net(s),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        d.gratings(s)[0],
        np.eye(4, dtype="float32")[d.gratings(s)[1]],
        d.gratings(s)[1],
        rate=3e-3,
    ),
    kind="convolution",
)


def _hinge(s: int, _: bool) -> Any:
    x, y = d.genes(s)
    return keras_fit(mlp(60, 1, 1, out="", seed=s), "hinge", x, 2 * y[:, :1] - 1, y[:, :1])


pair(
    "keras",
    None,
    "hinge",
    _hinge,
    task="binary",
    skill=lambda out, y: float(np.mean((out > 0) == (y > 0))),
)
