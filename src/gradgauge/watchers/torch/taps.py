"""Taps on a PyTorch model's forward and backward pass: hooks on modules, tensors and nodes.

Only hooks that return nothing are used on the way back, and none on modules: these insert
functions of their own. Who reads a layer, and through which activation, is read from autograd's
graph, wherever the layers are called from. A function mode, on while the model's own forward
runs, keeps the values on the way that nothing else shows.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.hooks import RemovableHandle

from gradgauge.parts.activations import Activation
from gradgauge.watchers.guard import Guarded, unguarded
from gradgauge.watchers.torch.capture import Call, Capture, Key, key_of, tensors_in
from gradgauge.watchers.torch.graph import Event, Graph, node_of
from gradgauge.watchers.torch.hooks import (
    Handle,
    after_call,
    before_call,
    is_plain_pass,
    is_transformed,
)
from gradgauge.watchers.torch.linking import link, recognize
from gradgauge.watchers.torch.modules import (
    Row,
    found_to_normalize,
    is_lazy,
    is_normalization,
    is_over_channels,
    is_pointwise,
    normalization_row,
    unit_axis,
)
from gradgauge.watchers.torch.operations import operation

_FURTHEST = 12
"""Functions behind a layer whose values are kept: more than any activation is written in."""


class Taps:
    """Hooks on all layers of a model, for the steps that are measured.

    Attributes:
        calls: of the layers, in order, of every forward pass since `reset`; linked once closed.
        folded: ids of normalisations that are a part of the layer before them.
        found: normalisations that were told by what they compute, beside `rows`; None: the
            layers are settled, and none is looked for.
        transformed: whether a call under torch.func was passed by.
        silent: whether none of the layers' hooks fired.
        seconds: what the hooks have cost.
    """

    model: Any
    rows: list[Row]
    seconds: float
    transformed: bool

    def __init__(
        self,
        model: nn.Module,
        rows: list[Row],
        guard: Guarded = unguarded,
        settled: bool = False,
    ):
        self.model, self.rows, self._guard = model, rows, guard
        self.found: list[Row] | None = None if settled else []
        self._as_layer: dict[int, Callable[..., None] | None] = {}
        self.calls: list[Call] = []
        self.folded: set[int] = set()
        self.seconds, self.transformed = 0.0, False
        self._hints: dict[int, Activation] = {}
        self._handles: list[Handle] = []
        self._on_tensors: list[RemovableHandle] = []
        self._passed: list[Call] = []
        self._modules: dict[int, nn.Module] = {}
        self._captures: dict[Key, Capture] = {}
        self._hooked: set[Key] = set()
        self._cut: set[Key] = set()
        self._distance: dict[Key, int] = {}
        self._events: dict[Key, Event] = {}
        self._returned: set[Key] = set()
        self._alive: list[torch.Tensor] = []
        self._linked = (0, 0, 0)
        self._mode: _Functions | None = None

    @property
    def silent(self) -> bool:
        """Whether no layer was seen being called."""
        return not self.calls

    def open(self) -> None:
        """Put the hooks on."""
        layers = {id(row.module): row for row in self.rows if row.is_called}
        add = self._handles.append
        for module in self.model.modules():
            row = layers.get(id(module))
            if row is not None or is_normalization(module):
                hook = self._timed(self._layer_hook(row))
                add(after_call(module, hook, with_kwargs=True))
            elif is_pointwise(module):
                add(before_call(module, self._timed(self._enter)))
                add(after_call(module, self._timed(self._leave)))
        add(before_call(self.model, self.begin))
        add(after_call(self.model, self._end, always=True))

    def close(self) -> None:
        """Take the hooks off; what was seen stays, and is linked."""
        self._leave_mode()
        while self._handles:
            self._handles.pop().remove()
        if self._passed:
            self._guard(self._settle)
        self.forget()

    def forget_passes(self, number: int) -> None:
        """Forget the calls of all backward passes but this one: they belong to no step."""
        self._passed = [
            call for call in self._passed if not call.reached or call.out.passed == number
        ]

    def _settle(self) -> None:
        # Calls that no backward pass came to count only for layers that have no others: they are
        # of an evaluation with gradients switched on, or of a pass whose loss was thrown away.
        reached = {id(call.row) for call in self._passed if call.reached}
        self._passed = [c for c in self._passed if c.reached or id(c.row) not in reached]
        self._link()
        for call in self.calls:
            recognize(call, self._hints.get(id(call.row)))
            if call.activation is not None:
                self._hints[id(call.row)] = call.activation

    def reset(self) -> None:
        """Forget what was seen."""
        self.calls = []
        self.folded = set()
        self.forget()
        self.seconds = 0.0

    def forget(self) -> None:
        """Let go of the graph, and of all that only linking needs."""
        while self._on_tensors:
            self._on_tensors.pop().remove()
        self._alive.clear()
        self._passed = []
        self._linked = (0, 0, 0)
        for keyed in (self._captures, self._distance, self._events, self._modules):
            keyed.clear()
        self._hooked.clear()
        self._cut.clear()
        self._returned.clear()

    def _timed(self, hook: Callable[..., None]) -> Callable[..., None]:
        def timed(*args: Any) -> None:
            if not is_plain_pass(self):
                self.transformed = self.transformed or is_transformed()
                return
            began = time.perf_counter()
            with torch._C.DisableTorchFunction():  # What a hook computes is none of the model's.
                self._guard(hook, *args)
            self.seconds += time.perf_counter() - began

        return timed

    # -- hooks on modules

    def begin(self, *_: Any) -> None:
        """The model is called."""
        if is_plain_pass(self) and self._mode is None:
            self._mode = _Functions(self)
            self._mode.__enter__()

    def _end(self, _module: nn.Module, _args: Any, output: Any) -> None:
        self._leave_mode()
        if is_plain_pass(self):
            self._guard(self._find_returned, output)

    def _find_returned(self, output: Any) -> None:
        self._returned |= {self._place(t) for t in tensors_in(output) if _is_signal(t)}

    def _leave_mode(self) -> None:
        if self._mode is not None:
            self._mode.__exit__(None, None, None)
            self._mode = None

    def _layer_hook(self, row: Row | None) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            outs = [t for t in tensors_in(output) if _is_signal(t)]
            if not outs:
                return
            sources = [t for t in tensors_in((args, kwargs)) if _is_signal(t)]
            known = sources[0] if sources else None
            call = Call(
                row,
                tuple(dict.fromkeys(self._place(t) for t in outs)),
                tuple(self._place(t) for t in sources),
                self._capture(outs[0]),
                unit_axis(module, outs[0]) if row is None else row.axis(outs[0], known),
                fused=row is not None and row.info.kind == "recurrent",
                over_channels=is_over_channels(module),
            )
            self._hook(call.key, outs[0])
            self._remember(call.key, "layer", call.sources)
            self._passed.append(call)
            self._modules[id(call)] = module

        return hook

    def _enter(self, module: nn.Module, args: Any) -> None:
        source = next(tensors_in(args), None)
        if source is not None and _is_signal(source):
            self._capture(source)
            if getattr(module, "inplace", False):
                self._captures[key_of(source)].keep()

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        out, source = next(tensors_in(output), None), next(tensors_in(args), None)
        if out is None or source is None or not _is_signal(out):
            return
        as_layer = self._normalizing(module, source, out)
        if as_layer is not None:
            as_layer(module, args, {}, output)
            return
        self._capture(out)
        self._remember(key_of(out), operation(type(module).__name__), (key_of(source),))

    def _normalizing(
        self, module: nn.Module, source: torch.Tensor, out: torch.Tensor
    ) -> Callable[..., None] | None:
        """The hook of a layer, for what is seen to be a normalisation though no name says so; as
        long as the Run's layers are not settled."""
        if self.found is None:
            return None
        if id(module) not in self._as_layer:
            is_one = found_to_normalize(module, source, out)
            row = normalization_row(self._name_of(module), module) if is_one else None
            if row is not None:
                self.found.append(row)
            self._as_layer[id(module)] = self._layer_hook(row) if is_one else None
        return self._as_layer[id(module)]

    def _name_of(self, module: nn.Module) -> str:
        return next((name for name, part in self.model.named_modules() if part is module), "")

    # -- functions

    def function(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Called in place of a torch function while the model's forward runs."""
        began = time.perf_counter()
        operands = self._guard(self._before_function, func, args, kwargs)
        self.seconds += time.perf_counter() - began
        out = func(*args, **kwargs)
        if operands and isinstance(out, torch.Tensor):
            began = time.perf_counter()
            self._guard(self._after_function, func, operands, out)
            self.seconds += time.perf_counter() - began
        return out

    def _before_function(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Key] | None:
        """The operands' keys, if one of them lies near behind a layer."""
        operands = [key_of(t) for t in args if isinstance(t, torch.Tensor) and not is_lazy(t)]
        if not any(self._distance.get(key, _FURTHEST) < _FURTHEST for key in operands):
            return None
        in_place = _in_place(getattr(func, "__name__", "")) or kwargs.get("inplace")
        if in_place and operands[0] in self._captures:
            self._captures[operands[0]].keep()
        return operands

    def _after_function(self, func: Any, operands: list[Key], out: torch.Tensor) -> None:
        if not out.requires_grad:
            # A value of frozen layers alone has no gradient that could be cut off.
            self._cut.update(key for key in operands if not isinstance(key[0], int))
        if not _is_signal(out):
            return
        key = self._place(out)
        if key not in self._captures:
            self._captures[key] = Capture.of(out)
        nearest = min(self._distance.get(operand, _FURTHEST) for operand in operands)
        self._distance.setdefault(key, nearest + 1)
        # Others are not kept alive, and their identities are soon those of new tensors.
        known = tuple(operand for operand in operands if operand in self._distance)
        self._remember(key, operation(getattr(func, "__name__", "")), known)

    def _remember(self, key: Key, name: str, operands: tuple[Key, ...]) -> None:
        """Note an operation that autograd does not: one on frozen layers' outputs, not one that
        cuts a tensor off from its graph."""
        nodes = [place for place in (key, *operands) if node_of(place) is not None]
        if not nodes and key not in operands:
            self._events.setdefault(key, Event(name, operands))

    # -- tensors and nodes

    def _place(self, tensor: torch.Tensor) -> Key:
        """Its key, with what a key must have kept alive: the key of another one else."""
        if tensor.grad_fn is None:
            self._alive.append(tensor)
        return key_of(tensor)

    def _capture(self, tensor: torch.Tensor) -> Capture:
        key = self._place(tensor)
        capture = self._captures.get(key)
        if capture is None:
            capture = self._captures[key] = Capture.of(tensor)
        self._distance[key] = 0
        return capture

    def _hook(self, key: Key, tensor: torch.Tensor) -> None:
        if tensor.requires_grad and key not in self._hooked:
            self._hooked.add(key)
            hook = _Arrival(weakref.ref(self), self._captures[key], self._guard)
            self._on_tensors.append(tensor.register_hook(hook))

    def arrived(self) -> None:
        """A gradient comes to a layer: where else ones are wanted must be known by now."""
        self._link()

    def _link(self) -> None:
        size = (len(self._passed), len(self._returned), len(self._events))
        if self._linked == size:
            return
        began = time.perf_counter()
        self._linked = size
        for call in self._passed:
            call.plain()
            call.output = False
        graph = Graph(self._passed, self._returned, self._captures, self._events, self._cut)
        self.calls = link(graph, self._capture_at, self._captures.get)
        layers = {id(call) for call in self.calls}
        own = {id(self._modules[id(call)]) for call in self._passed if id(call) in layers}
        self.folded = {
            id(self._modules[id(call)]) for call in self._passed if id(call) not in layers
        } - own
        self.seconds += time.perf_counter() - began

    def _capture_at(self, key: Key) -> Capture:
        """What passed at a place, or will come back there, if only now anybody asks."""
        capture = self._captures.setdefault(key, Capture(None))
        node = node_of(key)
        if node is not None and key not in self._hooked:
            self._hooked.add(key)
            hook = _NodeArrival(capture, key[1], self._guard)
            self._on_tensors.append(node.register_prehook(hook))
        return capture


class _Arrival:
    """The hook on a layer's output. What it holds knows no tensor with a graph: that would keep
    itself alive through C++, where Python's collector does not see it, for ever."""

    __torch_unserializable__ = True

    def __init__(self, taps: weakref.ref[Taps], capture: Capture, guard: Guarded):
        self._taps, self._capture, self._guard = taps, capture, guard

    def __call__(self, grad: torch.Tensor) -> None:
        taps = self._taps()
        if taps is not None:
            self._guard(taps.arrived)
        self._guard(self._capture.arrived, grad)


class _NodeArrival:
    """The hook on a node of autograd: sees the gradient of one of its outputs."""

    def __init__(self, capture: Capture, number: int, guard: Guarded):
        self._capture, self._number, self._guard = capture, number, guard

    def __call__(self, grads: tuple[torch.Tensor | None, ...]) -> None:
        grad = grads[self._number]
        if grad is not None:
            self._guard(self._capture.arrived, grad)


class _Functions(TorchFunctionMode):
    """Hands every torch function to the taps."""

    def __init__(self, taps: Taps):
        super().__init__()
        self._taps = taps

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        return self._taps.function(func, args, kwargs or {})


def _is_signal(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _in_place(name: str) -> bool:
    return name.startswith("__i") or (name.endswith("_") and not name.startswith("__"))
