"""What passed through a PyTorch model, by its place in the graph, and what comes back there."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.hooks import RemovableHandle

from gradgauge.watchers.guard import Guarded
from gradgauge.watchers.torch.capture import Capture, Key, key_of
from gradgauge.watchers.torch.graph import Event, node_of
from gradgauge.watchers.torch.optimizers import backward_pass
from gradgauge.watchers.torch.passes import Passes


class Values:
    """Captures by their places, and the hooks that bring them their gradients.

    Args:
        guard: round what runs in the user's backward pass.

    Attributes:
        captures: of every place whose value was kept, or whose gradient is wanted.
        distance: functions between a layer and a place after it.
        events: operations that autograd does not note.
        cut: places that a value without a gradient was made of.
        passes: backward passes that gradients came with.
    """

    captures: dict[Key, Capture]
    distance: dict[Key, int]
    events: dict[Key, Event]
    cut: set[Key]
    passes: Passes

    def __init__(self, guard: Guarded):
        self._guard = guard
        self.captures, self.distance, self.events, self.cut = {}, {}, {}, set()
        self.passes = Passes()
        self._alive: list[torch.Tensor] = []
        self._hooked: set[Key] = set()
        self._handles: list[RemovableHandle] = []

    def forget(self) -> None:
        """Let go of all of it, and take the hooks off."""
        while self._handles:
            self._handles.pop().remove()
        for kept in (self.captures, self.distance, self.events, self.cut):
            kept.clear()
        self._alive.clear()
        self._hooked.clear()

    def settle(self) -> None:
        """No more gradients will come: those of passes that belong to the step are summed up."""
        for capture in self.captures.values():
            capture.settle(self.passes.belongs)

    def place(self, tensor: torch.Tensor) -> Key:
        """Its key, with what a key must have kept alive: the key of another one else."""
        if tensor.grad_fn is None:
            self._alive.append(tensor)
        return key_of(tensor)

    def capture(self, tensor: torch.Tensor) -> Capture:
        """Keep what goes into a layer or an activation, or comes out of one."""
        key = self.place(tensor)
        capture = self.captures.get(key)
        if capture is None:
            capture = self.captures[key] = Capture.of(tensor)
        self.distance[key] = 0
        return capture

    def remember(self, key: Key, name: str, operands: tuple[Key, ...]) -> None:
        """Note an operation that autograd does not: one on frozen layers' outputs, not one that
        cuts a tensor off from its graph."""
        nodes = [place for place in (key, *operands) if node_of(place) is not None]
        if not nodes and key not in operands:
            self.events.setdefault(key, Event(name, operands))

    def listen(self, key: Key, tensor: torch.Tensor, told: Callable[[], None]) -> None:
        """Take the gradient of a captured tensor when it comes.

        Args:
            key, tensor: the place, and what is there.
            told: before that. Holds nothing that has a graph, as `_Arrival`.
        """
        if tensor.requires_grad and key not in self._hooked:
            self._hooked.add(key)
            hook = _Arrival(told, self.captures[key], self.passes, self._guard)
            self._handles.append(tensor.register_hook(hook))

    def at(self, key: Key) -> Capture:
        """What passed at a place, or will come back there, if only now anybody asks."""
        capture = self.captures.setdefault(key, Capture(None))
        node = node_of(key)
        if node is not None and key not in self._hooked:
            self._hooked.add(key)
            hook = _NodeArrival(capture, key[1], self.passes, self._guard)
            self._handles.append(node.register_prehook(hook))
        return capture


class _Arrival:
    """The hook on a layer's output. What it holds knows no tensor with a graph: that would keep
    itself alive through C++, where Python's collector does not see it, for ever."""

    __torch_unserializable__ = True

    def __init__(self, told: Callable[[], None], capture: Capture, passes: Passes, guard: Guarded):
        self._told, self._capture, self._passes, self._guard = told, capture, passes, guard

    def __call__(self, grad: torch.Tensor) -> None:
        self._guard(self._told)
        self._guard(_keep, self._capture, self._passes, grad)


class _NodeArrival:
    """The hook on a node of autograd: sees the gradient of one of its outputs."""

    def __init__(self, capture: Capture, number: int, passes: Passes, guard: Guarded):
        self._capture, self._number = capture, number
        self._passes, self._guard = passes, guard

    def __call__(self, grads: tuple[torch.Tensor | None, ...]) -> None:
        grad = grads[self._number]
        if grad is not None:
            self._guard(_keep, self._capture, self._passes, grad)


def _keep(capture: Capture, passes: Passes, grad: torch.Tensor) -> None:
    number = backward_pass()
    if number is not None:
        passes.seen(number)
        capture.arrived(grad, number)
