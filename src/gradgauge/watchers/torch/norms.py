"""Frobenius norms of many tensors at once, right whatever their size, type and place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch

from gradgauge.gauges.norms import norm
from gradgauge.watchers.torch.seen import door

_SAFE = 1e-12
"""Root of a sum of float32 squares below which squares may have been lost to underflow."""

_CHUNK = 2**16
"""Entries whose squares the CPU adds up in float32 without losing the sixth digit; sums of
chunks are made in float64. All in float64 takes 10 to 25 times as long."""


def tensor_norms(tensors: Sequence[torch.Tensor | None]) -> list[float]:
    """Frobenius norms, NaN for None and for what has no values (the meta device).

    Of a tensor that is spread over processes (DTensor) the norm of the part that lies here.
    """
    local = [None if t is None else local_part(t) for t in tensors]
    dense = [t for t in local if t is not None and not t.is_sparse]
    found = iter(_quick_norms(dense))
    norms: list[float] = []
    for tensor in local:
        if tensor is None:
            norms.append(float("nan"))
            continue
        value = float("nan") if tensor.is_sparse else next(found)
        if not _SAFE < value < 1 / _SAFE and tensor.numel():
            value = float(norm(door(tensor if value <= _SAFE else _wide(tensor))))
        norms.append(value)
    return norms


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """In float64, which holds the norm of entries that float32 just holds, such as those of a
    loss that was scaled up."""
    return tensor.to(torch.complex128 if tensor.is_complex() else torch.float64)


def local_part(tensor: torch.Tensor) -> torch.Tensor | None:
    """What of a tensor has values in this process; None: nothing has."""
    tensor = tensor.detach()
    if is_spread(tensor):
        tensor = _whole_sums(tensor).to_local()
    if tensor.is_meta or _is_released(tensor):
        return None
    return tensor.float() if tensor.is_floating_point() and tensor.itemsize < 4 else tensor


def _is_released(tensor: torch.Tensor) -> bool:
    """Whether its memory was given back, as that of weights that sharding gathers for a pass is."""
    if tensor.is_sparse or not tensor.numel():
        return False
    return tensor.untyped_storage().nbytes() == 0


def is_spread(tensor: torch.Tensor) -> bool:
    """Whether it is a DTensor: asked by name, for importing it loads torch.distributed."""
    return hasattr(tensor, "device_mesh") and hasattr(tensor, "placements")


def _whole_sums(tensor: Any) -> Any:
    """A DTensor none of whose parts still waits to be added to those of other processes."""
    if not any(placement.is_partial() for placement in tensor.placements):
        return tensor
    from torch.distributed.tensor import Replicate

    return tensor.redistribute(
        placements=[Replicate() if p.is_partial() else p for p in tensor.placements]
    )


def _quick_norms(tensors: list[torch.Tensor]) -> list[float]:
    """Naive sums of squares, all at once."""
    if not tensors:
        return []
    parts = [_parts(t) for t in tensors]
    norms = torch._foreach_norm([p for group in parts for p in group])  # type: ignore[attr-defined]
    if len({n.device for n in norms}) > 1:
        values = np.array([float(n) for n in norms])
    else:
        values = torch.stack([n.double() for n in norms]).cpu().numpy()
    if len(values) == len(tensors):
        return values.tolist()
    ends = np.cumsum([len(group) for group in parts])
    starts = [0, *ends[:-1]]
    return [root(values[a:b]) for a, b in zip(starts, ends, strict=True)]


def _parts(tensor: torch.Tensor) -> Sequence[torch.Tensor]:
    """The tensor, in chunks where a device would add up too many squares in one go."""
    chunked = tensor.device.type == "cpu" and tensor.numel() > _CHUNK
    if not chunked or tensor.dtype in (torch.float64, torch.complex128):
        return (tensor,)
    if tensor.is_contiguous():
        return tensor.view(-1).split(_CHUNK)
    # A transposed or strided one: its order does not matter, so it is cut along its axes.
    longest = max(range(tensor.ndim), key=lambda i: tensor.shape[i])
    pieces = -(-tensor.numel() // _CHUNK)
    return tensor.tensor_split(min(pieces, tensor.shape[longest]), longest)


def root(norms: Iterable[float]) -> float:
    """The norm of a whole from the norms of its parts, whatever their squares do."""
    values = np.asarray(list(norms), np.float64)
    if len(values) == 1:
        return float(values[0])
    largest = float(values.max(initial=0.0))
    if not 0 < largest < float("inf"):
        return float(np.sqrt(np.sum(np.square(values))))
    return largest * float(np.sqrt(np.sum(np.square(values / largest))))
