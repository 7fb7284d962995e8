"""Softmaxes in a module's forward pass, and along which axis what they gave is summed up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from gradgauge.diagnosis.properties.experiment import SummedAxis

_PRODUCTS = ("matmul", "__matmul__", "__rmatmul__", "bmm", "baddbmm", "einsum")
_KEEPING = (
    *("dropout", "contiguous", "clone", "to", "type_as", "float", "half", "bfloat16", "type"),
    *("transpose", "swapaxes", "permute", "movedim", "mT", "T", "view", "reshape", "unsqueeze"),
    *("squeeze", "flatten", "__getitem__", "expand", "nan_to_num"),
)
"""Operations after which the weights are still the weights; a product with a mask, or a division,
makes others of them."""


class _Scores(TorchFunctionMode):
    """Follows scores (products of two things that were computed) into their softmax, and the
    softmax into the product that sums over one of its axes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: SummedAxis | None = None
        self._scores: set[int] = set()
        self._weights: dict[int, int] = {}
        # An id is a tensor's as long as the tensor lives.
        self._alive: list[torch.Tensor] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if isinstance(result, torch.Tensor):
            given = [t for t in pytree.tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
            self._alive += [result, *given]
            with torch._C.DisableTorchFunction():
                self._look(_name(func), args, kwargs, given, result)
        return result

    def _look(
        self, name: str, args: Any, kwargs: Any, given: list[torch.Tensor], result: torch.Tensor
    ) -> None:
        if name in _PRODUCTS:
            self._product(name, args, given)
            if len(given) > 1 and not any(isinstance(t, nn.Parameter) for t in given):
                self._scores.add(id(result))
        elif name == "softmax" and given and id(given[0]) in self._scores:
            axis = kwargs.get("dim", args[1] if len(args) > 1 else None)
            if isinstance(axis, int) and result.ndim > 2:
                self._weights[id(result)] = axis - result.ndim if axis >= 0 else axis
        elif name in _KEEPING and given and id(given[0]) in self._weights:
            axis = _followed(given[0], result, self._weights[id(given[0])])
            if axis is not None:
                self._weights[id(result)] = axis
        if any(id(t) in self._scores and t.shape == result.shape for t in given):
            self._scores.add(id(result))

    def _product(self, name: str, args: Any, given: list[torch.Tensor]) -> None:
        for place, weights in enumerate(given):
            axis = self._weights.get(id(weights))
            if axis is None or self.found is not None or len(given) != 2:
                continue
            summed = _summed(args[0], place) if name == "einsum" else (-1 if place == 0 else -2)
            if summed is None or axis == summed:
                continue
            # Of scores that are not square, an axis may be a number of things that compete.
            if {axis, summed} != {-1, -2} or weights.shape[-1] == weights.shape[-2]:
                shape = tuple(int(size) for size in weights.shape)
                self.found = SummedAxis(axis % weights.ndim, summed % weights.ndim, shape)


def _summed(equation: Any, place: int) -> int | None:
    """The last axis, counted from the right, that an einsum sums over in one of its operands."""
    if not isinstance(equation, str) or "->" not in equation:
        return None
    left, right = equation.replace(" ", "").split("->")
    operand = left.split(",")[place].split("...")[-1]
    axes = [i - len(operand) for i, letter in enumerate(operand) if letter not in right]
    return axes[-1] if axes else None


def _followed(before: torch.Tensor, after: torch.Tensor, axis: int) -> int | None:
    """Where an axis of a tensor stands in what an operation of shape made of it; None: nowhere."""
    if after.data_ptr() != before.data_ptr():
        return axis if after.shape == before.shape else None
    own = (before.shape[axis], before.stride(axis))
    places = [i for i in range(after.ndim) if (after.shape[i], after.stride(i)) == own]
    return places[0] - after.ndim if len(places) == 1 else None


def _name(func: Any) -> str:
    name = getattr(func, "__name__", "")
    return getattr(getattr(func, "__self__", None), "__name__", "") if name == "__get__" else name


def summed_axis(forward: Callable[[], Any]) -> SummedAxis | None:
    """The first softmax of scores, in a forward pass, whose weights are summed along another axis.

    Soft clusters and experts share things out along one axis and sum along another, and mean to;
    their shares come of a layer, not of a product of two things that were computed, or are divided
    by their sum. Attention's weights have to sum to 1 where the product sums.

    Args:
        forward: makes the pass.
    """
    with _Scores() as scores:
        forward()
    return scores.found
