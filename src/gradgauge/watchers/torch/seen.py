"""From captured calls of a PyTorch model to what every layer showed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from gradgauge.layers import LayerInfo
from gradgauge.watchers.measure import Seen, eps_of, rows_of
from gradgauge.watchers.torch.capture import Call, Capture
from gradgauge.watchers.torch.modules import Row
from gradgauge.watchers.torch.taps import Taps

Array = Any
NoteDown = Callable[[str, str, str], None]
"""(subject, reason, layer): that something is not applicable."""


def door(tensor: torch.Tensor) -> Array:
    """A tensor for measuring: NumPy where it lies in the CPU's memory, at least float32."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    return tensor.numpy() if tensor.device.type == "cpu" else tensor


def in_call_order(rows: Sequence[Row], taps: Taps) -> list[Row]:
    """Layers as they were called; those that were not, behind their neighbour in the definition.

    Normalisations that are part of another layer's z are no layers of their own, and the last
    place belongs to a layer that was called: the output.
    """
    called: list[Row] = []
    for call in taps.calls:
        if call.row not in called:
            called.append(call.row)
    folded = [row for row in rows if row not in called and id(row.module) in taps.folded]
    order = list(called)
    for index, row in enumerate(rows):
        if row in called or row in folded:
            continue
        row.info.called = row.container or not called
        before = [r for r in rows[:index] if r in order]
        at = order.index(before[-1]) + 1 if before else 0
        order.insert(min(at, max(len(order) - 1, 0)) if called else at, row)
    return order


def describe(rows: Sequence[Row], taps: Taps) -> list[LayerInfo]:
    """Fill in what only a forward pass shows: units, activation, which are outputs."""
    last = taps.calls[-1].row if taps.calls else None
    for row in rows:
        calls = [call for call in taps.calls if call.row is row]
        info = row.info
        if calls:
            info.units = int(calls[0].h.value.shape[calls[0].unit_axis])
            clear = calls[0].activation is not None and not calls[0].unclear
            info.activation = calls[0].label if clear else ""
        info.output = id(row.module) in taps.outputs or (not taps.outputs and row is last)
    return [row.info for row in rows]


def seen(
    rows: Sequence[Row],
    taps: Taps,
    gradient: Callable[[torch.nn.Parameter], torch.Tensor | None],
    factor: float,
    note: NoteDown,
) -> list[Seen]:
    """What every layer showed; several calls (shared layers, accumulation) are one batch.

    Args:
        rows: the layers of the Run.
        taps: closed.
        gradient: of a parameter, as the optimiser would get it but for clipping.
        factor: what makes signals of the backward pass those of the unscaled loss.
        note: told what could not be seen.
    """
    return [_seen(row, taps, gradient, factor, note) for row in rows]


def _seen(
    row: Row,
    taps: Taps,
    gradient: Callable[[torch.nn.Parameter], torch.Tensor | None],
    factor: float,
    note: NoteDown,
) -> Seen:
    calls = [call for call in taps.calls if call.row is row]
    reached = [call for call in calls if call.h.grad is not None] or calls
    shown = Seen(row.info, weight=entries(row.weights))
    gradients = [gradient(w) for w in row.weights]
    if all(g is not None for g in gradients) and gradients:
        shown.weight_grad = entries([g for g in gradients if g is not None])
    else:
        frozen = not any(w.requires_grad for w in row.weights)
        note("gradients", "frozen" if frozen else "no_gradient", row.info.name)
    if not reached:
        note("signals", "container" if row.container else "not_called", row.info.name)
        return shown
    width = {call.h.value.shape[call.unit_axis] for call in reached}
    if len(width) > 1 or not all(c.h.intact and (c.z is None or c.z.intact) for c in reached):
        note("signals", "several_widths" if len(width) > 1 else "overwritten", row.info.name)
        return shown
    first = reached[0]
    shown.source = first.source
    shown.eps = eps_of(first.h.value.dtype)
    shown.h = joined(reached, lambda c: c.h.value)
    shown.g = joined(reached, lambda c: c.h.grad, factor)
    shown.activation = first.activation if first.z is not None else None
    if first.h.samples:
        note("exactness", "first_samples", row.info.name)
    if any(call.bare and call.unclear for call in reached):
        shown.h = shown.g = shown.activation = None
        note("slope", "written_out", row.info.name)
        shown.z = joined(reached, lambda c: _of(c.z).value)
        shown.delta = joined(reached, lambda c: _of(c.z).grad, factor)
    elif first.z is None:
        note("delta", "fused", row.info.name)
    else:
        shown.z = joined(reached, lambda c: _of(c.z).value)
        shown.delta = joined(reached, lambda c: _of(c.z).grad, factor)
        if first.activation is None:
            note("slope", "unknown_activation", row.info.name)
    return shown


def _of(capture: Capture | None) -> Capture:
    if capture is None:
        raise TypeError("a fused layer has no z")
    return capture


def entries(tensors: Sequence[torch.Tensor]) -> Array:
    """One weight as (fan_out, fan_in), several as one column of all their entries; None where
    they are spread over processes."""
    if any(hasattr(t, "device_mesh") for t in tensors):
        return None
    if len(tensors) == 1 and tensors[0].ndim > 1 and not tensors[0].is_sparse:
        return door(tensors[0]).reshape(tensors[0].shape[0], -1)
    arrays = [door(t).reshape(-1) for t in tensors]
    if len(arrays) == 1:
        return arrays[0].reshape(-1, 1)
    return torch.cat([torch.as_tensor(a) for a in arrays]).reshape(-1, 1).numpy(force=True)


def joined(
    calls: Sequence[Call], pick: Callable[[Call], torch.Tensor | None], factor: float = 1.0
) -> Array:
    """One quantity of several calls, (rows, units); None where one is missing."""
    parts = [pick(call) for call in calls]
    if any(part is None for part in parts):
        return None
    folded = [
        rows_of(door(part), call.unit_axis)
        for part, call in zip(parts, calls, strict=True)
        if part is not None
    ]
    whole = folded[0] if len(folded) == 1 else _concatenate(folded)
    return whole if factor == 1.0 else whole * whole.dtype.type(factor)


def _concatenate(parts: Sequence[Array]) -> Array:
    if isinstance(parts[0], torch.Tensor):
        return torch.cat(list(parts))
    return np.concatenate(parts)
