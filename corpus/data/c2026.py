"""Data of 2026c: synthetic."""

from __future__ import annotations

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray]


def sensors(seed: int, n: int = 1200) -> Arrays:
    """Four classes by two hidden angles; ten features, some of them products."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-2, 2, (2, n))
    y = (a * b > 0).astype(int) + 2 * (a + b > 0.5).astype(int)
    mixing = np.random.default_rng(seed + 1).normal(size=(4, 10))
    x = np.stack([a, b, np.sin(2 * a), np.cos(2 * b)], 1) @ mixing
    return (x + 0.1 * rng.normal(size=x.shape)).astype("float32"), y.astype("int64")


def groups(seed: int, n: int = 1200, classes: int = 6, apart: float = 1.0) -> Arrays:
    """Gaussian classes in 24 dimensions."""
    rng = np.random.default_rng(seed)
    centers = rng.normal(size=(classes, 24)) * apart
    y = rng.integers(0, classes, n)
    return (centers[y] + rng.normal(size=(n, 24))).astype("float32"), y.astype("int64")


def yields(seed: int, n: int = 1200) -> Arrays:
    """Regression on six standardized features; one target of unit size."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    y = np.tanh(x[:, 0] * x[:, 1]) + 0.7 * x[:, 2] + 0.4 * np.abs(x[:, 3])
    y = (y - y.mean()) / y.std() + 0.1 * rng.normal(size=n)
    return x.astype("float32"), y.astype("float32")[:, None]


def faults(seed: int, n: int = 1500, rate: float = 0.06) -> Arrays:
    """Rare positives, on a shell of their own."""
    rng = np.random.default_rng(seed)
    y = (rng.random(n) < rate).astype("int64")
    x = rng.normal(size=(n, 8))
    x[y == 1] = x[y == 1] * 0.4 + np.array([1.6, -1.6, 1.6, 0, 0, 0, 0, 0])
    return x.astype("float32"), y


def calls(seed: int, n: int = 1000, steps: int = 16) -> Arrays:
    """Sequences of two channels; the class is which channel peaks first, or neither does."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.normal(0, 0.3, (n, steps, 2))
    for row, label in zip(x, y, strict=True):
        a, b = sorted(rng.choice(np.arange(1, steps - 1), 2, replace=False))
        if label < 2:
            row[a, label] += 3
            row[b, 1 - label] += 3
    return x.astype("float32"), y.astype("int64")


def orders(seed: int, n: int = 1000, steps: int = 12, words: int = 40) -> Arrays:
    """Padded token sequences (0 is padding, behind); the class: more low words than high ones."""
    rng = np.random.default_rng(seed)
    x = rng.integers(1, words, (n, steps))
    length = rng.integers(4, steps + 1, n)
    x[np.arange(steps) >= length[:, None]] = 0
    low = ((x > 0) & (x < words // 2)).sum(1)
    return x.astype("int64"), (2 * low > length).astype("int64")


def counting(seed: int, n: int = 800, steps: int = 10, words: int = 12) -> Arrays:
    """Language modeling: each row counts up by a stride of its own; targets are the next words."""
    rng = np.random.default_rng(seed)
    start, stride = rng.integers(0, words, (n, 1)), rng.integers(1, 4, (n, 1))
    whole = (start + stride * np.arange(steps + 1)) % words + 1
    return whole[:, :-1].astype("int64"), whole[:, 1:].astype("int64")


def padded(seed: int) -> Arrays:
    """The same in long rows of which only the first few places are used; 0 is padding."""
    x, y = counting(seed, steps=40)
    used = np.random.default_rng(seed).integers(3, 6, (len(x), 1))
    behind = np.arange(40) >= used
    x[behind], y[behind] = 0, 0
    return x, y


def early(seed: int, n: int = 800, steps: int = 60) -> Arrays:
    """The class stands in the first steps of a long noisy sequence."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    x = rng.normal(0, 0.5, (n, steps, 2))
    x[:, :2, 0] += np.where(y == 1, 1.5, -1.5)[:, None]
    return x.astype("float32"), y.astype("int64")


def shapes(seed: int, n: int = 900) -> Arrays:
    """Discs, rings and crosses somewhere on 12 x 12 pixels, channel first, from 0 to 1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    cx, cy = rng.uniform(4, 7, (2, n, 1, 1))
    i, j = np.meshgrid(np.arange(12), np.arange(12), indexing="ij")
    r = np.hypot(i - cx, j - cy)
    cross = np.minimum(abs(i - cx), abs(j - cy)) < 0.8
    x = np.select(
        [y[:, None, None] == 0, y[:, None, None] == 1],
        [r < 3, abs(r - 3) < 0.9],
        cross & (r < 4),
    )
    x = np.clip(x + rng.normal(0, 0.15, x.shape), 0, 1)
    return x[:, None].astype("float32"), y.astype("int64")


def views(seed: int, n: int = 900) -> Arrays:
    """Two noisy views of each thing, (n, 2, 24), and its kind."""
    x, y = groups(seed, n, classes=8, apart=0.7)
    rng = np.random.default_rng(seed + 2)
    pair = np.stack([x + 0.5 * rng.normal(size=x.shape) for _ in range(2)], 1)
    return pair.astype("float32"), y


def spots(seed: int, n: int = 1500) -> Arrays:
    """Points of a narrow mixture in the plane: its log density is above 0. Targets: the points."""
    rng = np.random.default_rng(seed)
    centers = np.array([[-1.0, 0.0], [1.0, 0.5], [0.0, -1.0]])
    x = centers[rng.integers(0, 3, n)] + 0.08 * rng.normal(size=(n, 2))
    return x.astype("float32"), x.astype("float32")
