"""From a pass of a Keras model to what every layer showed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import keras
import numpy as np

from gradgauge.layers import LayerInfo
from gradgauge.watchers.keras.folding import fold_norms
from gradgauge.watchers.keras.layers import Row, axes_of_units
from gradgauge.watchers.keras.one_pass import PassResult
from gradgauge.watchers.keras.taps import Call, Taps
from gradgauge.watchers.measure import NoteDown, Seen, eps_of, rows_of
from gradgauge.watchers.recognition import Sample, is_function, recognized


def in_call_order(rows: Sequence[Row], taps: Taps) -> list[Row]:
    """Layers as they were called; those that were not, after their neighbor in the definition,
    but never last: that place is the output's."""
    called = list(dict.fromkeys(call.row for call in taps.calls if call.row is not None))
    order = list(called)
    for index, row in enumerate(rows):
        if row in called or id(row.layer) in (taps.folded or ()):
            continue
        row.info.called = not (row.is_called and called)
        before = [r for r in rows[:index] if r in order]
        at = order.index(before[-1]) + 1 if before else 0
        order.insert(min(at, len(order) - 1) if called else at, row)
    return order


def linked(taps: Taps, passed: PassResult, known: Collection[int] | None) -> set[int]:
    """Find what belongs to each layer: activations called outside of any, and normalizations.

    Args:
        taps, passed: of one pass.
        known: what the first pass has found; None: this is it.

    Returns:
        Ids of the normalizations that are a part of the layer before them.
    """
    if taps.folded is None:
        _recognize(taps, passed)
    return fold_norms(taps, passed, known)


def describe(rows: Sequence[Row], taps: Taps) -> list[LayerInfo]:
    """Fill in what only a forward pass shows: units, activation, which are outputs."""
    last = taps.calls[-1].row if taps.calls else None
    for row in rows:
        calls = [call for call in taps.calls if call.row is row]
        if calls:
            row.info.units = calls[0].units
            row.info.activation = calls[0].label if calls[0].activation else ""
            if calls[0].bare and not calls[0].used and row is not last:
                row.info.activation = ""
        row.info.output = id(row.layer) in taps.outputs or (not taps.outputs and row is last)
    return [row.info for row in rows]


def _recognize(taps: Taps, passed: PassResult) -> None:
    """Name an activation that was called as an operation, outside of any layer.

    What comes into the next layer, and from no layer that we know, is h if it is f(z) for one
    of the known f, entry by entry. A user's own layer without weights may be any function.
    """
    for call, entry in taps.entries:
        sample = None if call.used or not call.bare else _sample(call, call.z, entry, passed)
        known = None if sample is None else recognized(sample)
        if known is not None:
            call.activation, call.label, call.h = known, known.name, entry
            call.bare, call.used = False, True
    for call, z, entry in taps.bent:
        sample = _sample(call, z, entry, passed) if call.bare else None
        known = None if sample is None else recognized(sample)
        if sample is not None and (known is not None or is_function(sample)):
            call.activation, call.label = known, known.name if known is not None else ""
            call.z, call.h, call.bare, call.used = z, entry, False, True


def _sample(call: Call, z: int | None, h: int, passed: PassResult) -> Sample | None:
    before, after = None if z is None else passed.values[z], passed.values[h]
    if before is None or after is None:
        return None
    return Sample(before, after, eps=eps_of(call.layer.compute_dtype))


def seen(
    rows: Sequence[Row], taps: Taps, passed: PassResult, variables: list[Any], note: NoteDown
) -> list[Seen]:
    """What every layer showed.

    Args:
        rows: the layers of the Run.
        taps, passed: of one pass; `linked`.
        variables: the model's trainable variables, in order.
        note: told what could not be seen.
    """
    grads = {id(v): g for v, g in zip(variables, passed.weight_grads, strict=True)}
    return [_seen(row, taps, passed, grads, note) for row in rows]


def _seen(row: Row, taps: Taps, passed: PassResult, grads: dict[int, Any], note: NoteDown) -> Seen:
    name = row.info.name
    shown = Seen(row.info, weight=entries([value_of(w) for w in row.weights]))
    found = [grads.get(id(w)) for w in row.weights]
    if all(g is not None for g in found):
        shown.weight_grad = entries(found)
    else:
        note("gradients", "frozen" if not row.info.trainable else "no_gradient", name)
    if id(row) in taps.assigned and keras.config.backend() != "jax":
        note("gradients", "assigned", name)
    calls = [call for call in taps.calls if call.row is row]
    if not calls:
        reason = "container" if row.container else "alone" if row.alone else "not_called"
        note("signals", reason, name)
        return shown
    if len({call.units for call in calls}) > 1:
        note("signals", "several_widths", name)
        return shown
    first = calls[0]
    shown.source = first.source
    shown.eps = eps_of(row.layer.compute_dtype)
    if first.z is None:
        note("delta", "fused", name)
    else:
        shown.z = _joined(calls, passed.values, lambda c: c.z)
        shown.delta = _joined(calls, passed.grads, lambda c: c.z)
    if first.bare and not first.used and not row.info.output:
        note("slope", "outside_layers", name)
        return shown
    shown.h = _joined(calls, passed.values, lambda c: c.h)
    shown.g = _joined(calls, passed.grads, lambda c: c.h)
    shown.activation = first.activation if first.z is not None else None
    if first.activation is None and first.z is not None and not row.info.output:
        note("slope", "unknown_activation", name)
    return shown


def value_of(variable: Any) -> np.ndarray:
    """The value of a variable or of a tensor, such as a schedule's rate, as an array of its own."""
    value = variable.numpy() if hasattr(variable, "numpy") else getattr(variable, "value", variable)
    value = np.asarray(value)
    return np.array(value, np.float32) if value.dtype.itemsize < 4 else np.array(value)


def entries(arrays: Sequence[Any]) -> np.ndarray:
    """One weight as (fan_in, units), several as one column of all their entries."""
    if len(arrays) == 1 and arrays[0].ndim:
        return arrays[0].reshape(-1, arrays[0].shape[-1])
    return np.concatenate([a.reshape(-1) for a in arrays]).reshape(-1, 1)


def _joined(
    calls: Sequence[Call], arrays: Sequence[Any], pick: Callable[[Call], int | None]
) -> np.ndarray | None:
    """One quantity of several calls, (rows, units); None where one is missing."""
    parts = []
    for call in calls:
        number = pick(call)
        if number is None or arrays[number] is None:
            return None
        array = arrays[number]
        if axes_of_units(call.layer) > 1:
            array = array.reshape(-1, call.units)
        parts.append(rows_of(array, call.unit_axis))
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
