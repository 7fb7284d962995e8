"""One pass of a Keras model on PyTorch, with gradients of everything that was marked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from gradgauge.watchers.keras.one_pass import PassResult, Tapped, prepared


def one_pass(tapped: Tapped) -> PassResult:
    """Eager; the parameters' own `.grad` and PyTorch's random state, from which Keras's dropout
    draws, stay as they are."""
    with torch.random.fork_rng():
        return _one_pass(tapped)


def _one_pass(tapped: Tapped) -> PassResult:
    weights = [v.value.detach().requires_grad_() for v in tapped.trainable]
    marks: list[torch.Tensor] = []

    def mark(tensor: torch.Tensor, apart: bool = False) -> tuple[torch.Tensor, int]:
        tensor = tensor.view_as(tensor) if apart else tensor
        if not tensor.requires_grad and tensor.is_floating_point():
            tensor = tensor.detach().requires_grad_()
        marks.append(tensor)
        return tensor, len(marks) - 1

    with torch.enable_grad():
        loss = tapped.loss(weights, mark)
        asked = [t for t in [*weights, *marks] if t.requires_grad]
        found = iter(torch.autograd.grad(loss, asked, allow_unused=True))
    grads = [next(found) if t.requires_grad else None for t in [*weights, *marks]]
    return PassResult(
        float(loss.detach()),
        [_array(m) for m in marks],
        [_array(g) for g in grads[len(weights) :]],
        [_array(g) for g in grads[: len(weights)]],
    )


def _array(tensor: torch.Tensor | None) -> np.ndarray | None:
    if tensor is None:
        return None
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    return (tensor.float() if tensor.itemsize < 4 else tensor).numpy(force=True)


def prepare(tapped: Tapped) -> Callable[[], PassResult]:
    """What to call for a pass."""
    return prepared(one_pass, tapped)


def step_gradients(variables: list[Any]) -> list[Any]:
    """What the last training step left in `.grad`: of its own batch, before clipping."""
    return [_array(v.value.grad) for v in variables]
