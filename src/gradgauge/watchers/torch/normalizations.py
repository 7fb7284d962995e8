"""Which modules normalize: by their classes, by their names, or by what they are seen to do."""

from __future__ import annotations

import weakref

import torch
from torch import nn

from gradgauge.watchers.measure import eps_of

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)

_SOME, _MOST = 64, 2**18
"""Samples, and about how many entries of them, by which a normalization is told."""

_LEAST = 4
"""The fewest rows, and the fewest entries of one, that tell it."""

_EVEN, _UNEVEN = 1e-3, 2e-2
"""How far what a normalization gives may be from what it should, in shares of it; and how much
mean squares must differ before it, in shares of their mean."""

_ADDED = (0.0, 1e-8, 1e-6, 1e-5, 1e-3)
"""What is added to a mean square so that its root is not 0."""

_FOUND: weakref.WeakSet[nn.Module] = weakref.WeakSet()
"""Those that were told by what they compute."""


def is_normalization(module: nn.Module) -> bool:
    """Whether `module` is a normalization; with its activation inside of it, perhaps.

    By its class, by its class's name, for users write their own, or by what it was seen to
    compute; nothing in it has a matrix.
    """
    named = isinstance(module, _NORMS) or "norm" in type(module).__name__.lower()
    if not (named or module in _FOUND) or any(p.ndim > 1 for p in module.parameters()):
        return False
    return not any(is_normalization(child) for child in module.children())


def is_over_channels(module: nn.Module) -> bool:
    """Whether `module` normalizes every channel over the batch, as convolutions have it."""
    return isinstance(module, _NORMS[0]) or getattr(module, "running_mean", None) is not None


def found_to_normalize(module: nn.Module, source: torch.Tensor, out: torch.Tensor) -> bool:
    """Whether `module`, which no name tells to be a normalization, is one by what it did: what it
    gives is what it got over a root mean square, scaled and shifted unit by unit, however that
    is written and wherever the scale is counted from."""
    if source.is_nested or out.is_nested:
        return False
    if source.shape != out.shape or out.ndim < 2 or not out.numel():
        return False
    samples = min(_SOME, max(_LEAST, _MOST * len(out) // out.numel()))
    x, y = (t.detach()[:samples].double() for t in (source, out))
    exact = _EVEN + eps_of(out.dtype)
    for axis in dict.fromkeys((out.ndim - 1, 1)):
        space = tuple(i for i in range(1, out.ndim) if i != axis)
        spans = ((axis,), tuple(range(1, out.ndim)), space)
        of_a_row = any(_divides(x, y, axis, span, exact) for span in dict.fromkeys(spans) if span)
        if of_a_row or _evens_out(module, x, y, axis, exact):
            _FOUND.add(module)
            return True
    return False


def _divides(
    x: torch.Tensor, y: torch.Tensor, axis: int, span: tuple[int, ...], exact: float
) -> bool:
    """Whether y is x over its root mean squares along `span`, or over its standard deviations."""
    for centered in (False, True):
        plain = x - x.mean(span, keepdim=True) if centered else x
        squares = plain.square().mean(span, keepdim=True)
        if squares.numel() < _LEAST or x.numel() // squares.numel() < _LEAST:
            return False
        uneven = float(squares.std() / squares.mean()) > _UNEVEN
        tries = (plain * (squares + added).rsqrt() for added in _ADDED)
        if uneven and any(_follows(t, y, axis, exact) for t in tries):
            return True
    return False


def _evens_out(
    module: nn.Module, x: torch.Tensor, y: torch.Tensor, axis: int, exact: float
) -> bool:
    """Whether every unit has, over the batch, the standard deviation that its scale says: unit by
    unit any scaling by a constant follows, so that here the values have to tell."""
    x, y = (t.movedim(axis, -1).reshape(-1, t.shape[axis]) for t in (x, y))
    before, after = (t.std(0, correction=0) for t in (x, y))
    if min(x.shape) < _LEAST or not float(before.std() / before.mean()) > _UNEVEN:
        return False
    own = [p for n, p in module.named_parameters() if not is_bias(n) and p.numel() == y.shape[1]]
    scales = [p.detach().double().reshape(-1) for p in own] or [torch.ones(())]
    wanted = [w.abs() for scale in scales for w in ((scale, 1 + scale) if own else (scale,))]
    return any(bool(((after - w).abs() < exact * w).all()) for w in wanted)


def _follows(x: torch.Tensor, y: torch.Tensor, axis: int, exact: float) -> bool:
    """Whether, in every unit, y is a x + b: by least squares."""
    x, y = (t.movedim(axis, -1).reshape(-1, t.shape[axis]) for t in (x, y))
    x, y = x - x.mean(0), y - y.mean(0)
    slope = (x * y).sum(0) / x.square().sum(0).clamp_min(torch.finfo(x.dtype).tiny)
    return bool((y - slope * x).norm() < exact * y.norm())


def unit_axis_of(module: nn.Module, out: torch.Tensor) -> int:
    """The axis over units of what a normalization gives, of three or more dimensions."""
    if is_over_channels(module) or isinstance(module, nn.GroupNorm):
        return 1
    sizes = {p.numel() for p in module.parameters(recurse=False)}
    if out.shape[1] not in sizes:
        return -1
    return 1 if out.shape[-1] not in sizes or _is_normalized(module, out, 1) else -1


def _is_normalized(module: nn.Module, out: torch.Tensor, axis: int) -> bool:
    """Whether the entries of `out` along `axis`, before scale and offset, rather than those along
    the last one, have one mean square everywhere: where both axes have one size, only values tell."""
    scale = [p for n, p in module.named_parameters(recurse=False) if not is_bias(n)]
    offset = [p for n, p in module.named_parameters(recurse=False) if is_bias(n)]
    spreads = []
    for at in (axis, -1):
        plain = out.detach()[:8].double().movedim(at, -1)
        plain = plain - offset[0].detach().double() if offset else plain
        plain = plain / scale[0].detach().double() if scale else plain
        spreads.append(plain.square().mean(-1).std())
    return bool(spreads[0] < spreads[1])


def is_bias(name: str) -> bool:
    """Whether a parameter of this name is an offset."""
    return "bias" in name or name == "b"
