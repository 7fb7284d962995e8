"""Data of 2026e: tables that come with scikit-learn, and synthetic ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import datasets

Arrays = tuple[np.ndarray, np.ndarray]


@functools.cache
def _table(load: Callable[..., Any]) -> Arrays:
    return load(return_X_y=True)


def _rows(seed: int, x: np.ndarray, y: np.ndarray, n: int) -> Arrays:
    keep = np.random.default_rng(seed).permutation(len(x))[:n]
    return x[keep].astype("float32"), y[keep]


def wine(seed: int) -> Arrays:
    """Three cultivars by thirteen measurements as they were measured: 0.1 to 1700."""
    x, y = _rows(seed, *_table(datasets.load_wine), 178)
    return x, y.astype("int64")


def tumors(seed: int) -> Arrays:
    """Benign or malignant by thirty measurements, standardized."""
    x, y = _table(datasets.load_breast_cancer)
    x, y = _rows(seed, (x - x.mean(0)) / x.std(0), y, 569)
    return x, y.astype("int64")


def digits(seed: int, n: int = 900, top: float = 1.0) -> Arrays:
    """Handwritten digits on 8 x 8 pixels from 0 to `top`, flat."""
    x, y = _table(datasets.load_digits)
    x, y = _rows(seed, x * (top / 16), y, n)
    return x, y.astype("int64")


def progress(seed: int) -> Arrays:
    """Diabetes: how far it has come a year later, by ten measurements; both standardized."""
    x, y = _table(datasets.load_diabetes)
    x, y = _rows(seed, x / x.std(0), (y - y.mean()) / y.std(), 442)
    return x, y.astype("float32")[:, None]


def waves(seed: int, n: int = 1000) -> Arrays:
    """Regression on five features between -1 and 1; one target of unit size, hardly any noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 5))
    y = np.sin(3 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.5 * x[:, 3] + 0.05 * rng.normal(size=n)
    return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")[:, None]


def cells(seed: int, n: int = 240, size: int = 12, classes: int = 3) -> Arrays:
    """Segmentation: images with two blobs of unlike brightness; each pixel has a class."""
    rng = np.random.default_rng(seed)
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    y = np.zeros((n, size, size), "int64")
    for kind in range(1, classes):
        a, b = rng.uniform(1, size - 1, (2, n, 1, 1))
        y[np.hypot(i - a, j - b) < 2.8] = kind
    x = y * 0.8 + rng.normal(0, 0.15, y.shape)
    return x[:, None].astype("float32"), y


def tags(seed: int, n: int = 500, steps: int = 10, words: int = 30) -> Arrays:
    """Each word's tag of four: by the word's kind, and by the kind of the word before it."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, words, (n, steps))
    kind = (x % 2).astype("int64")
    before = np.concatenate([np.zeros((n, 1), "int64"), kind[:, :-1]], 1)
    return x.astype("int64"), 2 * kind + before


def topics(seed: int, n: int = 900, steps: int = 8, words: int = 60, topics: int = 4) -> Arrays:
    """Token sequences; the topic whose words are most frequent is the class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, topics, n)
    own = y[:, None] * (words // topics) + rng.integers(0, words // topics, (n, steps))
    x = np.where(rng.random((n, steps)) < 0.6, own, rng.integers(0, words, (n, steps)))
    return x.astype("int64"), y.astype("int64")


def strokes(seed: int, n: int = 800, steps: int = 12) -> Arrays:
    """Three channels over twelve steps; the class is the channel that rises first."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    start = rng.integers(5, 9, (n, 3))
    start[np.arange(n), y] = rng.integers(1, 4, n)
    x = (np.arange(steps)[:, None] >= start[:, None]) + rng.normal(0, 0.2, (n, steps, 3))
    return x.astype("float32"), y.astype("int64")


def visits(seed: int, n: int = 1000) -> Arrays:
    """Counts whose logarithmic rate is a curved function of six features: from 0 to about 12."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    rate = np.exp(0.6 + 0.8 * np.tanh(x[:, 0]) + 0.5 * x[:, 1] - 0.4 * np.abs(x[:, 2]))
    return x.astype("float32"), rng.poisson(rate).astype("float32")[:, None]


def halves(seed: int, n: int = 800, size: int = 10) -> Arrays:
    """A blob in the left or in the right half of an image: that is the class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    i, j = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    row = rng.uniform(2, size - 2, (n, 1, 1))
    column = np.where(y == 0, rng.uniform(1, 3, n), rng.uniform(size - 4, size - 2, n))
    x = np.exp(-((i - row) ** 2 + (j - column[:, None, None]) ** 2) / 3)
    return (x + rng.normal(0, 0.1, x.shape))[:, None].astype("float32"), y.astype("int64")


def spoken(seed: int, n: int = 400, steps: int = 12, sounds: int = 3) -> Arrays:
    """Two sounds after each other in noisy frames; targets: the two, numbered from 1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(1, sounds + 1, (n, 2))
    turn, frames = rng.integers(4, 9, (n, 1)), np.arange(steps)
    which = np.where(frames < turn, y[:, :1], y[:, 1:])
    x = np.eye(sounds + 1)[which] * (frames != turn)[..., None]
    return (2 * x + rng.normal(0, 0.2, x.shape)).astype("float32"), y.astype("int64")


def twins(seed: int, n: int = 700, kinds: int = 8) -> Arrays:
    """Two noisy views of each thing, (n, 2, 20), and its kind."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(kinds, 20))
    y = rng.integers(0, kinds, n)
    x = centers[y][:, None] + 0.6 * rng.normal(size=(n, 2, 20))
    return x.astype("float32"), y.astype("int64")


def lifetimes(seed: int, n: int = 800) -> Arrays:
    """Survival: six features; targets are a time and whether the end was seen."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    risk = 1.5 * np.tanh(x[:, 0]) + x[:, 1] - 0.7 * x[:, 2]
    time, censor = rng.exponential(np.exp(-risk)), rng.exponential(3.0, n)
    y = np.stack([np.minimum(time, censor), time <= censor], 1)
    return x.astype("float32"), y.astype("float32")
