"""Handwritten digits of 8 x 8 pixels (Alpaydin & Kaynak, 1998), as scikit-learn ships them."""

from __future__ import annotations

import hashlib
import importlib.util

import numpy as np

from gradgauge.datasets._split import split
from gradgauge.datasets.dataset import Dataset, build
from gradgauge.errors import MissingExtra

SIDE, LARGEST = 8, 16


def load() -> Dataset:
    """1,797 images in ten classes: 1,438 to train, 359 to test; pixels from 0 to 1.

    Nothing is downloaded: the images are part of scikit-learn.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise MissingExtra("digits", "digits")
    from sklearn.datasets import load_digits

    pixels, labels = map(np.asarray, load_digits(return_X_y=True))
    images = (pixels / LARGEST).astype(np.float32).reshape(-1, SIDE, SIDE)
    fingerprint = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    return build("digits", "digits", split(images, labels), fingerprint)
