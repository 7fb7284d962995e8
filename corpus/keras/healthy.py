"""Healthy trainings in Keras: ordinary ones, and those that look odd and are not."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import initializers, layers, optimizers

from corpus.case import Book
from corpus.data import first as data
from corpus.keras.models import (
    Sparse,
    attention,
    compiled,
    conv,
    mlp,
    normed_mlp,
    recurrent,
    residual,
    train,
    words,
)

BOOK = Book("keras")
Binary = "binary_crossentropy"


def _fit(model: Any, x: Any, y: Any, epochs: int = 6, **options: Any) -> Any:
    return (model, x, y), {"epochs": epochs, **options}


def _blobs(
    name: str, build: Any, kind: str = "dense", epochs: int = 8, **compile_options: Any
) -> None:
    def make(seed: int) -> Any:
        x, y = data.blobs(seed)
        return _fit(compiled(build(seed), **compile_options), x, y, epochs)

    BOOK.add(name, kind, "multi-class", make)


_blobs("relu", lambda s: mlp(20, 5, seed=s))
_blobs("tanh", lambda s: mlp(20, 5, activation="tanh", seed=s))
_blobs(
    "elu-momentum",
    lambda s: mlp(20, 5, 3, activation="elu", seed=s),
    rate=0.02,
    optimizer=optimizers.SGD,
    momentum=0.9,
)
_blobs(
    "selu", lambda s: mlp(20, 5, 5, activation="selu", kernel_initializer="lecun_normal", seed=s)
)
_blobs("gelu", lambda s: mlp(20, 5, 3, activation="gelu", seed=s))
_blobs(
    "leaky", lambda s: mlp(20, 5, 3, activation="leaky_relu", seed=s), optimizer=optimizers.RMSprop
)
_blobs("softplus", lambda s: mlp(20, 5, 2, activation="softplus", seed=s), rate=3e-3)
_blobs("sigmoid-shallow", lambda s: mlp(20, 5, 2, activation="sigmoid", seed=s), rate=1e-2)
_blobs(
    "sigmoid-critical",
    lambda s: mlp(
        20,
        5,
        6,
        64,
        "sigmoid",
        seed=s,
        kernel_initializer=initializers.VarianceScaling(10.149**2, "fan_in", "normal", seed=s),
    ),
    rate=2e-3,
    epochs=15,
)
_blobs("batch-norm", lambda s: normed_mlp(20, 5, layers.BatchNormalization, 3, s))
_blobs("layer-norm-deep", lambda s: normed_mlp(20, 5, layers.LayerNormalization, 8, s))
_blobs("dropout", lambda s: mlp(20, 5, 2, 64, extra=lambda: layers.Dropout(0.5), seed=s), epochs=10)
_blobs("he-deep", lambda s: mlp(20, 5, 10, 48, kernel_initializer="he_normal", seed=s))
_blobs("residual", lambda s: residual(20, 5, 4, s), "residual")
_blobs("residual-zero", lambda s: residual(20, 5, 4, s, zero=True), "residual")
_blobs("wide", lambda s: mlp(20, 5, 1, 512, seed=s))
_blobs("softmax-regression-zero", lambda s: mlp(20, 5, 0, seed=s), rate=0.05)
_blobs("output-zero", lambda s: _zero_out(mlp(20, 5, 2, seed=s)))
_blobs("penalty", lambda s: mlp(20, 5, 2, kernel_regularizer="l2", seed=s), epochs=12)
_blobs("clipped", lambda s: mlp(20, 5, 3, seed=s), rate=0.2, optimizer=optimizers.SGD, clipnorm=1.0)
_blobs("high-rate-sgd", lambda s: mlp(20, 5, 2, seed=s), rate=0.5, optimizer=optimizers.SGD)
_blobs(
    "high-rate-norm",
    lambda s: normed_mlp(20, 5, layers.BatchNormalization, 2, s),
    rate=1.0,
    optimizer=optimizers.SGD,
    epochs=10,
)
_blobs("high-rate-adam", lambda s: mlp(20, 5, 1, seed=s), rate=0.03)
_blobs("smoothing", lambda s: mlp(20, 5, 2, seed=s), loss=Sparse)


def _zero_out(model: Any) -> Any:
    out = model.get_layer("out")
    out.set_weights([np.zeros_like(w) for w in out.get_weights()])
    return model


def _schedule(seed: int) -> Any:
    x, y = data.blobs(seed)
    rate = optimizers.schedules.CosineDecay(1e-2, 200)
    return _fit(compiled(mlp(20, 5, seed=seed), rate=rate), x, y, 8)


def _one_epoch(seed: int) -> Any:
    x, y = data.blobs(seed, n=4_000)
    return _fit(compiled(mlp(20, 5, seed=seed)), x, y, 1)


def _small_batches(seed: int) -> Any:
    x, y = data.blobs(seed, n=300)
    return _fit(compiled(mlp(20, 5, seed=seed)), x, y, 4, batch_size=4)


def _full_batch(seed: int) -> Any:
    x, y = data.blobs(seed, n=300)
    model = compiled(mlp(20, 5, seed=seed), rate=0.1, optimizer=optimizers.SGD, momentum=0.9)
    return _fit(model, x, y, 80, batch_size=300)


def _tiny(seed: int) -> Any:
    x, y = data.blobs(seed, n=24, classes=3)
    return _fit(compiled(mlp(20, 3, seed=seed)), x, y, 40, batch_size=8)


def _noisy_labels(seed: int) -> Any:
    x, y = data.blobs(seed)
    rng = np.random.default_rng(seed)
    flip = rng.random(len(y)) < 0.25
    return _fit(
        compiled(mlp(20, 5, seed=seed)), x, np.where(flip, rng.integers(0, 5, len(y)), y), 8
    )


def _class_weights(seed: int) -> Any:
    x, y = data.blobs(seed, classes=2)
    keep = (y == 0) | (np.random.default_rng(seed).random(len(y)) < 0.15)
    model = compiled(mlp(20, 1, out="sigmoid", seed=seed), Binary)
    return _fit(model, x[keep], y[keep], 10, class_weight={0: 1.0, 1: 6.0})


def _imbalanced(seed: int) -> Any:
    x, y = data.blobs(seed, n=1_500, classes=2, apart=0.8)
    keep = (y == 0) | (np.random.default_rng(seed).random(len(y)) < 0.06)
    return _fit(compiled(mlp(20, 1, out="sigmoid", seed=seed), Binary), x[keep], y[keep], 10)


def _converged(seed: int) -> Any:
    x, y = data.blobs(seed)
    model = train(compiled(mlp(20, 5, seed=seed)), x, y, 25)
    return _fit(compiled(model, rate=1e-4), x, y, 4)


def _frozen_backbone(seed: int) -> Any:
    x, y = data.blobs(seed)
    backbone = mlp(20, 5, 3, seed=seed)
    train(compiled(backbone), x, y, 15)
    body = keras.Sequential([keras.Input((20,)), *backbone.layers[:-1]], name="backbone")
    body.trainable = False
    x, y = data.blobs(seed, classes=3)
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((20,)), body, layers.Dense(3, "softmax", name="head")])
    return _fit(compiled(model, rate=1e-2), x, y, 8)


def _frozen_layers(seed: int) -> Any:
    x, y = data.images(seed)
    model = train(compiled(conv(seed=seed)), x, y, 6)
    for layer in model.layers[:-1]:
        layer.trainable = False
    return _fit(compiled(model), x, y, 4)


for _name, _make in (
    ("cosine", _schedule),
    ("one-epoch", _one_epoch),
    ("batch-of-4", _small_batches),
    ("full-batch", _full_batch),
    ("tiny", _tiny),
    ("noisy-labels", _noisy_labels),
    ("converged", _converged),
    ("frozen-backbone", _frozen_backbone),
):
    BOOK.add(_name, "dense", "multi-class", _make)
BOOK.add("class-weights", "dense", "binary", _class_weights)
BOOK.add("imbalanced", "dense", "binary", _imbalanced)
BOOK.add("frozen-layers", "convolution", "multi-class", _frozen_layers)


def _binary(
    name: str, source: Any, build: Any, loss: Any = Binary, epochs: int = 15, **o: Any
) -> None:
    def make(seed: int) -> Any:
        x, y = source(seed)
        return _fit(compiled(build(seed), loss, **o), x, y, epochs)

    BOOK.add(name, "dense", "binary", make)


_binary("moons", data.moons, lambda s: mlp(2, 1, out="sigmoid", seed=s), rate=5e-3)
_binary(
    "rings-logits",
    data.rings,
    lambda s: mlp(2, 1, out="", seed=s),
    keras.losses.BinaryCrossentropy(from_logits=True),
    rate=5e-3,
)
_binary(
    "raw-table-norm",
    data.table,
    lambda s: mlp(6, 1, out="sigmoid", seed=s, first=[layers.BatchNormalization()]),
    epochs=10,
)


def _regression(
    name: str, build: Any, loss: str = "mse", epochs: int = 12, y_of: Any = None, **o: Any
) -> None:
    def make(seed: int) -> Any:
        x, y = data.curve(seed)
        return _fit(compiled(build(seed), loss, **o), x, y if y_of is None else y_of(y), epochs)

    BOOK.add(name, "dense", "regression", make)


_regression("mse", lambda s: mlp(5, 1, out="", seed=s))
_regression("mae", lambda s: mlp(5, 1, 2, 64, "tanh", out="", seed=s), "mae", rate=3e-3)
_regression(
    "huber-sgd", lambda s: mlp(5, 1, out="", seed=s), "huber", rate=0.05, optimizer=optimizers.SGD
)
_regression("linear", lambda s: mlp(5, 1, 0, out="", seed=s), rate=0.05, optimizer=optimizers.SGD)
_regression(
    "unit-range-sigmoid",
    lambda s: mlp(5, 1, out="sigmoid", seed=s),
    rate=5e-3,
    y_of=lambda y: (y - y.min()) / (y.max() - y.min()),
)
_regression(
    "positive-relu",
    lambda s: mlp(5, 1, out="softplus", seed=s),
    rate=5e-3,
    y_of=lambda y: y - y.min(),
)
_regression(
    "weak-signal",
    lambda s: mlp(5, 1, out="", seed=s),
    epochs=15,
    y_of=lambda y: 0.4 * y + np.random.default_rng(1).normal(size=y.shape).astype("float32"),
)


def _autoencoder(seed: int) -> Any:
    x, _ = data.blobs(seed, inputs=12)
    return _fit(compiled(mlp(12, 12, 2, 24, "tanh", out="", seed=seed), "mse", 3e-3), x, x, 12)


def _image_autoencoder(seed: int) -> Any:
    x, _ = data.images(seed)
    flat = x.reshape(len(x), -1)
    return _fit(
        compiled(mlp(196, 196, 1, 64, out="sigmoid", seed=seed), Binary, 3e-3), flat, flat, 10
    )


def _labels(seed: int) -> Any:
    x, y = data.several_labels(seed)
    return _fit(compiled(mlp(12, 4, out="sigmoid", seed=seed), Binary, 3e-3), x, y, 10)


def _label_logits(seed: int) -> Any:
    x, y = data.several_labels(seed, labels=6)
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    return _fit(compiled(residual(12, 6, 2, seed, out=""), loss, 3e-3), x, y, 10)


BOOK.add("autoencoder", "dense", "regression", _autoencoder)
BOOK.add("image-autoencoder", "dense", "regression", _image_autoencoder)
BOOK.add("multi-label", "dense", "multi-label", _labels)
BOOK.add("multi-label-residual", "residual", "multi-label", _label_logits)


def _images(
    name: str,
    build: Any,
    epochs: int = 6,
    scale: float = 1 / 255,
    kind: str = "convolution",
    **o: Any,
) -> None:
    def make(seed: int) -> Any:
        x, y = data.images(seed, scale=scale)
        return _fit(compiled(build(seed), **o), x, y, epochs)

    BOOK.add(name, kind, "multi-class", make)


_images("conv", lambda s: conv(seed=s), rate=3e-3)
_images("conv-norm", lambda s: conv(seed=s, norm=True), rate=3e-3, epochs=8)
_images("conv-global", lambda s: conv(seed=s, norm=True, pool="global"), rate=1e-2, epochs=10)
_images("conv-raw-pixels-norm", lambda s: conv(seed=s, norm=True), scale=1.0, rate=3e-3)
_images(
    "conv-rescaling",
    lambda s: conv(seed=s, first=[layers.Rescaling(1 / 255)]),
    scale=1.0,
    rate=3e-3,
)
_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
_images("conv-raw-pixels-logits", lambda s: conv(seed=s, out=None), scale=1.0, loss=_LOGITS)
_images(
    "dense-raw-pixels-logits",
    lambda s: keras.Sequential(
        [keras.Input((14, 14, 1)), layers.Flatten(), *mlp(196, 10, 2, 64, out="", seed=s).layers]
    ),
    scale=1.0,
    kind="dense",
    loss=_LOGITS,
)


def _sequence(
    name: str,
    source: Any,
    build: Any,
    loss: Any,
    task: str,
    epochs: int = 10,
    kind: str = "recurrent",
    **o: Any,
) -> None:
    def make(seed: int) -> Any:
        x, y = source(seed)
        return _fit(compiled(build(seed), loss, **o), x, y, epochs)

    BOOK.add(name, kind, task, make)


_sequence(
    "lstm",
    data.signs,
    lambda s: recurrent(layers.LSTM, 15, 2, 1, "sigmoid", s),
    Binary,
    "binary",
    rate=5e-3,
)
_sequence(
    "gru-regression",
    data.waves,
    lambda s: recurrent(layers.GRU, 24, 1, 1, "", s),
    "mse",
    "regression",
    rate=5e-3,
)
_sequence(
    "simple-rnn",
    data.signs,
    lambda s: recurrent(layers.SimpleRNN, 15, 2, 1, "sigmoid", s),
    Binary,
    "binary",
    rate=5e-3,
)
_sequence(
    "words-mean", data.sentences, lambda s: words(s), Binary, "binary", kind="dense", rate=1e-2
)
_sequence(
    "words-lstm", data.sentences, lambda s: words(s, layers.LSTM), Binary, "binary", rate=1e-2
)
_sequence(
    "transformer",
    data.sentences,
    lambda s: attention(s),
    Binary,
    "binary",
    kind="attention",
    rate=3e-3,
)
