"""What is kept of a dataset beside a Run: enough for every sentence about it, without its arrays."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradgauge.datasets.dataset import Dataset
from gradgauge.parts.losses import constant_loss

ATTRIBUTE = "data"
"""The Run attribute that holds, as JSON, what the other attributes do not say."""


@dataclass(frozen=True)
class DataFacts:
    """A dataset in a few numbers. NaN: not known, as in a Run of before they were kept.

    Attributes:
        name: as the user gave it.
        fingerprint: hash of the contents.
        train, test: numbers of samples.
        image_shape: a sample's own shape, before it was flattened; empty: not known.
        input_square: mean square of the inputs of the probe batch.
        majority_train, majority_test: the share of right answers of always naming the most
            frequent class; NaN for regression.
        constant_loss: training loss of the best prediction that does not look at its input.
    """

    name: str
    fingerprint: str
    train: int
    test: int
    image_shape: tuple[int, ...] = ()
    input_square: float = math.nan
    majority_train: float = math.nan
    majority_test: float = math.nan
    constant_loss: float = math.nan

    @property
    def inputs(self) -> int:
        """Numbers a sample; 0: not known."""
        return math.prod(self.image_shape) if self.image_shape else 0

    @classmethod
    def of(cls, dataset: Dataset, loss: str, probe_samples: int) -> DataFacts:
        """The facts of a dataset.

        Args:
            dataset: the arrays.
            loss: of the training.
            probe_samples: how many of the first training samples are probed.
        """
        probed = dataset.floats(dataset.x_train[:probe_samples]).astype(np.float64)
        majority_train = majority_test = math.nan
        if dataset.has_classes:
            majority_train = majority_share(dataset.y_train)
            majority_test = majority_share(dataset.y_test)
        return cls(
            dataset.name,
            dataset.fingerprint,
            len(dataset.y_train),
            len(dataset.y_test),
            tuple(map(int, dataset.image_shape)),
            float(np.mean(probed**2)),
            majority_train,
            majority_test,
            constant_loss(loss, dataset.y_train),
        )

    def attributes(self) -> dict[str, Any]:
        """As a Run's attributes."""
        rest = {
            "image_shape": list(self.image_shape),
            **{name: getattr(self, name) for name in _NUMBERS},
        }
        return {
            "dataset": self.name,
            "dataset_fingerprint": self.fingerprint,
            "train_samples": self.train,
            "test_samples": self.test,
            ATTRIBUTE: json.dumps({k: v for k, v in rest.items() if v == v}),
        }

    @classmethod
    def read(cls, attributes: Mapping[str, Any]) -> DataFacts:
        """The facts in a Run's attributes.

        Raises:
            TypeError, ValueError: they are not such as we write.
        """
        kept = json.loads(attributes.get(ATTRIBUTE) or "{}")
        if not isinstance(kept, dict):
            raise TypeError(ATTRIBUTE)
        shape = tuple(int(size) for size in kept.get("image_shape", ()))
        if any(size < 1 for size in shape):
            raise ValueError(ATTRIBUTE)
        return cls(
            str(attributes.get("dataset", "")),
            str(attributes.get("dataset_fingerprint", "")),
            int(attributes.get("train_samples", 0)),
            int(attributes.get("test_samples", 0)),
            shape,
            **{name: float(kept.get(name, math.nan)) for name in _NUMBERS},
        )


_NUMBERS = ("input_square", "majority_train", "majority_test", "constant_loss")


def majority_share(labels: np.ndarray) -> float:
    """The share of right answers of always naming the most frequent class of `labels`."""
    return float(np.bincount(labels.reshape(-1)).max() / labels.size)
