"""Dataset: training and test arrays, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradgauge.errors import DataProblem, InvalidValue

MOST_CLASSES = 9_999

THINNED = ":every "
"""Stands in a fingerprint before the number of samples that were picked evenly."""


@dataclass(frozen=True)
class Dataset:
    """Training and test data.

    Attributes:
        name: as given by the user.
        x_train, x_test: (samples, inputs); uint8 (representing x / 255) or floats.
        y_train, y_test: class indices, (samples,), int32; or numbers, (samples, outputs), floats.
        fingerprint: hash of the contents.
        image_shape: shape of a sample before it was flattened.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    fingerprint: str
    image_shape: tuple[int, ...]

    def __repr__(self) -> str:
        rows = f"{len(self.x_train)} to train, {len(self.x_test)} to test"
        return f"<Dataset {self.name!r}: {rows}, {self.inputs} inputs>"

    @property
    def inputs(self) -> int:
        """Number of inputs per sample."""
        return self.x_train.shape[1]

    @property
    def has_classes(self) -> bool:
        """Whether the targets are class indices."""
        return self.y_train.dtype.kind in "iu"

    @staticmethod
    def floats(x: np.ndarray) -> np.ndarray:
        """Inputs as floats: uint8 divided by 255, floats unchanged."""
        return x / 255 if x.dtype == np.uint8 else x

    def first(self, train: int | None = None, test: int | None = None) -> Dataset:
        """The first samples for training and for testing; None: all."""
        if train is None and test is None:
            return self
        return replace(
            self,
            x_train=self.x_train[:train],
            y_train=self.y_train[:train],
            x_test=self.x_test[:test],
            y_test=self.y_test[:test],
            fingerprint=f"{self.fingerprint}:{train}:{test}",
        )

    def thinned(self, train: int | None) -> Dataset:
        """With fewer training samples, selected evenly so that sorted data keep their classes;
        None: all.

        Raises:
            InvalidValue: more than available, or so few that a class has no samples.
        """
        if train is None or train == len(self.y_train):
            return self
        if train > len(self.y_train):
            samples = len(self.y_train)
            raise InvalidValue("train_samples", train, "at_most_samples", samples=samples)
        rows = np.arange(train) * len(self.y_train) // train
        y = self.y_train[rows]
        if self.has_classes and len(np.unique(y)) < len(np.unique(self.y_train)):
            raise InvalidValue("train_samples", train, "every_class")
        fingerprint = f"{self.fingerprint}{THINNED}{train}"
        return replace(self, x_train=self.x_train[rows], y_train=y, fingerprint=fingerprint)

    @property
    def outputs(self) -> int:
        """Number of classes, or of target numbers."""
        return int(self.y_train.max()) + 1 if self.has_classes else self.y_train.shape[1]


def build(
    name: str,
    path: str,
    arrays: dict[str, np.ndarray],
    fingerprint: str,
    classification: bool = True,
) -> Dataset:
    """A Dataset of raw arrays, or the first thing that is wrong with them.

    Args:
        name: what the result calls it.
        path: where the arrays come from, for messages.
        arrays: x_train, y_train, x_test, y_test: images or vectors; labels (samples,) or
            (samples, 1), or target numbers where `classification` is False.
        fingerprint: hash of the contents.
        classification: whether y are classes.

    Raises:
        DataProblem: names the array and what is wrong with it.
    """
    ready: dict[str, np.ndarray] = {}
    for part in ("train", "test"):
        ready[f"x_{part}"] = _inputs(path, f"x_{part}", arrays[f"x_{part}"])
        convert = _labels if classification else _numbers
        ready[f"y_{part}"] = convert(path, f"y_{part}", arrays[f"y_{part}"])
        rows, labels = len(ready[f"x_{part}"]), len(ready[f"y_{part}"])
        if rows != labels:
            raise DataProblem(path, "wrong_rows", part=part, rows=rows, labels=labels)
    ready |= _scaled({name: ready[name] for name in ("x_train", "x_test")})
    train, test = ready["x_train"].shape[1], ready["x_test"].shape[1]
    if train != test:
        raise DataProblem(path, "shapes_differ", train=train, test=test)
    if classification:
        most, high = int(ready["y_train"].max()), int(ready["y_test"].max())
        if most == 0:
            raise DataProblem(path, "one_class")
        if high > most:
            raise DataProblem(path, "test_label_unknown", high=high, most=most)
    return Dataset(name, fingerprint=fingerprint, image_shape=arrays["x_train"].shape[1:], **ready)


def _inputs(path: str, name: str, x: np.ndarray) -> np.ndarray:
    if x.dtype.kind not in "uif":
        raise DataProblem(path, "wrong_dtype", name=name, dtype=x.dtype)
    if x.ndim < 2:
        raise DataProblem(path, "inputs_shape", name=name, shape=x.shape)
    if x.size == 0:
        raise DataProblem(path, "no_samples", name=name)
    flat = x.reshape(len(x), -1)
    if x.dtype.kind == "f":
        _check_finite(path, name, flat)
    return flat


def _scaled(images: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Integer images to [0, 1], training and test ones by one divisor; floats as they are.

    Bytes stay bytes; a wider range is divided by 65,535 where that holds it, else by its own
    largest size.
    """
    whole = {name: x for name, x in images.items() if x.dtype.kind != "f"}
    if not whole:
        return {}
    low = min(int(x.min()) for x in whole.values())
    high = max(int(x.max()) for x in whole.values())
    if low >= 0 and high <= 255:
        return {name: x.astype(np.uint8, copy=False) for name, x in whole.items()}
    scale = 65_535 if low >= 0 and high <= 65_535 else max(abs(low), high)
    return {name: (x / scale).astype(np.float32) for name, x in whole.items()}


def _check_finite(path: str, name: str, x: np.ndarray) -> None:
    fine = np.isfinite(x).all(axis=1)
    if not fine.all():
        raise DataProblem(path, "not_finite", name=name, row=int(np.argmin(fine)))


def _labels(path: str, name: str, y: np.ndarray) -> np.ndarray:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        reason = "one_hot" if _is_one_hot(y) else "labels_shape"
        raise DataProblem(path, reason, name=name, shape=y.shape)
    if y.size == 0:
        raise DataProblem(path, "no_samples", name=name)
    if y.dtype.kind == "f":
        _check_finite(path, name, y[:, None])
    if y.dtype.kind not in "uif" or not np.array_equal(y, np.floor(y)):
        raise DataProblem(path, "wrong_dtype", name=name, dtype=y.dtype)
    low, high = int(y.min()), int(y.max())
    if low < 0 or high > MOST_CLASSES:
        raise DataProblem(
            path, "labels_out_of_range", name=name, low=low, high=high, most=MOST_CLASSES
        )
    return y.astype(np.int32)


def _is_one_hot(y: np.ndarray) -> bool:
    """Whether every row of a matrix holds a single 1 among zeros."""
    if y.ndim != 2 or y.dtype.kind not in "uifb":
        return False
    return bool((((y == 0) | (y == 1)).all(axis=1) & (y.sum(axis=1) == 1)).all())


def _numbers(path: str, name: str, y: np.ndarray) -> np.ndarray:
    if y.dtype.kind not in "uif":
        raise DataProblem(path, "wrong_dtype", name=name, dtype=y.dtype)
    if y.ndim not in (1, 2):
        raise DataProblem(path, "targets_shape", name=name, shape=y.shape)
    if y.size == 0:
        raise DataProblem(path, "no_samples", name=name)
    numbers = y.reshape(len(y), -1).astype(np.float64)
    _check_finite(path, name, numbers)
    return numbers
