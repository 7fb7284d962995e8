"""The torch functions that a model's own forward calls shortly after its layers."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode

from gradgauge.watchers.guard import Guarded
from gradgauge.watchers.torch.capture import Capture, Key, is_signal, key_of
from gradgauge.watchers.torch.modules import is_lazy
from gradgauge.watchers.torch.operations import operation
from gradgauge.watchers.torch.values import Values

_FURTHEST = 12
"""Functions after a layer whose values are kept: more than any activation is written in."""


class Functions(TorchFunctionMode):
    """Within it, what torch functions give shortly after a layer is kept: nothing else shows it.

    Args:
        values: told of them.
        guard: round what is done beside the functions.

    Attributes:
        seconds: what that has cost.
    """

    seconds: float

    def __init__(self, values: Values, guard: Guarded):
        super().__init__()
        self._values, self._guard = values, guard
        self.seconds = 0.0

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        kwargs = kwargs or {}
        began = time.perf_counter()
        operands = self._guard(self._before, func, args, kwargs)
        self.seconds += time.perf_counter() - began
        out = func(*args, **kwargs)
        if operands and isinstance(out, torch.Tensor):
            began = time.perf_counter()
            self._guard(self._after, func, operands, out)
            self.seconds += time.perf_counter() - began
        return out

    def _before(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Key] | None:
        """The operands' keys, if one of them lies shortly after a layer."""
        values = self._values
        tensors = [t for t in args if isinstance(t, torch.Tensor) and not is_lazy(t)]
        for tensor in tensors:
            if _is_of_users_own(tensor):
                values.capture(tensor)
        operands = [key_of(t) for t in tensors]
        if not any(values.distance.get(key, _FURTHEST) < _FURTHEST for key in operands):
            return None
        in_place = _is_in_place(getattr(func, "__name__", "")) or kwargs.get("inplace")
        if in_place and operands[0] in values.captures:
            values.captures[operands[0]].keep()
        return operands

    def _after(self, func: Any, operands: list[Key], out: torch.Tensor) -> None:
        values = self._values
        if not out.requires_grad:
            # A value of frozen layers alone has no gradient that could be cut off.
            values.cut.update(key for key in operands if not isinstance(key[0], int))
        if not is_signal(out):
            return
        key = values.place(out)
        if key not in values.captures:
            values.captures[key] = Capture.of(out)
        nearest = min(values.distance.get(operand, _FURTHEST) for operand in operands)
        values.distance.setdefault(key, nearest + 1)
        # Others are not kept alive, and their identities are soon those of new tensors.
        known = tuple(operand for operand in operands if operand in values.distance)
        values.remember(key, operation(getattr(func, "__name__", "")), known)


def _is_of_users_own(tensor: torch.Tensor) -> bool:
    """Whether it comes from an `autograd.Function`, which calls by no torch function: its slope may
    be any, such as 1 for a sign (a straight-through estimator), so that its value has to be seen."""
    node = tensor.grad_fn
    return isinstance(node, BackwardCFunction) and is_signal(tensor)


def _is_in_place(name: str) -> bool:
    return name.startswith("__i") or (name.endswith("_") and not name.startswith("__"))
