"""Which rows are trained on and which are held out, for choosing and for confirming."""

from __future__ import annotations

import dataclasses

import numpy as np

from gradgauge.datasets import Dataset
from gradgauge.remedies.trainer import Rows


def held_out(data: Dataset, rows: Rows) -> Dataset:
    """The same training rows, and one half of the test rows: candidates are chosen on the one, and
    confirmed on the other. Both halves are of one size, so that one compilation serves both."""
    count = len(data.y_test)
    order = np.random.default_rng(count).permutation(count)
    half = max(count // 2, 1)
    chosen = np.sort(order[:half] if rows == "screen" else order[-half:])
    return dataclasses.replace(
        data,
        x_test=data.x_test[chosen],
        y_test=data.y_test[chosen],
        fingerprint=f"{data.fingerprint}:{rows}",
    )


def standardized(data: Dataset) -> Dataset:
    """Every input feature with mean 0 and spread 1 over the training rows; constant ones are 0."""
    train = data.floats(data.x_train).astype(np.float32)
    mean, spread = train.mean(axis=0), train.std(axis=0)
    spread = np.where(spread > 0, spread, 1).astype(np.float32)
    test = data.floats(data.x_test).astype(np.float32)
    return dataclasses.replace(
        data,
        x_train=(train - mean) / spread,
        x_test=(test - mean) / spread,
        fingerprint=f"{data.fingerprint}:standardized",
    )
