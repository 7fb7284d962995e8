"""Data of the first cases: synthetic, and small images from MNIST."""

from __future__ import annotations

import functools

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


def blobs(
    seed: int, n: int = 800, inputs: int = 20, classes: int = 5, apart: float = 1.3
) -> Arrays:
    """Gaussian classes."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(classes, inputs)) * apart
    y = rng.integers(0, classes, n)
    return (centers[y] + rng.normal(size=(n, inputs))).astype(np.float32), y.astype(np.int64)


def moons(seed: int, n: int = 800) -> Arrays:
    """Two interleaved half circles."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    angle = rng.uniform(0, np.pi, n)
    x = np.stack([np.cos(angle), np.sin(angle)], 1)
    x[y == 1] = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], 1)[y == 1]
    return (x + rng.normal(0, 0.12, (n, 2))).astype(np.float32), y.astype(np.int64)


def rings(seed: int, n: int = 800) -> Arrays:
    """Two circles, one inside the other: nothing linear tells them apart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    angle, radius = rng.uniform(0, 2 * np.pi, n), np.where(y == 1, 2.0, 0.8)
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return (x + rng.normal(0, 0.12, (n, 2))).astype(np.float32), y.astype(np.int64)


def curve(seed: int, n: int = 800, inputs: int = 5, noise: float = 0.1) -> Arrays:
    """Regression: a smooth function of some inputs, one target of unit size."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, inputs))
    y = np.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] + 0.5 * x[:, 3]
    y = (y - y.mean()) / y.std() + rng.normal(0, noise, n)
    return x.astype(np.float32), y.astype(np.float32)[:, None]


def several_labels(seed: int, n: int = 800, labels: int = 4) -> Arrays:
    """Multi-label: each label by a direction of its own."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 12))
    y = x @ rng.normal(size=(12, labels)) + 0.5 * rng.normal(size=(n, labels)) > 0.5
    return x.astype(np.float32), y.astype(np.float32)


def table(seed: int, n: int = 800) -> Arrays:
    """Binary classes of a table whose columns have very different units."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 6))
    y = (z[:, 0] + z[:, 1] - z[:, 2] + 0.3 * rng.normal(size=n) > 0).astype(np.int64)
    units = np.array([1.0, 5_000.0, 0.01, 80.0, 1.0, 300.0])
    middle = np.array([0.0, 40_000.0, 0.05, 170.0, 0.0, 0.0])
    return (z * units + middle).astype(np.float32), y


def signs(seed: int, n: int = 700, steps: int = 15) -> Arrays:
    """Sequences; the class is the sign of their sum."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, steps, 2))
    return x.astype(np.float32), (x[:, :, 0].sum(1) > 0).astype(np.int64)


def remember(seed: int, n: int = 600, steps: int = 80) -> Arrays:
    """Sequences whose class stands in the first step alone."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.3, size=(n, steps, 2))
    y = rng.integers(0, 2, n)
    x[:, 0, 0] = np.where(y == 1, 2.0, -2.0)
    return x.astype(np.float32), y.astype(np.int64)


def waves(seed: int, n: int = 600, steps: int = 24) -> Arrays:
    """The next value of a noisy sine wave."""
    rng = np.random.default_rng(seed)
    start, speed = rng.uniform(0, 6.3, n), rng.uniform(0.2, 0.6, n)
    t = np.arange(steps + 1)
    whole = np.sin(start[:, None] + speed[:, None] * t) + rng.normal(0, 0.05, (n, steps + 1))
    return whole[:, :-1, None].astype(np.float32), whole[:, -1:].astype(np.float32)


def sentences(seed: int, n: int = 700, steps: int = 16, words: int = 60) -> Arrays:
    """Token sequences; the class is which of two groups of words occurs more."""
    rng = np.random.default_rng(seed)
    x = rng.integers(10, words, (n, steps))
    y = rng.integers(0, 2, n)
    for row, label in zip(x, y, strict=True):
        places = rng.choice(steps, 4, replace=False)
        row[places] = rng.integers(1, 5, 4) if label else rng.integers(5, 10, 4)
    return x.astype(np.int64), y.astype(np.int64)


@functools.cache
def _mnist() -> Arrays:
    from gradgauge import datasets

    data = datasets.load("mnist")
    images = data.x_train[:12_000].reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    return images.astype(np.float32), data.y_train[:12_000].astype(np.int64)


def images(seed: int, n: int = 800, scale: float = 1 / 255) -> Arrays:
    """MNIST at 14 x 14; `scale` 1 leaves bytes' values."""
    x, y = _mnist()
    rows = np.random.default_rng(seed).choice(len(x), n, replace=False)
    return x[rows][..., None] * np.float32(scale), y[rows]
