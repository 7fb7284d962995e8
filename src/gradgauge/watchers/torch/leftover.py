"""Gradients that were there when a step began: whether the update is made on top of them."""

from __future__ import annotations

import weakref
from collections.abc import Collection, Sequence
from typing import Any

from torch import nn

from gradgauge.watchers.torch.norms import tensor_norms

_FOLLOWED = 4
"""Parameters that are followed: whoever clears gradients clears those of all."""


class Leftover:
    """Follows the gradients that the step before has left, from one arrival to the next.

    Autograd adds a new gradient to an old one in place, and every operation in place raises the
    tensor's version by one. A gradient that was cleared is another tensor, or has been written to
    once more. Passes whose gradients are thrown away before the update leave nothing behind.

    Args:
        parameters: whose gradients may stand there when the step begins.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]):
        there = [p for p in parameters if p.grad is not None and not p.is_meta]
        some = there[:: -(-len(there) // _FOLLOWED) or 1]
        norms = tensor_norms([p.grad for p in some]) if some else []
        self._parameters = {
            id(p): p for p, norm in zip(some, norms, strict=True) if norm == norm and norm != 0
        }
        self._chain: dict[int, tuple[Any, int]] = {
            i: (weakref.ref(p.grad), p.grad._version)
            for i, p in self._parameters.items()
            if p.grad is not None
        }

    def arrived(self, parameter: nn.Parameter) -> None:
        """A gradient was added to the parameter's."""
        key = id(parameter)
        if key not in self._chain:
            return
        reference, version = self._chain[key]
        grad = parameter.grad
        if grad is None or reference() is not grad or grad._version != version + 1:
            del self._chain[key]
        else:
            self._chain[key] = (reference, version + 1)

    def under(self, moved: Collection[int]) -> bool:
        """Whether the update of the parameters whose ids are `moved` uses an old gradient."""
        for key in self._chain.keys() & set(moved):
            reference, version = self._chain[key]
            grad = self._parameters[key].grad
            # Whatever is done between the last arrival and the update (clipping, unscaling) is
            # done to what has been added up; an update without any arrival repeats the last one.
            if grad is not None and reference() is grad and grad._version >= version:
                return True
        return False
