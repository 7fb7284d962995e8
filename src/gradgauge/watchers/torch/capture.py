"""What the taps keep of a PyTorch model: values that passed, their gradients, and calls of layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from gradgauge.parts.activations import ACTIVATIONS, Activation
from gradgauge.watchers.torch.modules import Row

MOST_ENTRIES = 2**21
"""Most numbers of one tensor that are kept, some 8 MB: more would cost memory and time."""

Key = tuple[Any, int]
"""What a tensor is in the graph: (the node that made it, which of its outputs); of a tensor that
autograd does not follow (its identity, its version)."""


def key_of(tensor: torch.Tensor) -> Key:
    """The tensor's place in the graph; one without a node must be kept alive beside its key."""
    if tensor.grad_fn is not None:
        return tensor.grad_fn, tensor.output_nr
    return id(tensor), 0 if tensor.is_inference() else tensor._version


def is_signal(tensor: torch.Tensor) -> bool:
    """Whether it holds numbers that a gradient may come back to: no classes, no masks."""
    if tensor.is_nested and tensor.layout != torch.jagged:
        return False  # Without rows of one width.
    return tensor.is_floating_point() or tensor.is_complex()


def plain(tensor: torch.Tensor) -> torch.Tensor:
    """Without its graph; of sequences of several lengths all positions, one behind the other."""
    tensor = tensor.detach()
    return tensor.values() if tensor.is_nested else tensor


@dataclass(eq=False)
class Capture:
    """A value on its way, and its gradient when that has come.

    Of a tensor with more than MOST_ENTRIES only the first samples are kept: keeping all that
    passes would multiply a large model's memory. Their gradient is then enlarged so that its
    norm estimates that of all samples. A capture knows no tensor with a graph: a hook that holds
    a capture that holds a tensor that holds the hook would never be let go.

    Attributes:
        value: of the samples kept; None where only the gradient can be seen.
        shape, dtype: of the whole tensor.
        version: of `value`, when it passed.
        samples: kept, of `total`; both 0 where all are.
        grad: of the samples kept; None until the step is over, and where none has come.
    """

    value: torch.Tensor | None
    version: int = 0
    shape: tuple[int, ...] = ()
    dtype: torch.dtype = torch.float32
    samples: int = 0
    total: int = 0
    grad: torch.Tensor | None = None
    _grads: dict[int, torch.Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, tensor: torch.Tensor) -> Capture:
        value = plain(tensor)
        shape = tuple(value.shape)
        samples, total = _share(value)
        if samples:
            value = value[:samples].clone()
        return cls(value, _version(value), shape, tensor.dtype, samples, total)

    def arrived(self, grad: torch.Tensor, number: int) -> None:
        """Keep what came back on the backward pass of this number."""
        grad = plain(grad)
        samples, total = (self.samples, self.total) if self.value is not None else _share(grad)
        if samples:
            grad = grad[:samples] * (total / samples) ** 0.5
        self._grads[number] = self._grads[number] + grad if number in self._grads else grad

    def settle(self, belongs: Callable[[int], bool]) -> None:
        """Sum the gradients up of the passes that belong to the step, and let go of the others."""
        for number, grad in self._grads.items():
            if belongs(number):
                self.grad = grad if self.grad is None else self.grad + grad
        self._grads.clear()

    def keep(self) -> None:
        """Copy the value: it is about to be overwritten in place."""
        if self.value is not None and self.intact:
            self.value = self.value.clone()
            self.version = _version(self.value)

    @property
    def intact(self) -> bool:
        """Whether the value is still the one that passed."""
        return self.value is None or _version(self.value) == self.version


def _version(tensor: torch.Tensor) -> int:
    return 0 if tensor.is_inference() else tensor._version


def _share(tensor: torch.Tensor) -> tuple[int, int]:
    """How many samples of a tensor to keep, and of how many; (0, 0): all."""
    if tensor.numel() <= MOST_ENTRIES or tensor.ndim < 2:
        return 0, 0
    return max(1, MOST_ENTRIES * len(tensor) // tensor.numel()), len(tensor)


@dataclass(eq=False)
class Call:
    """One call of a layer.

    Attributes:
        row: the layer; None: a normalization without weights, which is no layer of its own.
        keys: of what came out, the first one being the output that is measured.
        sources: keys of what went in.
        out: the captured output.
        unit_axis: the axis of the output over units.
        fused: whether z is inside of an operation that shows its output only.
        z, h: captures; the same where no activation follows. z is None where `fused`.
        start: what is scaled or shifted to become z; None: nothing is.
        beyond: what h is scaled and shifted to, step by step; empty: it is not, or it does not matter.
        gate: what its output is multiplied to, entry by entry, by something that may depend on it:
            t * (t > 0) is a ReLU, though autograd shows a product alone. None: it is not.
        ways: captures of all places where h leaves the activation: g is the sum over them.
        activation: None: not known.
        label: the activation's name, for the Run.
        parts: the names of the operations that it is made of, where it is no single one.
        doubt: reason for which the activation is not known; empty: none.
        stream: the residual stream after the sum that its output is added in; None: there is none.
        over_channels: whether it is a normalization as convolutions have them.
        above: the calls of layers that read it first.
        output: whether it is an output of the model.
    """

    row: Row | None
    keys: tuple[Key, ...]
    sources: tuple[Key, ...]
    out: Capture
    unit_axis: int
    fused: bool = False
    over_channels: bool = False
    z: Capture | None = None
    h: Capture | None = None
    start: Capture | None = None
    beyond: tuple[Capture, ...] = ()
    gate: Capture | None = None
    stream: Capture | None = None
    ways: tuple[Capture, ...] = ()
    activation: Activation | None = field(default_factory=lambda: ACTIVATIONS["linear"])
    label: str = "linear"
    parts: tuple[str, ...] = ()
    doubt: str = ""
    above: tuple[Call, ...] = ()
    output: bool = False

    def __post_init__(self) -> None:
        self.plain()

    @property
    def key(self) -> Key:
        """Of the output that is measured."""
        return self.keys[0]

    @property
    def reached(self) -> bool:
        """Whether a gradient came back to its output."""
        return self.out.grad is not None

    def back(self) -> torch.Tensor | None:
        """g: the sum of what came back on all the ways that h leaves its activation by."""
        parts = [way.grad for way in self.ways if way.grad is not None]
        return sum(parts[1:], parts[0]) if parts else None

    def plain(self) -> None:
        """Nothing follows: z and h are the output."""
        self.z = None if self.fused else self.out
        self.h, self.ways, self.doubt = self.out, (self.out,), ""
        self.start, self.beyond, self.gate, self.parts = None, (), None, ()
        self.stream = None
        linear = ACTIVATIONS["linear"]
        self.activation, self.label = (None, "") if self.fused else (linear, linear.name)


def tensors_in(tree: Any) -> Iterator[torch.Tensor]:
    """All tensors in nested tuples, lists, dicts, dict-like outputs and dataclasses, in order."""
    if isinstance(tree, torch.Tensor):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from tensors_in(value)
    elif isinstance(tree, (tuple, list)):
        for value in tree:
            yield from tensors_in(value)
    elif dataclasses.is_dataclass(tree) and not isinstance(tree, type):
        for entry in dataclasses.fields(tree):
            yield from tensors_in(getattr(tree, entry.name, None))
