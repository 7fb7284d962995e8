"""What embeddings give, in the place of the indices that they are given."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn


@contextlib.contextmanager
def words_as_inputs(model: nn.Module) -> Iterator[list[torch.Tensor]]:
    """What embeddings give, as tensors to differentiate by: indices have no slope."""
    given: list[torch.Tensor] = []

    def take(output: torch.Tensor) -> torch.Tensor:
        given.append(output.detach().requires_grad_())
        return given[-1]

    with word_vectors(model, take):
        yield given


@contextlib.contextmanager
def word_vectors(
    model: nn.Module, change: Callable[[torch.Tensor], torch.Tensor]
) -> Iterator[None]:
    """Within it, what embeddings give is changed."""

    def take(module: nn.Module, args: Any, output: Any) -> Any:
        del module, args
        return change(output)

    hooks = [m.register_forward_hook(take) for m in model.modules() if isinstance(m, nn.Embedding)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
