"""Keras trainings of 2026e: faulty ones beside their mended twins, and healthy ones."""

from __future__ import annotations

import functools
from typing import Any

import keras
import numpy as np
from keras import layers, ops, optimizers, regularizers

from corpus.data import e2026 as d
from corpus.keras.fits import keras_fit
from corpus.keras.models import Sparse, mlp, train
from corpus.pairs import pair as pair_of

pair = functools.partial(pair_of, "keras", of="2026e")
SGD = optimizers.SGD


class _Unit(layers.Layer):
    """Vectors of length one; along axis 0 each feature is scaled over the batch."""

    def __init__(self, axis: int, **o: Any):
        super().__init__(**o)
        self.axis = axis

    def call(self, x: Any) -> Any:
        return 5 * ops.normalize(x, axis=self.axis)


def _over_rows(s: int, b: bool) -> Any:
    keras.utils.set_random_seed(s)
    stack: list[Any] = [keras.Input((64,)), layers.Dense(48, "relu", name="h1")]
    stack += [layers.Dense(24, name="h2"), _Unit(0 if b else -1, name="unit")]
    model = keras.Sequential([*stack, layers.Dense(10, "softmax", name="out")])
    return keras_fit(model, Sparse, *d.digits(s), epochs=8, rate=5e-3)


# It learns; but what a row gets depends on how many rows come with it, and which.
pair(("batch-mixing", "train-eval-gap"), "normalized-along-axis-zero", _over_rows)


def _never_adapted(s: int, b: bool) -> Any:
    """A normalization that was never shown the data leaves it as it is."""
    x, y = d.wine(s)
    norm = layers.Normalization()
    if b:
        norm.build((None, 13))
    else:
        norm.adapt(x)
    model = mlp(13, 3, 2, 16, seed=s, first=[norm])
    return keras_fit(model, Sparse, x, y, epochs=15, rate=0.05, optimizer=SGD, momentum=0.9)


pair(
    ("unscaled-input", "learning-rate-too-high", "dead-units"),
    "normalization-never-adapted",
    _never_adapted,
)


def _accuracy_falls(s: int, b: bool) -> Any:
    """The rate is to fall when the accuracy rests; in mode `min` it falls when that rises."""
    mode = "min" if b else "max"
    falls = keras.callbacks.ReduceLROnPlateau(
        monitor="accuracy", mode=mode, factor=0.1, patience=1, min_delta=0.0
    )
    compiling = {"metrics": ["accuracy"]}
    fit = {"callbacks": [falls]}
    model = mlp(64, 10, 2, 48, seed=s)
    return keras_fit(
        model, Sparse, *d.digits(s), epochs=12, rate=3e-4, compiling=compiling, fit=fit
    )


pair(
    ("learning-rate-too-low", "update-ratio", "loss-not-falling"),
    "plateau-of-accuracy-in-mode-min",
    _accuracy_falls,
)


def _range_test(s: int, b: bool) -> Any:
    """The sweep that looks for a rate was left in: 1e-8, ten times more every twenty epochs."""
    sweep = keras.callbacks.LearningRateScheduler(lambda epoch: 1e-8 * 10 ** (epoch / 20))
    fit = {"callbacks": [sweep] if b else []}
    model = mlp(5, 1, 2, 48, out="", seed=s)
    return keras_fit(model, "mse", *d.waves(s), epochs=15, rate=3e-3, fit=fit)


pair(
    ("learning-rate-too-low", "update-ratio", "loss-not-falling"),
    "sweep-of-rates-left-in",
    _range_test,
    task="regression",
)


def _behind_softmax(s: int, b: bool) -> Any:
    """Batch normalization behind the softmax makes of probabilities what are none."""
    model = mlp(64, 10, 2, 48, seed=s)
    if b:
        model.add(layers.BatchNormalization(name="last"))
    return keras_fit(model, Sparse, *d.digits(s), epochs=8, rate=3e-3)


pair(
    ("loss-mismatch", "train-eval-gap", "loss-not-falling"),
    "batchnorm-behind-the-softmax",
    _behind_softmax,
    ("out", "last"),
)


def _activity(s: int, b: bool) -> Any:
    """A penalty on activities whose factor is that of a loss."""
    penalty = regularizers.L2(1.0 if b else 1e-5)
    model = mlp(64, 10, 2, 48, seed=s, activity_regularizer=lambda _: penalty)
    return keras_fit(model, Sparse, *d.digits(s), epochs=8, rate=3e-3)


pair(
    ("signal-collapse", "dead-units", "loss-not-falling", "vanishing-gradient"),
    "activities-punished-too-hard",
    _activity,
)


def _swapped(s: int, b: bool) -> Any:
    """A loss of one's own whose arguments come in the other order than Keras gives them."""

    def poisson(out: Any, y: Any) -> Any:
        return ops.mean(out - y * ops.log(out + 1e-6))

    def loss(y: Any, out: Any) -> Any:
        return poisson(y, out) if b else poisson(out, y)

    model = mlp(6, 1, 2, 48, out="softplus", seed=s)
    return keras_fit(model, loss, *d.visits(s), epochs=12, rate=3e-3)


# Counts of 0 and 1 draw the rate to 0, larger ones draw it to infinity.
pair(
    ("loss-mismatch", "loss-not-falling", "exploding-gradient"),
    "arguments-of-a-loss-swapped",
    _swapped,
    task="regression",
)


# -- healthy


def healthy(name: str, make: Any, **o: Any) -> None:
    """Write down a healthy training: `make(seed)`."""
    pair(None, name, lambda s, _: make(s), **o)


def _fine_tuned(s: int) -> Any:
    """A trained body with batch normalization stays; a new head learns on it."""
    keras.utils.set_random_seed(s)
    x, y = d.digits(s)
    body = keras.Sequential([keras.Input((64,)), layers.Dense(64, name="h1")])
    for layer in (layers.BatchNormalization(momentum=0.9, name="norm"), layers.ReLU()):
        body.add(layer)
    whole = keras.Sequential([body, layers.Dense(10, "softmax")])
    whole.compile("adam", Sparse)
    train(whole, x, y, 6)
    body.trainable = False
    model = keras.Sequential([keras.Input((64,)), body, layers.Dense(5, "softmax", name="out")])
    return keras_fit(model, Sparse, x, y // 2, epochs=8, rate=1e-2)


healthy("new-head-on-a-frozen-body", _fine_tuned)


def _focal(s: int) -> Any:
    """Rare positives with a focal loss: it begins, and stays, far below cross-entropy."""
    rng = np.random.default_rng(s)
    y = (rng.random(1500) < 0.08).astype("float32")
    x = rng.normal(size=(1500, 8))
    x[y == 1, :3] = 0.5 * x[y == 1, :3] + 1.8
    loss = keras.losses.BinaryFocalCrossentropy(gamma=2.0, alpha=0.25)
    model = mlp(8, 1, 2, 32, out="sigmoid", seed=s)
    return keras_fit(model, loss, x.astype("float32"), y[:, None], y, epochs=10, rate=5e-3)


def _both_kinds(out: Any, y: Any) -> float:
    found = out[:, 0] > 0.4
    return float((np.mean(found[y == 1]) + np.mean(~found[y == 0])) / 2)


healthy("focal-loss-for-the-rare", _focal, task="binary", skill=_both_kinds)


def _averaged(s: int) -> Any:
    """Weights are replaced by their moving average now and then; gradients are clipped rarely."""
    averages = {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 25}
    model = mlp(64, 10, 2, 48, seed=s)
    return keras_fit(model, Sparse, *d.digits(s), epochs=8, rate=3e-3, clipnorm=5.0, **averages)


healthy("average-of-weights-put-back", _averaged)


def _summed(s: int) -> Any:
    """Squares are summed over the batch, and the rate is small to match."""
    loss = keras.losses.MeanSquaredError(reduction="sum")
    model = mlp(5, 1, 2, 32, out="", seed=s)
    return keras_fit(model, loss, *d.waves(s), epochs=20, rate=2e-3, optimizer=SGD)


healthy("sums-with-a-small-rate", _summed, task="regression")


def _reconstructed(s: int) -> Any:
    """A denoising autoencoder: inputs are zeroed in training, targets are the whole images."""
    x, _ = d.digits(s)
    first: list[Any] = [layers.Dropout(0.3, seed=s)]
    model = mlp(64, 64, 2, 48, out="sigmoid", seed=s, first=first)
    return keras_fit(model, "binary_crossentropy", x, x, epochs=14, rate=5e-3)


healthy("pixels-dropped-and-redrawn", _reconstructed, task="regression")
