"""Around a PyTorch optimiser's step: unscaled gradients, and the change of the weights."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from gradgauge.gauges.norms import norm
from gradgauge.watchers.torch.modules import Row
from gradgauge.watchers.torch.seen import door

_FRAMES = 24
"""How far above the optimiser's step a gradient scaler's own step is looked for."""

_SAFE = 1e-12
"""Root of a sum of float32 squares below which squares may have been lost to underflow."""


def backward_pass() -> int | None:
    """The number of the backward pass that is running here; None: none is."""
    number = torch._C._current_graph_task_id()
    return None if number < 0 else number


def scaler_above() -> Any:
    """The gradient scaler in whose `step` we are, or None.

    A scaler is nowhere registered, and without its scale every figure of the backward pass
    would be wrong by a factor that nobody sees. It calls the optimiser, so it stands above.
    Only its own frame's variables are asked for: asking a frame keeps all of them alive.
    """
    frame: Any = sys._getframe(1)
    for _ in range(_FRAMES):
        frame = frame.f_back
        if frame is None:
            return None
        code = frame.f_code
        if code.co_name == "step" and "grad_scaler" in code.co_filename:
            return frame.f_locals.get("self")
    return None


def tensor_norms(tensors: Sequence[torch.Tensor | None]) -> list[float]:
    """Frobenius norms, NaN for None: naive sums all at once, done carefully where unsafe."""
    there = [t.detach() for t in tensors if t is not None and not t.is_sparse]
    wide = [t.float() if t.itemsize < 4 else t for t in there]
    found = iter(_quick_norms(wide))
    norms: list[float] = []
    for tensor in tensors:
        if tensor is None:
            norms.append(float("nan"))
            continue
        value = float("nan") if tensor.is_sparse else next(found)
        if not _SAFE < value < 1 / _SAFE:
            value = float(norm(door(tensor)))
        norms.append(value)
    return norms


def _quick_norms(tensors: list[torch.Tensor]) -> list[float]:
    if not tensors:
        return []
    norms = torch._foreach_norm(tensors)  # type: ignore[attr-defined]
    if len({n.device for n in norms}) > 1:
        return [float(n) for n in norms]
    return torch.stack([n.double() for n in norms]).tolist()


class Weights:
    """The weights of all rows, each once, and which rows they make up."""

    def __init__(self, rows: Sequence[Row]):
        self.parameters = list({id(w): w for row in rows for w in row.weights}.values())
        place = {id(w): i for i, w in enumerate(self.parameters)}
        self._rows = [[place[id(w)] for w in row.weights] for row in rows]
        self._before: list[torch.Tensor] = []

    def by_row(self, norms: Sequence[float]) -> np.ndarray:
        """Norms of the parameters -> norms of the rows."""
        return np.array([_root(norms[i] for i in row) for row in self._rows])

    def gradients(self) -> list[torch.Tensor | None]:
        """What stands in `.grad`."""
        return [w.grad for w in self.parameters]

    def norms(self) -> list[float]:
        """Of the parameters."""
        return tensor_norms(self.parameters)

    def keep(self) -> None:
        """Copy the weights, to see what a step changes."""
        self._before = [w.detach().clone() for w in self.parameters]

    def changes(self, moved: set[int]) -> list[float]:
        """Norms of what has changed since `keep`; NaN for parameters not in `moved`."""
        before, self._before = self._before, []
        pairs = [
            w.detach() - old if id(w) in moved else None
            for w, old in zip(self.parameters, before, strict=True)
        ]
        return tensor_norms(pairs)


def _root(norms: Any) -> float:
    values = list(norms)
    if len(values) == 1:
        return values[0]
    largest = max(values)
    if not 0 < largest < float("inf"):
        return float(np.sqrt(np.sum(np.square(values))))
    return largest * float(np.sqrt(np.sum(np.square(np.array(values) / largest))))


def parameters_of(optimizer: torch.optim.Optimizer) -> set[int]:
    """Ids of the parameters that an optimiser moves."""
    return {id(p) for group in optimizer.param_groups for p in group["params"]}


def watched_by(model: nn.Module, optimizer: torch.optim.Optimizer) -> bool:
    """Whether `optimizer` moves any parameter of `model`."""
    mine = {id(p) for p in model.parameters()}
    return not mine.isdisjoint(parameters_of(optimizer))
