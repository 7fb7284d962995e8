"""A look at data before they are trained on: what hinders learning, in one sentence each."""

from __future__ import annotations

import warnings

import numpy as np

from gradgauge.datasets.dataset import Dataset
from gradgauge.errors import GradgaugeWarning

LARGE = 10.0
"""Root mean square of the inputs above which they are called unscaled: the limit of `diagnose`'s
rule unscaled-input, and its source (LeCun et al., 1998, section 4.3)."""

_SAMPLES = 1_000


def look_at(dataset: Dataset) -> list[GradgaugeWarning]:
    """What is odd about a dataset: inputs far from unit size, classes that no sample has."""
    found = []
    x = dataset.floats(dataset.x_train[:_SAMPLES]).astype(np.float64)
    if np.sqrt(np.mean(x**2)) > LARGE:
        low, high = (f"{value:.6g}" for value in (x.min(), x.max()))
        found.append(GradgaugeWarning("data.unscaled", name=dataset.name, low=low, high=high))
    if dataset.has_classes:
        counts = np.bincount(dataset.y_train)
        if counts[0] == 0 and counts[1:].all():
            found.append(GradgaugeWarning("data.from_one", name=dataset.name, most=len(counts) - 1))
        elif not counts.all():
            missing = ", ".join(map(str, np.flatnonzero(counts == 0)[:5]))
            found.append(GradgaugeWarning("data.missing_class", name=dataset.name, missing=missing))
    return found


def warn_of(dataset: Dataset) -> None:
    """Warn of what `look_at` finds."""
    for warning in look_at(dataset):
        warnings.warn(warning, stacklevel=3)
