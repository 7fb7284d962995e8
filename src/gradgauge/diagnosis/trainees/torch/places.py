"""The places of a PyTorch model's sequences, moved and differentiated by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import torch
from torch.utils import _pytree as pytree

from gradgauge.diagnosis.properties.experiment import SEED, size_of
from gradgauge.diagnosis.trainees.torch.data import call
from gradgauge.diagnosis.trainees.torch.experiment import (
    TorchExperiment,
    floats,
    is_float,
    weighed,
)
from gradgauge.diagnosis.trainees.torch.facts import array
from gradgauge.diagnosis.trainees.torch.words import word_vectors, words_as_inputs

_MOVE = 0.01
"""Size of a small move of one place of a sequence, relative to what stands there."""


class Places:
    """See InTime.

    Args:
        experiment: the model and a batch.
        x: that input of it which is a sequence, see `first_sequence`.
    """

    def __init__(self, experiment: TorchExperiment, x: torch.Tensor):
        self._experiment, self._x = experiment, x

    @cached_property
    def _plain(self) -> list[np.ndarray]:
        return [o.astype(np.float64) for o in self._experiment.outputs()]

    def slopes(self) -> np.ndarray | None:
        """See InTime: of a float sequence, or of its words' vectors."""
        experiment, x = self._experiment, self._x
        model = experiment.model
        with experiment.untouched(evaluation=True), words_as_inputs(model) as words:
            leaf = x.detach().clone().requires_grad_() if is_float(x) else x
            given = pytree.tree_map(lambda t: leaf if t is x else t, experiment.x)
            outputs = floats(call(model, given))
            value = sum((weighed(out) for out in outputs), torch.zeros(()))
            asked = [leaf] if is_float(x) else [w for w in words if w.shape[:2] == x.shape]
            if not asked or not value.requires_grad:
                return None
            grads = torch.autograd.grad(value, asked, allow_unused=True)
        length = x.shape[1]
        found = [g.abs().amax(dim=0).reshape(length, -1).amax(1) for g in grads if g is not None]
        return np.max([array(g) for g in found], axis=0) if found else None

    def change(self, place: int) -> float:
        """See InTime."""
        plain = self._plain
        with self._moved(place):
            moved = self._experiment.outputs()
        size = max(float(np.sqrt(np.mean([np.mean(o**2) for o in plain]))), 1e-30)
        return max(float(np.abs(a - b).max()) for a, b in zip(plain, moved, strict=True)) / size

    @contextlib.contextmanager
    def _moved(self, place: int) -> Iterator[None]:
        """Within it, what stands at a place, or the vectors of its words, is moved a little."""
        draw = torch.Generator().manual_seed(SEED)
        experiment, x = self._experiment, self._x

        def move(values: torch.Tensor) -> torch.Tensor:
            noise = torch.randn(values[:, place].shape, generator=draw, dtype=torch.float32)
            values = values.detach().clone()
            values[:, place] += (_MOVE * size_of(array(values)) * noise).to(values)
            return values

        if not is_float(x):
            with word_vectors(experiment.model, lambda v: move(v) if v.ndim == 3 else v):
                yield
            return
        kept, experiment.x = (
            experiment.x,
            pytree.tree_map(lambda t: move(t) if t is x else t, experiment.x),
        )
        try:
            yield
        finally:
            experiment.x = kept


def places_of(experiment: TorchExperiment) -> Places | None:
    """The first input that is a sequence: (rows, places, features), or of words (rows, places);
    None: there is none."""
    for leaf in pytree.tree_leaves(experiment.x):
        if not isinstance(leaf, torch.Tensor):
            continue
        if leaf.ndim == (3 if is_float(leaf) else 2) and leaf.shape[1] > 1:
            return Places(experiment, leaf)
    return None
