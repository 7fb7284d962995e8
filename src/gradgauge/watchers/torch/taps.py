"""Taps on a PyTorch model's forward and backward pass: hooks on modules, tensors and nodes.

Only hooks that return nothing are used on the way back, and none on modules: these insert
functions of their own. Who reads a layer, and through which activation, is read from autograd's
graph, wherever the layers are called from. A function mode, on while the model's own forward
runs, keeps the values on the way that nothing else shows (`functions`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from gradgauge.watchers.guard import Guarded, unguarded, weakly
from gradgauge.watchers.torch.capture import Call, Key, is_signal, key_of, tensors_in
from gradgauge.watchers.torch.functions import Functions
from gradgauge.watchers.torch.graph import Graph
from gradgauge.watchers.torch.hooks import (
    Handle,
    after_call,
    before_call,
    is_plain_pass,
    is_transformed,
)
from gradgauge.watchers.torch.linking import find_outputs, link, recognize
from gradgauge.watchers.torch.modules import Row, is_pointwise, normalization_row, unit_axis
from gradgauge.watchers.torch.normalizations import (
    found_to_normalize,
    is_normalization,
    is_over_channels,
)
from gradgauge.watchers.torch.operations import operation
from gradgauge.watchers.torch.optimizers import backward_pass
from gradgauge.watchers.torch.passes import Passes
from gradgauge.watchers.torch.values import Values


class Taps:
    """Hooks on all layers of a model, for the steps that are measured.

    Attributes:
        calls: of the layers, in order, of every forward pass; linked once closed.
        folded: ids of normalizations that are a part of the layer before them.
        found: normalizations that were told by what they compute, beside `rows`; None: the
            layers are settled, and none is looked for.
        transformed: whether a call under torch.func was passed by.
        unrecorded: ids of modules that were called where no gradients are recorded.
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
        self.unrecorded: set[int] = set()
        self._handles: list[Handle] = []
        self._passed: list[Call] = []
        self._modules: dict[int, nn.Module] = {}
        self._values = Values(guard)
        self._returned: set[Key] = set()
        self._linked = (0, 0, 0)
        self._mode: Functions | None = None
        self._called: set[int] = set()

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

    @property
    def passes(self) -> Passes:
        """The backward passes that came through the layers."""
        return self._values.passes

    def _settle(self) -> None:
        self._values.settle()
        # Calls that no backward pass came to count only for layers that have no others: they are
        # of an evaluation with gradients switched on, or of a pass whose loss was thrown away.
        reached = {id(call.row) for call in self._passed if call.reached}
        self._passed = [c for c in self._passed if c.reached or id(c.row) not in reached]
        self._link()
        if not self._returned:
            find_outputs(self.calls)
        for call in self.calls:
            recognize(call)

    def forget(self) -> None:
        """Let go of the graph, and of all that only linking needs."""
        self._values.forget()
        self._passed = []
        self._linked = (0, 0, 0)
        self._modules.clear()
        self._returned.clear()

    def _timed(self, hook: Callable[..., None]) -> Callable[..., None]:
        def timed(module: nn.Module, *args: Any) -> None:
            if not is_plain_pass(self):
                self.transformed = self.transformed or is_transformed()
                if not torch.is_grad_enabled():
                    self.unrecorded.add(id(module))
                return
            if self._is_repeated(module):
                return
            began = time.perf_counter()
            with torch._C.DisableTorchFunction():  # What a hook computes is none of the model's.
                self._guard(hook, module, *args)
            self.seconds += time.perf_counter() - began

        return timed

    def _is_repeated(self, module: nn.Module) -> bool:
        """Whether a checkpoint computes a pass again that was seen already: not one that ran
        without a graph before, so that its graph is made only now."""
        if backward_pass() is None:
            self._called.add(id(module))
            return False
        return id(module) in self._called

    # -- hooks on modules

    def begin(self, *_: Any) -> None:
        """The model is called."""
        if is_plain_pass(self) and self._mode is None and self._handles:
            # Without handles it is closed: a hook that another one takes off in the same call is
            # still called in it.
            self._mode = Functions(self._values, self._guard)
            self._mode.__enter__()

    def _end(self, _module: nn.Module, _args: Any, output: Any) -> None:
        self._leave_mode()
        if is_plain_pass(self):
            self._guard(self._find_returned, output)

    def _find_returned(self, output: Any) -> None:
        self._returned |= {self._values.place(t) for t in tensors_in(output) if is_signal(t)}

    def _leave_mode(self) -> None:
        if self._mode is not None:
            self._mode.__exit__(None, None, None)
            self.seconds += self._mode.seconds
            self._mode = None

    def _layer_hook(self, row: Row | None) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            outs = [t for t in tensors_in(output) if is_signal(t)]
            if not outs:
                return
            sources = [t for t in tensors_in((args, kwargs)) if is_signal(t)]
            known = sources[0] if sources else None
            call = Call(
                row,
                tuple(dict.fromkeys(self._values.place(t) for t in outs)),
                tuple(self._values.place(t) for t in sources),
                self._values.capture(outs[0]),
                unit_axis(module, outs[0]) if row is None else row.axis(outs[0], known),
                fused=row is not None and row.info.kind == "recurrent",
                over_channels=is_over_channels(module),
            )
            self._values.listen(call.key, outs[0], weakly(self, "arrived"))
            self._values.remember(call.key, "layer", call.sources)
            self._passed.append(call)
            self._modules[id(call)] = module

        return hook

    def _enter(self, module: nn.Module, args: Any) -> None:
        source = next(tensors_in(args), None)
        if source is not None and is_signal(source):
            capture = self._values.capture(source)
            if getattr(module, "inplace", False):
                capture.keep()

    def _leave(self, module: nn.Module, args: Any, output: Any) -> None:
        out, source = next(tensors_in(output), None), next(tensors_in(args), None)
        if out is None or source is None or not is_signal(out):
            return
        as_layer = self._normalizing(module, source, out)
        if as_layer is not None:
            as_layer(module, args, {}, output)
            return
        self._values.capture(out)
        self._values.remember(key_of(out), operation(type(module).__name__), (key_of(source),))

    def _normalizing(
        self, module: nn.Module, source: torch.Tensor, out: torch.Tensor
    ) -> Callable[..., None] | None:
        """The hook of a layer, for what is seen to be a normalization though no name says so; as
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

    # -- linking

    def arrived(self) -> None:
        """A gradient comes to a layer: where else ones are wanted must be known by now."""
        self._link()

    def _link(self) -> None:
        size = (len(self._passed), len(self._returned), len(self._values.events))
        if self._linked == size:
            return
        began = time.perf_counter()
        self._linked = size
        for call in self._passed:
            call.plain()
            call.output = False
        values = self._values
        graph = Graph(self._passed, self._returned, values.captures, values.events, values.cut)
        self.calls = link(graph, values.at, values.captures.get)
        layers = {id(call) for call in self.calls}
        own = {id(self._modules[id(call)]) for call in self._passed if id(call) in layers}
        self.folded = {
            id(self._modules[id(call)]) for call in self._passed if id(call) not in layers
        } - own
        self.seconds += time.perf_counter() - began
