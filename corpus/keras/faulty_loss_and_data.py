"""Faulty trainings in Keras: loss, rates, data."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, optimizers

from corpus.data import first as data
from corpus.keras.book import Binary, case, one_hot
from corpus.keras.models import (
    Logarithm,
    Root,
    Sparse,
    attention,
    conv,
    mlp,
    recurrent,
    words,
)

case(
    "loss-mismatch",
    "softmax-twice",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ("out",),
)
case(
    "loss-mismatch",
    "logits-sparse",
    data.blobs,
    lambda s: mlp(20, 5, out="", seed=s),
    Sparse,
    ("out",),
)
case(
    "loss-mismatch",
    "logits-categorical",
    data.blobs,
    lambda s: mlp(20, 5, out="", seed=s),
    "categorical_crossentropy",
    ("out",),
    y_of=one_hot,
)
case(
    "loss-mismatch",
    "sigmoid-twice",
    data.moons,
    lambda s: mlp(2, 1, out="sigmoid", seed=s),
    keras.losses.BinaryCrossentropy(from_logits=True),
    ("out",),
    task="binary",
)
case(
    "loss-mismatch",
    "logits-binary",
    data.moons,
    lambda s: mlp(2, 1, out="", seed=s),
    Binary,
    ("out",),
    task="binary",
)
case(
    "loss-mismatch",
    "softmax-one-unit",
    data.moons,
    lambda s: mlp(2, 1, out="softmax", seed=s),
    Binary,
    ("out",),
    task="binary",
)
case(
    "loss-mismatch",
    "sigmoid-categorical",
    data.blobs,
    lambda s: mlp(20, 5, out="sigmoid", seed=s),
    "categorical_crossentropy",
    ("out",),
    y_of=one_hot,
)
case(
    "loss-mismatch",
    "tanh-target",
    data.curve,
    lambda s: mlp(5, 1, out="tanh", seed=s),
    "mse",
    ("out",),
    task="regression",
    y_of=lambda y: 10 * y,
)
case(
    "loss-mismatch",
    "relu-target",
    data.curve,
    lambda s: mlp(5, 1, out="relu", seed=s),
    "mse",
    ("out",),
    task="regression",
)
case(
    "loss-mismatch",
    "labels-from-one",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    Sparse,
    ("out",),
    y_of=lambda y: y + 1,
)
case(
    "loss-mismatch",
    "labels-minus-one",
    data.moons,
    lambda s: mlp(2, 1, out="sigmoid", seed=s),
    Binary,
    ("out",),
    task="binary",
    y_of=lambda y: 2 * y - 1,
)
case(
    "loss-mismatch",
    "softmax-multi-label",
    data.several_labels,
    lambda s: mlp(12, 4, seed=s),
    Binary,
    ("out",),
    task="multi-label",
)

case(
    "unscaled-input",
    "table",
    data.table,
    lambda s: mlp(6, 1, out="sigmoid", seed=s),
    Binary,
    task="binary",
    rate=0.01,
    optimizer=optimizers.SGD,
)
case(
    "unscaled-input",
    "tanh-thousands",
    data.blobs,
    lambda s: mlp(20, 5, 2, activation="tanh", seed=s),
    x_of=lambda x: 1000 * x + 3000,
    rate=0.01,
    optimizer=optimizers.SGD,
)
case(
    "unscaled-input",
    "pixels-sgd",
    data.images,
    lambda s: conv(seed=s),
    kind="convolution",
    x_of=lambda x: 255 * x,
    rate=0.05,
    optimizer=optimizers.SGD,
)
case(
    "unscaled-input",
    "tiny-values",
    data.blobs,
    lambda s: mlp(20, 5, 2, seed=s),
    x_of=lambda x: 1e-4 * x,
    rate=0.01,
    optimizer=optimizers.SGD,
)
case(
    "unscaled-input",
    "regression",
    data.curve,
    lambda s: mlp(5, 1, out="", seed=s),
    "mse",
    task="regression",
    x_of=lambda x: 400 * x,
    rate=0.01,
    optimizer=optimizers.SGD,
)

case(
    "learning-rate-too-high",
    "sgd-10",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    rate=10.0,
    optimizer=optimizers.SGD,
)
case(
    "learning-rate-too-high",
    "adam-1",
    data.blobs,
    lambda s: mlp(20, 5, 3, seed=s),
    rate=1.0,
)
case(
    "learning-rate-too-high",
    "regression-nan",
    data.curve,
    lambda s: mlp(5, 1, out="", seed=s),
    "mse",
    task="regression",
    rate=3.0,
    optimizer=optimizers.SGD,
)
case(
    "learning-rate-too-high",
    "conv-adam",
    data.images,
    lambda s: conv(seed=s),
    kind="convolution",
    rate=0.3,
)
case(
    "learning-rate-too-high",
    "lstm-sgd",
    data.waves,
    lambda s: recurrent(layers.LSTM, 24, 1, 1, "", s),
    "mse",
    kind="recurrent",
    task="regression",
    rate=8.0,
    optimizer=optimizers.SGD,
)
case(
    "learning-rate-too-high",
    "transformer",
    data.sentences,
    lambda s: attention(s),
    Binary,
    kind="attention",
    task="binary",
    rate=1.0,
)

case("learning-rate-too-low", "adam", data.blobs, lambda s: mlp(20, 5, seed=s), rate=1e-7)
case(
    "learning-rate-too-low",
    "sgd",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    rate=1e-5,
    optimizer=optimizers.SGD,
)
case(
    "learning-rate-too-low",
    "regression",
    data.curve,
    lambda s: mlp(5, 1, out="", seed=s),
    "mse",
    task="regression",
    rate=1e-6,
)
case(
    "learning-rate-too-low",
    "conv",
    data.images,
    lambda s: conv(seed=s),
    kind="convolution",
    rate=1e-6,
)
case(
    "learning-rate-too-low",
    "words",
    data.sentences,
    lambda s: words(s),
    Binary,
    task="binary",
    rate=1e-6,
)
case(
    "learning-rate-too-low",
    "multi-label",
    data.several_labels,
    lambda s: mlp(12, 4, out="sigmoid", seed=s),
    Binary,
    task="multi-label",
    rate=1e-5,
    optimizer=optimizers.RMSprop,
)

case(
    "loss-not-falling",
    "random-labels",
    data.blobs,
    lambda s: mlp(20, 5, 1, 8, seed=s),
    y_of=lambda y: np.random.default_rng(3).permutation(y),
    epochs=4,
)

case(
    "non-finite",
    "input-nan",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    x_of=lambda x: np.where(np.arange(x.size).reshape(x.shape) == 777, np.nan, x).astype("float32"),
)
case(
    "non-finite",
    "target-nan",
    data.curve,
    lambda s: mlp(5, 1, out="", seed=s),
    "mse",
    task="regression",
    y_of=lambda y: np.where(np.arange(y.size).reshape(y.shape) == 77, np.nan, y).astype("float32"),
)


def _inside(layer: Any) -> Any:
    def build(seed: int) -> Any:
        keras.utils.set_random_seed(seed)
        return keras.Sequential(
            [
                keras.Input((20,)),
                layers.Dense(32, "relu", name="h1"),
                layers.Dense(16, name="h2"),
                layer(),
                layers.Dense(5, "softmax", name="out"),
            ]
        )

    return build


case("non-finite", "log-zero", data.blobs, _inside(Logarithm), layers_=("h2", "out"))
case("non-finite", "root-negative", data.blobs, _inside(Root), layers_=("h2", "out"))
