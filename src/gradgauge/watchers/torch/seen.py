"""From captured calls of a PyTorch model to what every layer showed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from gradgauge.layers import LayerInfo
from gradgauge.watchers.measure import NoteDown, Seen, eps_of, explained, rows_of
from gradgauge.watchers.torch.capture import Call
from gradgauge.watchers.torch.modules import Row
from gradgauge.watchers.torch.taps import Taps

Array = Any


def door(tensor: torch.Tensor) -> Array:
    """A tensor for measuring: NumPy where it lies in the CPU's memory, at least float32."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.coalesce().values()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj()).flatten(-2)
    if tensor.dtype in (torch.float16, torch.bfloat16):
        tensor = tensor.float()
    return tensor.numpy() if tensor.device.type == "cpu" else tensor


def in_call_order(rows: Sequence[Row], taps: Taps) -> list[Row]:
    """Layers as they were called; those that were not, after their neighbor in the definition.

    Normalizations that are part of another layer's z are no layers of their own, and the last
    place belongs to a layer that was called: the output.
    """
    called = list(dict.fromkeys(call.row for call in taps.calls if call.row is not None))
    order = list(called)
    for index, row in enumerate(rows):
        if row in called or row.folded(taps.folded):
            continue
        before = [r for r in rows[:index] if r in order]
        at = order.index(before[-1]) + 1 if before else 0
        order.insert(min(at, max(len(order) - 1, 0)) if called else at, row)
    return order


def describe(rows: Sequence[Row], taps: Taps) -> list[LayerInfo]:
    """Fill in what only a forward pass shows: units, activation, which are outputs."""
    for row in rows:
        describe_row(row, taps)
        row.info.role = row.role or ""
    return [row.info for row in rows]


def describe_row(row: Row, taps: Taps) -> bool:
    """The same for one layer; gives whether a call of it was seen."""
    calls = [call for call in taps.calls if call.row is row]
    info = row.info
    row.unrecorded = row.unrecorded or id(row.module) in taps.unrecorded
    info.called = bool(calls) or row.unrecorded or not row.is_called or not taps.calls
    if calls:
        first = calls[0]
        info.units = int(first.out.shape[first.unit_axis])
        same = {call.label for call in calls} == {first.label}
        info.activation = first.label if same and not first.doubt else ""
        info.output = any(call.output for call in calls)
    return bool(calls)


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
        gradient: of a parameter, as the optimizer would get it but for clipping.
        factor: what makes signals of the backward pass those of the unscaled loss.
        note: told what could not be seen.
    """
    if not taps.calls and (
        taps.transformed or not any(_why_unseen(row) for row in rows if not row.alone)
    ):
        note("signals", "transformed" if taps.transformed else "no_call", "")
    for row in taps.rows:
        if row.folded(taps.folded):
            note("parameters", "folded", row.info.name)
    place = {id(row): index for index, row in enumerate(rows)}
    shown = [_seen(row, taps, gradient, factor, note) for row in rows]
    for index, row in enumerate(rows):
        above = {
            place[id(reader.row)] for call in taps.calls if call.row is row for reader in call.above
        } - {index}
        shown[index].above = tuple(sorted(above))
        if len(above) > 1:
            note("backward_gain", "several_readers", row.info.name)
        elif not above and shown[index].g is not None and not row.info.output:
            note("backward_gain", "no_reader", row.info.name)
    return explained(shown, note)


def _why_unseen(row: Row) -> str:
    """Why no call of a layer was seen, as far as the layer itself tells; empty: it does not."""
    if row.alone:
        return "alone"
    if row.info.units:
        return "not_every_step"
    return "unrecorded" if row.unrecorded else ""


def _seen(
    row: Row,
    taps: Taps,
    gradient: Callable[[torch.nn.Parameter], torch.Tensor | None],
    factor: float,
    note: NoteDown,
) -> Seen:
    name = row.info.name
    calls = [call for call in taps.calls if call.row is row]
    reached = [call for call in calls if call.reached] or calls
    shown = Seen(row.info, weight=entries(row.weights, row.weight_axis))
    gradients = [gradient(w) for w in row.weights]
    if all(g is not None for g in gradients) and gradients:
        shown.weight_grad = entries([g for g in gradients if g is not None], row.weight_axis)
    else:
        frozen = not any(w.requires_grad for w in row.weights)
        unlearned = "not_every_step" if row.has_learned else "no_gradient"
        note("gradients", "frozen" if frozen else unlearned, name)
    if not reached:
        why = _why_unseen(row) or ("not_called" if taps.calls else "")
        if why:
            note("signals", why, name)
        return shown
    first = reached[0]
    if len({call.out.shape[call.unit_axis] for call in reached}) > 1:
        note("signals", "several_widths", name)
        return shown
    if not all(c.intact for call in reached for c in (call.z, call.h) if c is not None):
        note("signals", "overwritten", name)
        return shown
    shown.eps = eps_of(first.out.dtype)
    if first.out.samples:
        note("exactness", "first_samples", name)
    if first.z is None:
        note("delta", "fused", name)
    else:
        shown.z = joined(reached, lambda call: call.z.value if call.z else None)
        shown.delta = joined(reached, lambda call: call.z.grad if call.z else None, factor)
    if all(call.stream is not None and call.stream.intact for call in reached):
        shown.stream = joined(reached, lambda call: call.stream.value if call.stream else None)
    if len({(call.label, call.doubt) for call in reached}) > 1:
        note("slope", "several_activations", name)
        return shown
    if first.doubt:
        note("slope", first.doubt, name)
    if first.doubt == "branches":
        return shown
    shown.activation = first.activation if first.z is not None else None
    shown.h = joined(reached, lambda call: call.h.value if call.h else None)
    shown.g = joined(reached, Call.back, factor)
    if shown.h is None and shown.activation is not None and shown.z is not None:
        shown.h = shown.activation.f(shown.z)
    return shown


def entries(tensors: Sequence[torch.Tensor], axis: int = 0) -> Array:
    """One weight as (fan_in, units), several as one column of all their entries.

    None where they are spread over processes.

    Args:
        tensors: a layer's weights, or their gradients.
        axis: of the one weight over units.
    """
    if any(hasattr(t, "device_mesh") for t in tensors):
        return None
    if len(tensors) == 1 and tensors[0].ndim > 1 and not tensors[0].is_sparse:
        weight = tensors[0].movedim(axis, -1)
        return door(weight.reshape(-1, weight.shape[-1]))
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
        rows_of(door(part), _axis(part, call))
        for part, call in zip(parts, calls, strict=True)
        if part is not None
    ]
    whole = folded[0] if len(folded) == 1 else _concatenate(folded)
    return whole if factor == 1.0 else whole * whole.dtype.type(factor)


def _axis(part: torch.Tensor, call: Call) -> int:
    """The axis over units of something between a layer's output and its h, if it was moved."""
    shape, axis = call.out.shape, call.unit_axis
    units = shape[axis]
    if part.ndim == len(shape) and part.shape[axis] == units:
        return axis
    found = [i for i, size in enumerate(part.shape) if size == units and i > 0]
    return found[-1] if found else -1


def _concatenate(parts: Sequence[Array]) -> Array:
    if isinstance(parts[0], torch.Tensor):
        return torch.cat(list(parts))
    return np.concatenate(parts)
