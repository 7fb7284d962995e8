"""Faulty trainings in Keras: signals, initial weights, layers that nothing reaches."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import initializers, layers, optimizers

from corpus.data import first as data
from corpus.keras.book import BOOK, FIRST, Binary, case, fit
from corpus.keras.models import (
    StopGradient,
    compiled,
    conv,
    mlp,
    recurrent,
)

case(
    "vanishing-gradient",
    "sigmoid-10",
    data.blobs,
    lambda s: mlp(20, 5, 10, activation="sigmoid", seed=s),
    layers_=FIRST,
)
case(
    "vanishing-gradient",
    "sigmoid-6-sgd",
    data.blobs,
    lambda s: mlp(20, 5, 6, activation="sigmoid", seed=s),
    layers_=FIRST,
    rate=0.05,
    optimizer=optimizers.SGD,
)
case(
    "vanishing-gradient",
    "sigmoid-8-images",
    lambda s: (lambda d: (d[0].reshape(len(d[0]), -1), d[1]))(data.images(s)),
    lambda s: mlp(196, 10, 8, 64, "sigmoid", seed=s),
    layers_=FIRST,
)
case(
    "vanishing-gradient",
    "hard-sigmoid-8",
    data.blobs,
    lambda s: mlp(20, 5, 8, activation="hard_sigmoid", seed=s),
    layers_=FIRST,
)
case(
    "vanishing-gradient",
    "sigmoid-conv",
    data.images,
    lambda s: conv(seed=s, depth=6, activation="sigmoid"),
    layers_=("c1",),
    kind="convolution",
)
case(
    "vanishing-gradient",
    "rnn-memory",
    data.remember,
    lambda s: recurrent(
        layers.SimpleRNN,
        80,
        2,
        1,
        "sigmoid",
        s,
        recurrent_initializer=initializers.RandomNormal(stddev=0.1, seed=s),
    ),
    Binary,
    ("rnn",),
    "recurrent",
    "binary",
    rate=1e-3,
)

case(
    "exploding-gradient",
    "rnn",
    data.waves,
    lambda s: recurrent(
        layers.SimpleRNN,
        24,
        1,
        1,
        "",
        s,
        activation="relu",
        recurrent_initializer=initializers.Orthogonal(2.0, seed=s),
    ),
    "mse",
    ("rnn",),
    "recurrent",
    "regression",
    rate=0.01,
    optimizer=optimizers.SGD,
)

case(
    "dead-units",
    "bias",
    data.blobs,
    lambda s: mlp(20, 5, 2, seed=s, bias_initializer=initializers.Constant(-12.0)),
    layers_=("h1", "h2"),
)
case(
    "dead-units",
    "bias-second",
    data.blobs,
    lambda s: mlp(
        20, 5, 3, seed=s, bias_initializer=lambda i: initializers.Constant(-12.0 if i == 1 else 0.0)
    ),
    layers_=("h2",),
)
case(
    "dead-units",
    "conv-bias",
    data.images,
    lambda s: conv(seed=s, bias_initializer=initializers.Constant(-6.0)),
    layers_=("c1", "c2"),
    kind="convolution",
)

case(
    "saturated-units",
    "tanh-bias",
    data.blobs,
    lambda s: mlp(
        20,
        5,
        3,
        activation="tanh",
        seed=s,
        bias_initializer=initializers.RandomUniform(8, 9, seed=s),
    ),
    layers_=("h1", "h2", "h3"),
)
case(
    "saturated-units",
    "sigmoid-bias",
    data.blobs,
    lambda s: mlp(
        20, 5, 2, activation="sigmoid", seed=s, bias_initializer=initializers.Constant(-14.0)
    ),
    layers_=("h1", "h2"),
)
case(
    "signal-collapse",
    "bias",
    data.blobs,
    lambda s: mlp(
        20,
        5,
        8,
        seed=s,
        kernel_initializer=initializers.VarianceScaling(0.35, seed=s),
        bias_initializer=initializers.Constant(1.0),
    ),
    layers_=tuple(f"h{i}" for i in range(1, 9)),
    rate=1e-4,
)

for _value in ("zeros", "ones"):
    case(
        "constant-initialization",
        _value,
        data.blobs,
        lambda s, v=_value: mlp(20, 5, 3, seed=s, kernel_initializer=v),
        layers_=("h1", "h2", "h3"),
    )
case(
    "constant-initialization",
    "all-half",
    data.curve,
    lambda s: _all_constant(mlp(5, 1, 2, out="", activation="tanh", seed=s), 0.1),
    "mse",
    ("h1", "h2"),
    task="regression",
    rate=1e-2,
)
case(
    "constant-initialization",
    "conv",
    data.images,
    lambda s: _all_constant(conv(seed=s), 0.05),
    layers_=("c1", "c2"),
    kind="convolution",
)
case(
    "constant-initialization",
    "lstm",
    data.signs,
    lambda s: _all_constant(recurrent(layers.LSTM, 15, 2, 1, "sigmoid", s), 0.1),
    Binary,
    ("rnn",),
    "recurrent",
    "binary",
)


def _all_constant(model: Any, value: float) -> Any:
    for layer in model.layers:
        weights = [np.full_like(w, value) if w.ndim > 1 else w for w in layer.get_weights()]
        layer.set_weights(weights)
    return model


case(
    "bad-initial-scale",
    "normal-1-relu",
    data.blobs,
    lambda s: mlp(
        20, 5, 6, 64, seed=s, kernel_initializer=initializers.RandomNormal(stddev=1.0, seed=s)
    ),
    layers_=tuple(f"h{i}" for i in range(1, 7)),
)
case(
    "bad-initial-scale",
    "normal-2-tanh",
    data.blobs,
    lambda s: mlp(
        20,
        5,
        4,
        64,
        "tanh",
        seed=s,
        kernel_initializer=initializers.RandomNormal(stddev=2.0, seed=s),
    ),
    layers_=tuple(f"h{i}" for i in range(1, 5)),
    rate=1e-2,
    optimizer=optimizers.SGD,
)
case(
    "bad-initial-scale",
    "tiny-deep",
    data.blobs,
    lambda s: mlp(
        20, 5, 6, 64, seed=s, kernel_initializer=initializers.RandomNormal(stddev=1e-3, seed=s)
    ),
    layers_=tuple(f"h{i}" for i in range(1, 7)),
)
case(
    "bad-initial-scale",
    "one-layer",
    data.blobs,
    lambda s: mlp(
        20,
        5,
        4,
        64,
        seed=s,
        kernel_initializer=lambda i: initializers.RandomNormal(
            stddev=1e-6 if i == 2 else 0.15, seed=s + i
        ),
    ),
    layers_=("h3",),
    rate=0.05,
    optimizer=optimizers.SGD,
)


def _frozen(seed: int) -> Any:
    x, y = data.blobs(seed)
    model = mlp(20, 5, 3, seed=seed)
    model.get_layer("h2").trainable = False
    return fit(compiled(model), x, y)


def _frozen_conv(seed: int) -> Any:
    x, y = data.images(seed)
    model = conv(seed=seed)
    model.get_layer("c1").trainable = False
    return fit(compiled(model), x, y)


def _detached(seed: int) -> Any:
    x, y = data.blobs(seed)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((20,)),
            layers.Dense(32, "relu", name="h1"),
            StopGradient(),
            layers.Dense(32, "relu", name="h2"),
            layers.Dense(5, "softmax", name="out"),
        ]
    )
    return fit(compiled(model), x, y)


BOOK.add("frozen", "dense", "multi-class", _frozen, "unreached-layer", ("h2",))
BOOK.add("frozen-conv", "convolution", "multi-class", _frozen_conv, "unreached-layer", ("c1",))
BOOK.add("detached", "dense", "multi-class", _detached, "unreached-layer", ("h1",))
