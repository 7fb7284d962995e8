"""Synthetic data of 2026a."""

from __future__ import annotations

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


def spirals(seed: int) -> Arrays:
    """Three arms."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 900)
    r = rng.uniform(0.2, 2, 900)
    a = 2 * r + y * 2.09 + rng.normal(0, 0.15, 900)
    return np.stack([r * np.cos(a), r * np.sin(a)], 1).astype("float32"), y


def friedman(seed: int) -> Arrays:
    """Friedman's first function, standardized."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (900, 8))
    y = np.sin(3 * x[:, 0] * x[:, 1]) + 2 * x[:, 2] ** 2 + x[:, 3] + 0.1 * rng.normal(size=900)
    return x.astype("float32"), ((y - y.mean()) / y.std()).astype("float32")[:, None]


def counts(seed: int) -> Arrays:
    """Small counts whose rates depend on the class."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 4, 900)
    rates = np.random.default_rng(seed + 1).gamma(1.0, 1.5, (4, 25))
    return np.log1p(rng.poisson(rates[y])).astype("float32"), y


def tones(seed: int) -> Arrays:
    """Waves of three speeds."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 600)
    speed = np.array([0.3, 0.6, 1.1])[y][:, None]
    x = np.sin(speed * np.arange(30) + rng.uniform(0, 6, (600, 1))) + rng.normal(0, 0.2, (600, 30))
    return x[..., None].astype("float32"), y


def bars(seed: int) -> Arrays:
    """Horizontal, vertical and diagonal bars somewhere in 12 x 12 pixels."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 800)
    x = rng.normal(0, 0.15, (800, 12, 12))
    for image, kind in zip(x, y, strict=True):
        a, b = rng.integers(1, 6, 2)
        for i in range(6):
            image[a + (i if kind else 0), b + (i if kind != 1 else 0)] += 1
    return x[..., None].astype("float32"), y
