"""A pass of a Keras model over the probe batch, without any trace: variables are arguments."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from gradgauge.gauges import PROBE_SAMPLES
from gradgauge.watchers.keras.layers import Row
from gradgauge.watchers.keras.taps import Mark, Taps

MOST_ENTRIES, LEAST_SAMPLES = 2**23, 16
"""Most numbers that the signals of one pass may hold, some 32 MB, and the fewest samples."""

_TRIED = 8


@dataclass(frozen=True)
class PassResult:
    """What a pass gives, as NumPy arrays.

    Attributes:
        loss: of the batch.
        values, grads: of every mark; a gradient is None where the loss does not depend on it.
        weight_grads: of every trainable variable, in the model's order.
    """

    loss: float
    values: list[np.ndarray | None]
    grads: list[np.ndarray | None]
    weight_grads: list[np.ndarray | None]


class Tapped:
    """A model, its probe batch, and the taps of the last trace.

    `loss` is a pure function of variables: it runs in Keras's stateless scope, so that running
    statistics, seeds and metrics stay as they are, whatever happens.

    Attributes:
        inputs: whether what comes into every layer is marked, too.
    """

    model: Any
    rows: list[Row]
    taps: Taps
    inputs = False

    def __init__(self, model: Any, rows: list[Row], x: Any, y: Any, sample_weight: Any = None):
        self.model, self.rows = model, rows
        self.batch: Any = keras.tree.map_structure(
            _tensor, (x, y, sample_weight), none_is_leaf=False
        )
        self.taps = Taps(model, rows, _unmarked)

    @property
    def samples(self) -> int:
        """Rows of the probe batch."""
        return int(keras.tree.flatten(self.batch)[0].shape[0])

    def first(self, samples: int) -> Tapped:
        """The same on the first samples only."""
        first: Any = keras.tree.map_structure(
            lambda leaf: leaf[:samples] if len(leaf.shape) else leaf, self.batch, none_is_leaf=False
        )
        return self.on(first)

    def on(self, batch: Any) -> Tapped:
        """The same on another (x, y, sample_weight)."""
        return type(self)(self.model, self.rows, *batch)

    def bounded(self, entries: int) -> bool:
        """Keep as many samples as a pass can show with MOST_ENTRIES numbers; whether any went.

        Args:
            entries: numbers that the marks of one pass over the batch hold.
        """
        samples = self.samples
        allowed = max(LEAST_SAMPLES, int(MOST_ENTRIES * samples / max(entries, 1)))
        if allowed >= samples:
            return False
        self.batch = self.first(allowed).batch
        return True

    @property
    def trainable(self) -> list[Any]:
        return self.model.trainable_variables

    @property
    def non_trainable(self) -> list[Any]:
        return self.model.non_trainable_variables

    def loss(
        self, weights: list[Any], mark: Mark, other: list[Any] | None = None, batch: Any = None
    ) -> Any:
        """The compiled loss on the probe batch, in training mode, taps on.

        Args:
            weights: values of the trainable variables.
            mark: see Mark.
            other: values of the others; None: what they are.
            batch: x, y, sample_weight; None: the probe batch.
        """
        with same_random_states():
            return self._loss(weights, mark, other, batch)

    def _loss(self, weights: list[Any], mark: Mark, other: list[Any] | None, batch: Any) -> Any:
        model = self.model
        other = [v.value for v in self.non_trainable] if other is None else other
        x, y, sample_weight = batch or self.batch
        self.taps = Taps(model, self.rows, mark, self.inputs)
        training = {"training": True} if model._call_has_training_arg else {}
        with self.taps.installed():
            output, other, losses = model.stateless_call(
                weights, other, x, return_losses=True, **training
            )
        self.taps.finish(output)
        kept = model._losses_override
        model._losses_override = losses
        try:
            metrics = [v.value for v in model.metrics_variables]
            loss, _ = model.stateless_compute_loss(
                weights,
                other,
                metrics,
                x=x,
                y=y,
                y_pred=output,
                sample_weight=sample_weight,
                training=True,
            )
        finally:
            model._losses_override = kept
        return loss


def _unmarked(tensor: Any, apart: bool = False) -> tuple[Any, int]:
    del apart
    return tensor, 0


@contextlib.contextmanager
def same_random_states() -> Iterator[None]:
    """Python's and NumPy's global random states are afterwards as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 the global state is meant
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002


def prepared(one_pass: Callable[[Tapped], PassResult], tapped: Tapped) -> Callable[[], PassResult]:
    """What to call for a pass; a small one is made first, to see how large the signals are."""
    if tapped.samples > _TRIED:
        tried = one_pass(tapped.first(_TRIED))
        entries = sum(m.size for m in tried.values if m is not None)
        tapped.bounded(entries * tapped.samples // _TRIED)
    return lambda: one_pass(tapped)


def first_samples(tree: Any) -> Any:
    """The first PROBE_SAMPLES rows of every array in a tuple, list or dict."""
    return keras.tree.map_structure(
        lambda leaf: leaf[:PROBE_SAMPLES] if getattr(leaf, "ndim", 0) else leaf,
        tree,
        none_is_leaf=False,
    )


def _tensor(leaf: Any) -> Any:
    """As `fit` feeds it: floats in Keras's float type."""
    if leaf is None:
        return None
    if hasattr(leaf, "dtype") and "float" in str(leaf.dtype):
        return keras.ops.convert_to_tensor(leaf, dtype=keras.config.floatx())
    return keras.ops.convert_to_tensor(leaf)
