"""Faulty trainings in Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import initializers, layers, optimizers

from corpus import data
from corpus._case import Book
from corpus.keras_models import (
    Logarithm,
    Root,
    Sparse,
    StopGradient,
    attention,
    compiled,
    conv,
    mlp,
    recurrent,
    words,
)

BOOK = Book("keras")
Binary = "binary_crossentropy"


def _fit(model: Any, x: Any, y: Any, epochs: int = 6, **options: Any) -> Any:
    return (model, x, y), {"epochs": epochs, **options}


def _case(
    rule: str,
    name: str,
    source: Any,
    build: Any,
    loss: Any = Sparse,
    layers_: tuple[str, ...] = (),
    kind: str = "dense",
    task: str = "multi-class",
    epochs: int = 6,
    y_of: Any = None,
    x_of: Any = None,
    **o: Any,
) -> None:
    def make(seed: int) -> Any:
        x, y = source(seed)
        x, y = x if x_of is None else x_of(x), y if y_of is None else y_of(y)
        return _fit(compiled(build(seed), loss, **o), x, y, epochs)

    BOOK.add(name, kind, task, make, rule, layers_)


def _one_hot(y: np.ndarray) -> np.ndarray:
    return np.eye(int(y.max()) + 1, dtype=np.float32)[y]


_FIRST = ("h1",)
_case(
    "vanishing-gradient",
    "sigmoid-10",
    data.blobs,
    lambda s: mlp(20, 5, 10, activation="sigmoid", seed=s),
    layers_=_FIRST,
)
_case(
    "vanishing-gradient",
    "sigmoid-6-sgd",
    data.blobs,
    lambda s: mlp(20, 5, 6, activation="sigmoid", seed=s),
    layers_=_FIRST,
    rate=0.05,
    optimizer=optimizers.SGD,
)
_case(
    "vanishing-gradient",
    "sigmoid-8-images",
    lambda s: (lambda d: (d[0].reshape(len(d[0]), -1), d[1]))(data.images(s)),
    lambda s: mlp(196, 10, 8, 64, "sigmoid", seed=s),
    layers_=_FIRST,
)
_case(
    "vanishing-gradient",
    "hard-sigmoid-8",
    data.blobs,
    lambda s: mlp(20, 5, 8, activation="hard_sigmoid", seed=s),
    layers_=_FIRST,
)
_case(
    "vanishing-gradient",
    "sigmoid-conv",
    data.images,
    lambda s: conv(seed=s, depth=6, activation="sigmoid"),
    layers_=("c1",),
    kind="convolution",
)
_case(
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

_case(
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

_case(
    "dead-units",
    "bias",
    data.blobs,
    lambda s: mlp(20, 5, 2, seed=s, bias_initializer=initializers.Constant(-12.0)),
    layers_=("h1", "h2"),
)
_case(
    "dead-units",
    "bias-second",
    data.blobs,
    lambda s: mlp(
        20, 5, 3, seed=s, bias_initializer=lambda i: initializers.Constant(-12.0 if i == 1 else 0.0)
    ),
    layers_=("h2",),
)
_case(
    "dead-units",
    "conv-bias",
    data.images,
    lambda s: conv(seed=s, bias_initializer=initializers.Constant(-6.0)),
    layers_=("c1", "c2"),
    kind="convolution",
)

_case(
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
_case(
    "saturated-units",
    "sigmoid-bias",
    data.blobs,
    lambda s: mlp(
        20, 5, 2, activation="sigmoid", seed=s, bias_initializer=initializers.Constant(-14.0)
    ),
    layers_=("h1", "h2"),
)
_case(
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

_case(
    "loss-mismatch",
    "softmax-twice",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    ("out",),
)
_case(
    "loss-mismatch",
    "logits-sparse",
    data.blobs,
    lambda s: mlp(20, 5, out="", seed=s),
    Sparse,
    ("out",),
)
_case(
    "loss-mismatch",
    "logits-categorical",
    data.blobs,
    lambda s: mlp(20, 5, out="", seed=s),
    "categorical_crossentropy",
    ("out",),
    y_of=_one_hot,
)
_case(
    "loss-mismatch",
    "sigmoid-twice",
    data.moons,
    lambda s: mlp(2, 1, out="sigmoid", seed=s),
    keras.losses.BinaryCrossentropy(from_logits=True),
    ("out",),
    task="binary",
)
_case(
    "loss-mismatch",
    "logits-binary",
    data.moons,
    lambda s: mlp(2, 1, out="", seed=s),
    Binary,
    ("out",),
    task="binary",
)
_case(
    "loss-mismatch",
    "softmax-one-unit",
    data.moons,
    lambda s: mlp(2, 1, out="softmax", seed=s),
    Binary,
    ("out",),
    task="binary",
)
_case(
    "loss-mismatch",
    "sigmoid-categorical",
    data.blobs,
    lambda s: mlp(20, 5, out="sigmoid", seed=s),
    "categorical_crossentropy",
    ("out",),
    y_of=_one_hot,
)
_case(
    "loss-mismatch",
    "tanh-target",
    data.curve,
    lambda s: mlp(5, 1, out="tanh", seed=s),
    "mse",
    ("out",),
    task="regression",
    y_of=lambda y: 10 * y,
)
_case(
    "loss-mismatch",
    "relu-target",
    data.curve,
    lambda s: mlp(5, 1, out="relu", seed=s),
    "mse",
    ("out",),
    task="regression",
)
_case(
    "loss-mismatch",
    "labels-from-one",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    Sparse,
    ("out",),
    y_of=lambda y: y + 1,
)
_case(
    "loss-mismatch",
    "labels-minus-one",
    data.moons,
    lambda s: mlp(2, 1, out="sigmoid", seed=s),
    Binary,
    ("out",),
    task="binary",
    y_of=lambda y: 2 * y - 1,
)
_case(
    "loss-mismatch",
    "softmax-multi-label",
    data.several_labels,
    lambda s: mlp(12, 4, seed=s),
    Binary,
    ("out",),
    task="multi-label",
)

_case(
    "unscaled-input",
    "table",
    data.table,
    lambda s: mlp(6, 1, out="sigmoid", seed=s),
    Binary,
    task="binary",
    rate=0.01,
    optimizer=optimizers.SGD,
)
_case(
    "unscaled-input",
    "tanh-thousands",
    data.blobs,
    lambda s: mlp(20, 5, 2, activation="tanh", seed=s),
    x_of=lambda x: 1000 * x + 3000,
    rate=0.01,
    optimizer=optimizers.SGD,
)
_case(
    "unscaled-input",
    "pixels-sgd",
    data.images,
    lambda s: conv(seed=s),
    kind="convolution",
    x_of=lambda x: 255 * x,
    rate=0.05,
    optimizer=optimizers.SGD,
)
_case(
    "unscaled-input",
    "tiny-values",
    data.blobs,
    lambda s: mlp(20, 5, 2, seed=s),
    x_of=lambda x: 1e-4 * x,
    rate=0.01,
    optimizer=optimizers.SGD,
)
_case(
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

_case(
    "learning-rate-too-high",
    "sgd-10",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    rate=10.0,
    optimizer=optimizers.SGD,
)
_case(
    "learning-rate-too-high",
    "adam-1",
    data.blobs,
    lambda s: mlp(20, 5, 3, seed=s),
    rate=1.0,
)
_case(
    "learning-rate-too-high",
    "regression-nan",
    data.curve,
    lambda s: mlp(5, 1, out="", seed=s),
    "mse",
    task="regression",
    rate=3.0,
    optimizer=optimizers.SGD,
)
_case(
    "learning-rate-too-high",
    "conv-adam",
    data.images,
    lambda s: conv(seed=s),
    kind="convolution",
    rate=0.3,
)
_case(
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
_case(
    "learning-rate-too-high",
    "transformer",
    data.sentences,
    lambda s: attention(s),
    Binary,
    kind="attention",
    task="binary",
    rate=1.0,
)

_case("learning-rate-too-low", "adam", data.blobs, lambda s: mlp(20, 5, seed=s), rate=1e-7)
_case(
    "learning-rate-too-low",
    "sgd",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    rate=1e-5,
    optimizer=optimizers.SGD,
)
_case(
    "learning-rate-too-low",
    "regression",
    data.curve,
    lambda s: mlp(5, 1, out="", seed=s),
    "mse",
    task="regression",
    rate=1e-6,
)
_case(
    "learning-rate-too-low",
    "conv",
    data.images,
    lambda s: conv(seed=s),
    kind="convolution",
    rate=1e-6,
)
_case(
    "learning-rate-too-low",
    "words",
    data.sentences,
    lambda s: words(s),
    Binary,
    task="binary",
    rate=1e-6,
)
_case(
    "learning-rate-too-low",
    "multi-label",
    data.several_labels,
    lambda s: mlp(12, 4, out="sigmoid", seed=s),
    Binary,
    task="multi-label",
    rate=1e-5,
    optimizer=optimizers.RMSprop,
)

_case(
    "loss-not-falling",
    "random-labels",
    data.blobs,
    lambda s: mlp(20, 5, 1, 8, seed=s),
    y_of=lambda y: np.random.default_rng(3).permutation(y),
    epochs=4,
)

_case(
    "non-finite",
    "input-nan",
    data.blobs,
    lambda s: mlp(20, 5, seed=s),
    x_of=lambda x: np.where(np.arange(x.size).reshape(x.shape) == 777, np.nan, x).astype("float32"),
)
_case(
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


_case("non-finite", "log-zero", data.blobs, _inside(Logarithm), layers_=("h2", "out"))
_case("non-finite", "root-negative", data.blobs, _inside(Root), layers_=("h2", "out"))

for _value in ("zeros", "ones"):
    _case(
        "constant-initialization",
        _value,
        data.blobs,
        lambda s, v=_value: mlp(20, 5, 3, seed=s, kernel_initializer=v),
        layers_=("h1", "h2", "h3"),
    )
_case(
    "constant-initialization",
    "all-half",
    data.curve,
    lambda s: _all_constant(mlp(5, 1, 2, out="", activation="tanh", seed=s), 0.1),
    "mse",
    ("h1", "h2"),
    task="regression",
    rate=1e-2,
)
_case(
    "constant-initialization",
    "conv",
    data.images,
    lambda s: _all_constant(conv(seed=s), 0.05),
    layers_=("c1", "c2"),
    kind="convolution",
)
_case(
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


_case(
    "bad-initial-scale",
    "normal-1-relu",
    data.blobs,
    lambda s: mlp(
        20, 5, 6, 64, seed=s, kernel_initializer=initializers.RandomNormal(stddev=1.0, seed=s)
    ),
    layers_=tuple(f"h{i}" for i in range(1, 7)),
)
_case(
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
_case(
    "bad-initial-scale",
    "tiny-deep",
    data.blobs,
    lambda s: mlp(
        20, 5, 6, 64, seed=s, kernel_initializer=initializers.RandomNormal(stddev=1e-3, seed=s)
    ),
    layers_=tuple(f"h{i}" for i in range(1, 7)),
)
_case(
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
    return _fit(compiled(model), x, y)


def _frozen_conv(seed: int) -> Any:
    x, y = data.images(seed)
    model = conv(seed=seed)
    model.get_layer("c1").trainable = False
    return _fit(compiled(model), x, y)


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
    return _fit(compiled(model), x, y)


BOOK.add("frozen", "dense", "multi-class", _frozen, "unreached-layer", ("h2",))
BOOK.add("frozen-conv", "convolution", "multi-class", _frozen_conv, "unreached-layer", ("c1",))
BOOK.add("detached", "dense", "multi-class", _detached, "unreached-layer", ("h1",))
