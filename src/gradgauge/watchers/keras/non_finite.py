"""The first NaN or infinity of a Keras training: its step, its layer, its operation.

A callback is given no batch, and comes by when the update has been made. So after every step two
numbers are asked, the loss that Keras logs and a small weight of the lowest layer, in which all
that goes wrong above arrives; what they say is read after the next step, so that nothing waits.
Where it began is then looked for on the probe batch, and then on the other samples of the arrays
that `fit` was given, at the last weights that were read.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import keras
import numpy as np

from gradgauge.watchers.keras.backends import backend_prepare
from gradgauge.watchers.keras.fit_data import Arrays
from gradgauge.watchers.keras.layers import Row
from gradgauge.watchers.keras.one_pass import PassResult, Tapped
from gradgauge.watchers.keras.seen import in_call_order, linked, value_of
from gradgauge.watchers.keras.taps import Call

_SMALL = 2**16
"""Most entries of the weight that is asked at every step."""

_MOST_PARTS = 32
"""Passes that are spent on looking for the samples at which it happens."""


class Origin(NamedTuple):
    """Where the first value that is not finite came from.

    Attributes:
        step: whose pass or update it was.
        row: the layer; None: not known.
        operation: a layer's class, an activation, or `between_layers`, `loss`, `gradient`, `input`;
            empty: not known.
    """

    step: int
    row: Row | None
    operation: str


@dataclass(frozen=True)
class Held:
    """A variable as it was at a step."""

    value: Any


@dataclass(frozen=True)
class Weights:
    """All variables as they were before the update of a step."""

    step: int
    trainable: list[np.ndarray]
    non_trainable: list[np.ndarray]

    @classmethod
    def of(cls, model: Any, step: int) -> Weights:
        """A copy in the host's memory."""
        return cls(
            step,
            [value_of(v) for v in model.trainable_variables],
            [value_of(v) for v in model.non_trainable_variables],
        )


@dataclass(frozen=True)
class _Told:
    step: int
    loss: Any
    weight: Any


class Sentinel:
    """Asks after every step whether all is finite.

    Args:
        model: built.
        at_once: whether the answer is waited for.
    """

    model: Any

    def __init__(self, model: Any, at_once: bool):
        self.model, self._at_once = model, at_once
        sizes = [math.prod(v.shape) for v in model.trainable_variables]
        small = [i for i, size in enumerate(sizes) if size <= _SMALL]
        self._asked = small[0] if small else 0
        self._told: _Told | None = None

    def tell(self, step: int, logs: dict[str, Any]) -> tuple[int, bool] | None:
        """A step is over. Gives the number of the first step that was not finite, and whether its
        loss was; None: all were, as far as that is known by now."""
        earlier, self._told = self._told, _Told(step, logs.get("loss"), self._flag())
        found = _judged(earlier)
        return found if found is not None or not self._at_once else self.settled()

    def settled(self) -> tuple[int, bool] | None:
        """The same of the step that was told last."""
        told, self._told = self._told, None
        return _judged(told)

    def _flag(self) -> Any:
        state = getattr(self.model, "_jax_state", None)
        if keras.config.backend() == "jax" and state:
            weight = state["trainable_variables"][self._asked]
        else:
            weight = self.model.trainable_variables[self._asked].value
        return keras.ops.all(keras.ops.isfinite(weight))


def _judged(told: _Told | None) -> tuple[int, bool] | None:
    if told is None:
        return None
    finite_loss = told.loss is None or math.isfinite(float(told.loss))
    return None if finite_loss and bool(told.weight) else (told.step, finite_loss)


def locate(
    tapped: Tapped, weights: Weights, rows: Sequence[Row], arrays: Arrays = None
) -> tuple[Row | None, str] | None:
    """The layer and the operation that give the first value that is not finite on the probe batch,
    or else on any other part of the training's arrays; None: all are finite there.

    Args:
        tapped: the model and its probe batch.
        weights: to make the pass at.
        rows: the layers of the Run.
        arrays: all of x, y and sample_weight; None: they are not at hand.
    """
    again = _Again(tapped, weights)
    run = None
    for batch in itertools.chain([again.batch], _parts(arrays, again)):
        again.batch = batch
        if not all(_finite(leaf) for leaf in keras.tree.flatten(batch)):
            return (rows[0] if rows else None), "input"
        run = run or backend_prepare()(again)
        found = _at(again, run(), rows)
        if found is not None:
            return found
    return None


def _parts(arrays: Arrays, again: Tapped) -> Iterator[Any]:
    """All samples, as many at a time as a pass takes; the last part begins earlier where it would
    be a smaller one, for which a compiled pass would have to be compiled again."""
    if arrays is None:
        return
    count = len(keras.tree.flatten(arrays[0])[0])
    for start in range(0, count, again.samples)[:_MOST_PARTS]:
        first = max(0, min(start, count - again.samples))
        part: Any = keras.tree.map_structure(
            lambda leaf, at=first: leaf[at : at + again.samples] if leaf.ndim else leaf,
            arrays,
            none_is_leaf=False,
        )
        yield Tapped(again.model, again.rows, *part).batch


def _at(again: _Again, passed: PassResult, rows: Sequence[Row]) -> tuple[Row | None, str] | None:
    """Where a pass stopped being finite."""
    taps = again.taps
    linked(taps, passed, taps.folded)
    known = [row for row in in_call_order(rows, taps) if row in rows]
    calls = [call for call in taps.calls if call.row in known]
    return _forwards(calls, passed) or _backwards(calls, passed)


def _forwards(calls: Sequence[Call], passed: PassResult) -> tuple[Row | None, str] | None:
    before: Row | None = None
    for call in calls:
        if call.entered is not None and not _finite(passed.values[call.entered]):
            return before or call.row, "between_layers"
        if call.z is not None and not _finite(passed.values[call.z]):
            return call.row, type(call.layer).__name__
        if not _finite(passed.values[call.h]):
            return call.row, call.label or "activation"
        before = call.row
    return None if math.isfinite(passed.loss) else (before, "loss")


def _backwards(calls: Sequence[Call], passed: PassResult) -> tuple[Row | None, str] | None:
    for call in reversed(calls):
        numbers = [call.h, call.z, call.entered]
        if not all(_finite(passed.grads[n]) for n in numbers if n is not None):
            return call.row, "gradient"
    return None


def _finite(values: Any) -> bool:
    if values is None:
        return True
    array = np.asarray(keras.ops.convert_to_numpy(values))
    return array.dtype.kind not in "fc" or bool(np.isfinite(array).all())


class _Again(Tapped):
    """A pass at weights that were, with marks on what comes into every layer."""

    inputs = True

    def __init__(self, tapped: Tapped, weights: Weights):
        super().__init__(tapped.model, tapped.rows, *tapped.batch)
        self._weights = weights

    @property
    def trainable(self) -> list[Any]:
        return [Held(keras.ops.convert_to_tensor(w)) for w in self._weights.trainable]

    @property
    def non_trainable(self) -> list[Any]:
        return [Held(keras.ops.convert_to_tensor(w)) for w in self._weights.non_trainable]

    def on(self, batch: Any) -> Tapped:
        return _Again(Tapped(self.model, self.rows, *batch), self._weights)
