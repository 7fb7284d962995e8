"""Data made on the spot, small enough for any laptop: `spirals` and `blobs`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np

from gradgauge.datasets._split import split
from gradgauge.datasets.dataset import Dataset, build

SAMPLES = 2_000
_SEED = 0


def spirals(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved spirals of one and a half turns in the plane, with noise of 0.03.

    References:
        Lang & Witbrock (1988), Learning to tell two spirals apart.
    """
    label = np.arange(SAMPLES) % 2
    radius = np.sqrt(rng.uniform(0.01, 1, SAMPLES))
    angle = 3 * np.pi * radius + np.pi * label
    x = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return x + rng.normal(0, 0.03, x.shape), label


def blobs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ten Gaussian clusters in twenty dimensions, their centers drawn at twice their width."""
    label = np.arange(SAMPLES) % 10
    centers = 2 * rng.normal(size=(10, 20))
    return centers[label] + rng.normal(size=(SAMPLES, 20)), label


MADE: dict[str, Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]]] = {
    "spirals": spirals,
    "blobs": blobs,
}
"""Name -> what makes it."""


def load(name: str) -> Dataset:
    """1,600 samples to train and 400 to test; the same ones at every call.

    Args:
        name: a key of MADE.
    """
    x, y = MADE[name](np.random.default_rng(_SEED))
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    fingerprint = hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()
    return build(name, name, split(x, y), fingerprint)
