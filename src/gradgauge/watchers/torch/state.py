"""Everything of a PyTorch program that an extra forward and backward pass could change, kept."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn


@contextlib.contextmanager
def preserved(model: nn.Module) -> Iterator[None]:
    """Buffers, train and eval modes, and all random states are afterwards as they were."""
    buffers = [(buffer, buffer.detach().clone()) for buffer in model.buffers()]
    modes = [(module, module.training) for module in model.modules()]
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 the global state is meant
    with torch.random.fork_rng():
        try:
            yield
        finally:
            with torch.no_grad():
                for buffer, kept in buffers:
                    if buffer.shape != kept.shape or not torch.equal(buffer, kept):
                        buffer.copy_(kept)
            for module, training in modes:
                module.training = training
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
