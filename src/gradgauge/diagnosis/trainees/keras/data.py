"""What `fit` was given, and the probe samples of it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gradgauge.diagnosis.errors import CannotDiagnose
from gradgauge.gauges import PROBE_SAMPLES


@dataclass(frozen=True)
class FitData:
    """Data as for `fit`.

    Attributes:
        x, y: what `fit` gets.
        x_probe, y_probe: some samples drawn from all, as arrays: data are often sorted by class.
        x_first, y_first: the first samples, which a Run's probes are of.
        rows: which samples the probe ones are; None where that is not known.
        x_whole, y_whole: all samples where they are arrays; else the probe samples.
        samples: how many there are.
        batch_size: samples a step.
        weighted: whether samples or classes have weights.
    """

    x: Any
    y: Any
    x_probe: Any
    y_probe: Any
    x_whole: Any
    y_whole: Any
    samples: int
    batch_size: int
    weighted: bool
    x_first: Any
    y_first: Any
    rows: np.ndarray | None = None

    def probe(self) -> tuple[Any, Any]:
        """x and y as a watcher takes them."""
        return self.x_first, self.y_first

    def probed(self, x: Any) -> Any:
        """The probe samples of other inputs, changed from the whole ones."""
        rows = self.rows
        return x if rows is None else keras.tree.map_structure(lambda a: a[rows], x)


def first_rows(tree: Any, rows: int) -> Any:
    """The first samples of every array."""
    return keras.tree.map_structure(lambda a: a[:rows], tree)


def given(x: Any, y: Any, options: dict[str, Any]) -> FitData:
    """Look at what `fit` would get.

    Raises:
        CannotDiagnose: no data, a generator, or arrays of different length.
    """
    if x is None:
        raise CannotDiagnose("no_data")
    weighted = options.get("class_weight") is not None or options.get("sample_weight") is not None
    if _is_array_tree(x):
        return _arrays(x, y, int(options.get("batch_size") or 32), weighted)
    return _batches(x, options, weighted)


def _is_array_tree(x: Any) -> bool:
    leaves = keras.tree.flatten(x)
    return (
        bool(leaves)
        and all(
            (hasattr(leaf, "shape") and hasattr(leaf, "dtype") and hasattr(leaf, "__getitem__"))
            or isinstance(leaf, (int, float))
            for leaf in leaves
        )
        and not isinstance(x, keras.utils.PyDataset)
    )


def _arrays(x: Any, y: Any, batch_size: int, weighted: bool) -> FitData:
    if isinstance(x, (list, tuple)) and not all(hasattr(leaf, "shape") for leaf in x):
        x = np.asarray(x)
    if isinstance(y, (list, tuple)) and not all(hasattr(leaf, "shape") for leaf in y):
        y = np.asarray(y)
    rows = [len(a) for a in keras.tree.flatten(x)]
    labels = [len(a) for a in keras.tree.flatten(y)] if y is not None else rows[:1]
    if min(rows) == 0:
        raise CannotDiagnose("no_data")
    if len({*rows, *labels}) > 1:
        raise CannotDiagnose("wrong_rows", rows=rows[0], labels=labels[0])

    def first(a: Any) -> Any:
        return np.asarray(a[:PROBE_SAMPLES])

    chosen = _some(rows[0], y)

    def some(a: Any) -> Any:
        return np.asarray(a)[chosen]

    x_first, x_probe = (keras.tree.map_structure(pick, x) for pick in (first, some))
    y_first = y_probe = None
    if y is not None:
        y_first, y_probe = (keras.tree.map_structure(pick, y) for pick in (first, some))
    return FitData(
        x, y, x_probe, y_probe, x, y, rows[0], batch_size, weighted, x_first, y_first, chosen
    )


def _some(samples: int, y: Any) -> np.ndarray:
    """Rows in random order, always the same; among them the smallest and the largest label."""
    rows = np.random.default_rng(0).permutation(samples)[:PROBE_SAMPLES]
    labels = np.asarray(y) if hasattr(y, "dtype") and getattr(y, "ndim", 0) == 1 else None
    if labels is not None and labels.dtype.kind in "ui" and samples > PROBE_SAMPLES:
        rows[-2:] = [int(labels.argmin()), int(labels.argmax())]
    return rows


def _batches(given: Any, options: dict[str, Any], weighted: bool) -> FitData:
    """A dataset of batches that can be gone through again."""
    x: Any = given
    if iter(x) is x:
        raise CannotDiagnose("generator")
    batches: list[Any]
    if isinstance(given, keras.utils.PyDataset):
        batches = [x[i] for i in range(min(len(x), 8))]
    else:
        batches = list(itertools.islice(iter(x), 8))
    if not batches:
        raise CannotDiagnose("no_data")
    first = batches[0]
    if not isinstance(first, (tuple, list)) or len(first) < 2:
        raise CannotDiagnose("no_targets")

    def joined(position: int) -> Any:
        parts = [keras.tree.map_structure(_numpy, b[position]) for b in batches]
        return keras.tree.map_structure(lambda *a: np.concatenate(a)[:PROBE_SAMPLES], *parts)

    x_probe, y_probe = joined(0), joined(1)
    batch_size = len(keras.tree.flatten(first[0])[0])
    try:
        count = len(x)
    except TypeError:
        count = int(options.get("steps_per_epoch") or 0) or sum(1 for _ in x)
    options.pop("batch_size", None)
    return FitData(
        x,
        None,
        x_probe,
        y_probe,
        x_probe,
        y_probe,
        count * batch_size,
        batch_size,
        weighted or len(first) > 2,
        x_probe,
        y_probe,
    )


def _numpy(leaf: Any) -> np.ndarray:
    return np.asarray(leaf.numpy() if hasattr(leaf, "numpy") else leaf)
