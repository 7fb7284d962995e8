"""What the taps keep of a PyTorch model: tensors that passed, and calls of layers."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from gradgauge.parts.activations import ACTIVATIONS, Activation
from gradgauge.watchers.torch.guard import Guarded, unguarded
from gradgauge.watchers.torch.modules import Row

MOST_ENTRIES = 2**21
"""Most numbers of one tensor that are kept, some 8 MB: more would cost memory and time."""


@dataclass(eq=False)
class Capture:
    """A tensor on its way: its value, and its gradient when that has come.

    Of a tensor with more than MOST_ENTRIES only the first samples are kept: keeping all that
    passes would multiply a large model's memory. Their gradient is then enlarged so that its
    norm estimates that of all samples.

    Attributes:
        tensor: what passed.
        value: of the samples kept.
        version: of `value`, when it passed.
        samples: kept, of `total`; both 0 where all are.
        grad: of the samples kept; None until it has come.
        passed: the number of the backward pass that it came with last.
    """

    tensor: torch.Tensor
    value: torch.Tensor
    version: int
    samples: int = 0
    total: int = 0
    grad: torch.Tensor | None = None
    passed: int = -1

    @classmethod
    def of(cls, tensor: torch.Tensor, guard: Guarded = unguarded) -> Capture:
        value, samples, total = tensor.detach(), 0, 0
        if value.numel() > MOST_ENTRIES and value.ndim > 1:
            total = len(value)
            samples = max(1, MOST_ENTRIES * total // value.numel())
            value = value[:samples]
        capture = cls(tensor, value, tensor._version, samples, total)
        if tensor.requires_grad:
            tensor.register_hook(_Arrival(capture, guard))
        return capture

    def arrived(self, grad: torch.Tensor) -> None:
        """Told the gradient, or one more part of it."""
        self.passed = torch._C._current_graph_task_id()
        grad = grad.detach()
        if self.samples:
            grad = grad[: self.samples] * (self.total / self.samples) ** 0.5
        self.grad = grad if self.grad is None else self.grad + grad

    def keep(self) -> None:
        """Copy the value: it is about to be overwritten in place."""
        if self.value._version == self.version:
            self.value = self.value.clone()
            self.version = self.value._version

    @property
    def intact(self) -> bool:
        """Whether the value is still the one that passed."""
        return self.value._version == self.version


class _Arrival:
    """The hook on a tensor. It must not keep the tensor alive: tensor, graph and hook would hold
    one another through C++, where Python's collector does not see them, for ever."""

    __torch_unserializable__ = True

    def __init__(self, capture: Capture, guard: Guarded):
        self._capture, self._guard = weakref.ref(capture), guard

    def __call__(self, grad: torch.Tensor) -> None:
        capture = self._capture()
        if capture is not None:
            self._guard(capture.arrived, grad)


@dataclass(eq=False)
class Call:
    """One call of a layer.

    Attributes:
        row: the layer.
        z, h: captures; the same where no activation follows. z is None where it is inside a
            fused operation.
        activation: None: not known.
        unit_axis: the axis of z and h over units.
        label: the activation's name, for the Run.
        bare: whether no activation has been seen.
        unclear: whether z goes into an arithmetic of the model's own that is not an affine one.
        source: identity of the tensor that went in.
    """

    row: Row
    z: Capture | None
    h: Capture
    unit_axis: int
    activation: Activation | None = field(default_factory=lambda: ACTIVATIONS["linear"])
    label: str = "linear"
    bare: bool = True
    unclear: bool = False
    source: int | None = None


def tensors_in(tree: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists, dicts and dict-like outputs, in order."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from tensors_in(value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            yield from tensors_in(value)
