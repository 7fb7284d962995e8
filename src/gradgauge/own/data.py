"""Data for somebody's own networks: arrays in their own shapes, and what a report says of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gradgauge import datasets
from gradgauge.datasets import Dataset
from gradgauge.datasets.dataset import build
from gradgauge.datasets.npz import NAMES, read_arrays
from gradgauge.engine.build import SHUFFLES, generator
from gradgauge.errors import InvalidValue
from gradgauge.own.errors import OwnProblem
from gradgauge.own.loading import call_function
from gradgauge.own.score import has_classes, labels_of
from gradgauge.places import is_there
from gradgauge.spec.notation import looks_like_function

Tree = Any
"""An array, or a dict, list or tuple of arrays."""

HELD_OUT = 0.2
"""Share of the samples that is held out for testing where none are named."""

_PAIR = ("x", "y")


@dataclass(frozen=True)
class OwnData:
    """Arrays to train and test on.

    Attributes:
        name: of the data.
        x, test_x: inputs: an array (samples, ...), or a dict, list or tuple of them.
        y, test_y: targets, (samples, ...).
        classes: whether targets are classes.
        shapes: forms of a sample that inputs may be brought into, where they are flat images of a
            dataset of ours; empty: they are taken as they are.
        fingerprint: of the contents.
        origin: the dataset of ours that it is, if it is one.
    """

    name: str
    x: Tree
    y: np.ndarray
    test_x: Tree
    test_y: np.ndarray
    classes: bool
    shapes: tuple[tuple[int, ...], ...] = ()
    fingerprint: str = ""
    origin: Dataset | None = None

    @property
    def samples(self) -> int:
        """To train on."""
        return len(self.y)

    def shaped(self, shape: tuple[int, ...]) -> OwnData:
        """The same with every input in this form."""

        def form(array: np.ndarray) -> np.ndarray:
            return array.reshape(len(array), *shape)

        return replace(self, x=mapped(form, self.x), test_x=mapped(form, self.test_x), shapes=())

    def has_classes(self, loss_kind: str) -> bool:
        """Whether the targets are classes, as a loss of this kind understands them."""
        return has_classes(self.y, loss_kind) and has_classes(self.test_y, loss_kind)

    def as_dataset(self) -> Dataset:
        """The same for reports: inputs in a row, targets as classes or numbers."""
        if self.origin is not None and self.origin.has_classes == self.classes:
            return self.origin
        x, test_x = leaves(self.x)[0], leaves(self.test_x)[0]
        flat = {"x_train": x.reshape(len(x), -1), "x_test": test_x.reshape(len(test_x), -1)}
        form = labels_of if self.classes else _numbers
        return Dataset(
            self.name,
            y_train=form(self.y),
            y_test=form(self.test_y),
            fingerprint=self.fingerprint,
            image_shape=x.shape[1:],
            **flat,
        )

    def for_notations(self) -> Dataset:
        """The same for networks named by their notation: inputs in a row, checked.

        Raises:
            DataProblem: such a network cannot be trained on it; one sentence says why.
        """
        if self.origin is not None:
            return self.origin
        x, test_x = leaves(self.x)[0], leaves(self.test_x)[0]
        form = labels_of if self.classes else _numbers
        arrays = {
            "x_train": _plain(x),
            "y_train": form(self.y),
            "x_test": _plain(test_x),
            "y_test": form(self.test_y),
        }
        return build(self.name, self.name, arrays, self.fingerprint, self.classes)


def _plain(array: np.ndarray) -> np.ndarray:
    """Whole numbers mean themselves here, not images of so many levels."""
    return array if array.dtype.kind == "f" else array.astype(np.float32)


def _numbers(y: np.ndarray) -> np.ndarray:
    return y.reshape(len(y), -1).astype(np.float64)


def mapped(function: Callable[[Any], Any], tree: Tree) -> Tree:
    """`function` of every array of a tree."""
    if isinstance(tree, dict):
        return {key: mapped(function, part) for key, part in tree.items()}
    if isinstance(tree, (list, tuple)):
        return type(tree)(mapped(function, part) for part in tree)
    return function(tree)


def leaves(tree: Tree) -> list[np.ndarray]:
    """The arrays of a tree."""
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in leaves(part)]
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in leaves(part)]
    return [tree]


def given_data(
    x: Tree,
    y: Any,
    test: tuple[Tree, Any] | None = None,
    name: str = "x, y",
) -> OwnData:
    """The arrays that a user gives; without test data a fifth of the samples is held out.

    Args:
        x: an array, or a dict or list of arrays; (samples, ...) each.
        y: targets, (samples, ...).
        test: x and y to test on.
        name: what reports call the data.

    Raises:
        OwnProblem: no samples, or numbers of samples that differ.
    """
    x, y = mapped(_array, x), _array(y)
    _check(x, y, "x, y")
    if test is None:
        order = np.random.default_rng(0).permutation(len(y))
        cut = max(1, round(len(y) * HELD_OUT))
        if cut >= len(y):
            raise OwnProblem("too_few", samples=len(y))
        held, left = order[:cut], np.sort(order[cut:])
        test_x, test_y = rows_of(x, held), y[held]
        x, y = rows_of(x, left), y[left]
    else:
        test_x, test_y = mapped(_array, test[0]), _array(test[1])
        _check(test_x, test_y, "test_x, test_y")
    classes = has_classes(y) and has_classes(test_y)
    print_ = fingerprint([*leaves(x), y, *leaves(test_x), test_y])
    return OwnData(name, x, y, test_x, test_y, classes, fingerprint=print_)


def named_data(name: str) -> OwnData:
    """The data of a dataset's name, of an .npz or .csv file, or of a function.

    An .npz file holds x_train, y_train, x_test and y_test, or x and y; a function
    (`module:function`) returns x and y, or those four in a row. Bytes are images: they become
    [0, 1]; all else is taken as it is.

    Raises:
        DataProblem: it is none of them, or it cannot be used.
        OwnProblem: what the function returns is something else.
    """
    path = Path(name)
    if looks_like_function(name) and not is_there(path):
        return _of_function(name)
    if path.suffix == ".npz":
        arrays = list(read_arrays(path, [NAMES, _PAIR]).values())
        return _four(arrays, name, _image)
    return own_data(datasets.load(name))


def own_data(data: Dataset) -> OwnData:
    """A Dataset, in the forms that a network may take its images in."""

    def floats(x: np.ndarray) -> np.ndarray:
        return np.asarray(data.floats(x), np.float32)

    shape = tuple(data.image_shape)
    forms = dict.fromkeys((shape, (data.inputs,), (1, *shape), (*shape, 1)))
    return OwnData(
        data.name,
        floats(data.x_train),
        data.y_train,
        floats(data.x_test),
        data.y_test,
        data.has_classes,
        tuple(forms) if len(shape) > 1 else (),
        data.fingerprint,
        data,
    )


def _of_function(name: str) -> OwnData:
    returned = call_function(name)
    parts = list(returned) if isinstance(returned, (tuple, list)) else [returned]
    if len(parts) == 2 and all(isinstance(p, (tuple, list)) and len(p) == 2 for p in parts):
        parts = [*parts[0], *parts[1]]  # As Keras's own datasets: (x_train, y_train), (...).
    return _four(parts, name, lambda array: array)


def _four(parts: Sequence[Any], name: str, form: Callable[[Any], Any]) -> OwnData:
    if len(parts) not in (2, 4):
        raise OwnProblem("wrong_arrays", path=name, count=len(parts))
    x, y = mapped(form, parts[0]), parts[1]
    test = (mapped(form, parts[2]), parts[3]) if len(parts) == 4 else None
    return given_data(x, y, test, name)


def _image(array: np.ndarray) -> np.ndarray:
    return (array / 255).astype(np.float32) if array.dtype == np.uint8 else array


def _array(leaf: Any) -> np.ndarray:
    """An array of numbers; tensors of other frameworks by way of the host."""
    if hasattr(leaf, "detach"):
        leaf = leaf.detach().cpu()
    array = np.asarray(leaf)
    if array.dtype.kind not in "uifb" or array.ndim == 0:
        raise OwnProblem("no_array", kind=type(leaf).__name__)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _check(x: Tree, y: np.ndarray, what: str) -> None:
    counts = {len(leaf) for leaf in leaves(x)} | {len(y)}
    if len(counts) > 1:
        raise OwnProblem("wrong_rows", what=what, rows=len(leaves(x)[0]), labels=len(y))
    if not len(y):
        raise OwnProblem("no_samples", what=what)


def rows_of(tree: Tree, rows: Any) -> Tree:
    """Some samples of every array."""
    return mapped(lambda array: array[rows], tree)


def fingerprint(arrays: Sequence[np.ndarray]) -> str:
    """SHA-256 of the arrays' contents and forms."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


@dataclass(frozen=True)
class Batches:
    """The batches of one training: those that every network with this seed gets.

    Attributes:
        x, y: all samples.
        size: samples a batch; the last one of an epoch takes what is left.
        epochs: passes, reshuffled each.
        seed: of the shuffles, which are the engine's own.
        in_order: whether they are not reshuffled at all.
    """

    x: Tree
    y: np.ndarray
    size: int
    epochs: int
    seed: int
    in_order: bool = False

    def __post_init__(self) -> None:
        if self.size > len(self.y):
            raise InvalidValue("batch_size", self.size, "at_most_samples", samples=len(self.y))

    @property
    def per_epoch(self) -> int:
        """Steps of one pass."""
        return -(-len(self.y) // self.size)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.per_epoch * self.epochs

    def orders(self) -> Iterator[np.ndarray]:
        """The samples' order in every epoch."""
        rng = generator(self.seed, SHUFFLES)
        for _ in range(self.epochs):
            yield np.arange(len(self.y)) if self.in_order else rng.permutation(len(self.y))

    def batch(self, order: np.ndarray, number: int) -> tuple[Tree, np.ndarray]:
        """Batch `number` of an epoch in that order."""
        rows = order[number * self.size : (number + 1) * self.size]
        return rows_of(self.x, rows), self.y[rows]
