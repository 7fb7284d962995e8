"""Synthetic data of 2026b."""

from __future__ import annotations

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


def houses(seed: int) -> Arrays:
    """A table of unlike units (area, year, rooms, distance, income) and a price near 3e5."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(800, 5))
    value = z[:, 0] + 0.6 * z[:, 4] - 0.5 * z[:, 3] + 0.3 * z[:, 0] * z[:, 1] + 0.2 * z[:, 2]
    x = z * [45.0, 22.0, 1.2, 8.0, 21_000.0] + [130.0, 1975.0, 4.0, 15.0, 52_000.0]
    price = 3e5 + 6e4 * (value + 0.1 * rng.normal(size=800))
    return x.astype("float32"), price.astype("float32")[:, None]


def houses_scaled(seed: int) -> Arrays:
    """The same, both standardized."""
    x, y = houses(seed)
    return (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0)


def checkers(seed: int) -> Arrays:
    """A 3 x 3 board of two colors: no line tells them apart."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.5, 1.5, (900, 2))
    y = (np.floor(x[:, 0] + 1.5) + np.floor(x[:, 1] + 1.5)).astype(int) % 2
    return x.astype("float32"), y.astype("int64")


def vowels(seed: int) -> Arrays:
    """Six classes, each of two clusters, 16 features of which half are noise."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(0, 1.6, (6, 2, 8))
    y, which = rng.integers(0, 6, 900), rng.integers(0, 2, 900)
    x = rng.normal(size=(900, 16))
    x[:, :8] += centers[y, which]
    return x.astype("float32"), y.astype("int64")


def gratings(seed: int) -> Arrays:
    """Stripes of four directions, any phase, 10 x 10 pixels from 0 to 1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 700)
    angle, phase = y[:, None, None] * np.pi / 4, rng.uniform(0, 6.3, (700, 1, 1))
    i, j = np.meshgrid(np.arange(10), np.arange(10), indexing="ij")
    x = 0.5 + 0.35 * np.sin(1.6 * (i * np.cos(angle) + j * np.sin(angle)) + phase)
    x = np.clip(x + rng.normal(0, 0.1, x.shape), 0, 1)
    return x[..., None].astype("float32"), y.astype("int64")


def gestures(seed: int) -> Arrays:
    """Three channels over 20 steps; the class says in which order two bumps come."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 600)
    x = rng.normal(0, 0.3, (600, 20, 3))
    for row, label in zip(x, y, strict=True):
        a, b = rng.integers(2, 8), rng.integers(11, 18)
        row[a : a + 2, label] += 2
        row[b : b + 2, (label + 1) % 3] += 2
    return x.astype("float32"), y.astype("int64")


def demand(seed: int) -> Arrays:
    """A seasonal series: sixteen past values, and the next one."""
    rng = np.random.default_rng(seed)
    t = np.arange(716)
    s = np.sin(t / 3) + 0.5 * np.sin(t / 7 + 1) + rng.normal(0, 0.1, 716)
    x = np.lib.stride_tricks.sliding_window_view(s[:-1], 16)
    return x[..., None].astype("float32").copy(), s[16:, None].astype("float32")


def reviews(seed: int) -> Arrays:
    """Twelve tokens of 80; a few words carry the sentiment."""
    rng = np.random.default_rng(seed)
    good = rng.normal(size=80) * (np.arange(80) < 30)
    x = rng.integers(1, 80, (700, 12))
    return x.astype("int64"), (good[x].sum(1) > 0).astype("int64")


def memory(seed: int) -> Arrays:
    """A hundred steps; the class stands in the second one."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 500)
    x = rng.normal(0, 0.4, (500, 100, 1))
    x[:, 1, 0] = 2.5 * (2 * y - 1)
    return x.astype("float32"), y.astype("int64")


def genes(seed: int) -> Arrays:
    """60 features and three independent labels."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(700, 60))
    y = x @ (rng.normal(size=(60, 3)) * (rng.random((60, 3)) < 0.2)) > 0.3
    return x.astype("float32"), y.astype("float32")


def tails(seed: int) -> Arrays:
    """Regression with outliers: noise of Student's t with two degrees of freedom."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-2, 2, (800, 4))
    y = np.sin(2 * x[:, 0]) + x[:, 1] + 0.15 * rng.standard_t(2, 800)
    return x.astype("float32"), y.astype("float32")[:, None]
