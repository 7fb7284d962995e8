"""Taps on a PyTorch model's forward and backward pass: hooks on modules and on tensors.

Only tensor hooks that return nothing are used on the way back, and none on modules: these
insert functions of their own. Activations that are called as functions (`F.relu(x)`) are seen
by a function mode that is on while the model's own forward runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from gradgauge.parts.activations import Activation
from gradgauge.watchers.activations import named
from gradgauge.watchers.torch.capture import Call, Capture, tensors_in
from gradgauge.watchers.torch.guard import Guarded, unguarded
from gradgauge.watchers.torch.hooks import Handle, after_call, before_call, is_plain_pass
from gradgauge.watchers.torch.modules import (
    Row,
    is_normalization,
    is_pointwise,
    unit_axis,
)

_UNKNOWN_POINTWISE = {
    "celu",
    "clamp",
    "clamp_max",
    "clamp_min",
    "clip",
    "hardshrink",
    "hardswish",
    "logsigmoid",
    "prelu",
    "rrelu",
    "softshrink",
    "square",
    "tanhshrink",
    "threshold",
}
_SAME_SIGNAL = {
    "contiguous",
    "double",
    "flatten",
    "float",
    "log_softmax",
    "reshape",
    "softmax",
    "squeeze",
    "to",
    "unsqueeze",
    "view",
}
_BENDING = {
    "abs",
    "cos",
    "exp",
    "log",
    "max",
    "maximum",
    "min",
    "minimum",
    "pow",
    "__pow__",
    "sqrt",
    "where",
}
_PRODUCTS = {"mul", "mul_", "__mul__", "__rmul__", "__imul__", "multiply"}
_SUMS = {"add", "__add__", "__radd__", "__iadd__", "add_"}


class Taps:
    """Hooks on all layers of a model, for the steps that are measured.

    Attributes:
        calls: in order, of every forward pass since `reset`.
        outputs: ids of the modules whose z or h is an output of the model.
        folded: ids of normalisations that stand between another layer's weights and its z.
        seconds: what the hooks have cost.
    """

    model: Any
    rows: list[Row]
    seconds: float

    def __init__(self, model: nn.Module, rows: list[Row], guard: Guarded = unguarded):
        self.model, self.rows, self._guard = model, rows, guard
        self.calls: list[Call] = []
        self.outputs: set[int] = set()
        self.folded: set[int] = set()
        self.seconds = 0.0
        self._handles: list[Handle] = []
        self._pending: dict[int, Call] = {}
        self._alias: dict[int, Call] = {}
        self._sums: dict[int, Call] = {}
        self._entered: dict[int, tuple[Call, Capture]] = {}
        self._touched: dict[int, Call] = {}
        self._inner: dict[int, tuple[Capture, Activation]] = {}
        self._alive: list[Any] = []
        self._by_id: dict[int, Capture] = {}
        self._mode: _Functions | None = None

    def open(self) -> None:
        """Put the hooks on."""
        layers = {id(row.module): row for row in self.rows if not row.container}
        add = self._handles.append
        for module in self.model.modules():
            row = layers.get(id(module))
            if row is not None and not is_normalization(module):
                add(after_call(module, self._timed(self._layer_hook(row))))
            elif is_normalization(module):
                add(after_call(module, self._timed(self._norm_hook(row))))
            elif is_pointwise(module):
                add(before_call(module, self._timed(self._enter)))
                add(after_call(module, self._timed(self._leave)))
        add(before_call(self.model, self.begin))
        add(after_call(self.model, self._end, always=True))

    def close(self) -> None:
        """Take the hooks off; what was seen stays."""
        self._leave_mode()
        while self._handles:
            self._handles.pop().remove()

    def reset(self) -> None:
        """Forget what was seen."""
        self.calls.clear()
        self.outputs.clear()
        self.forget()
        self.seconds = 0.0

    def forget(self) -> None:
        """Let go of the tensors that only linking needs."""
        self._alive.clear()
        for ids in (self._pending, self._alias, self._sums, self._touched, self._by_id):
            ids.clear()
        self._entered.clear()
        self._inner.clear()

    def _timed(self, hook: Callable[..., None]) -> Callable[..., None]:
        def timed(*args: Any) -> None:
            if not is_plain_pass(self):
                return
            began = time.perf_counter()
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
            self._guard(self._find_outputs, output)

    def _find_outputs(self, output: Any) -> None:
        found = {id(t) for t in tensors_in(output)}
        self.outputs |= {
            id(call.row.module)
            for call in self.calls
            if id(call.h.tensor) in found
            or (call.z is not None and id(call.z.tensor) in found)
            or any(self._alias.get(i) is call for i in found)
        }

    def _leave_mode(self) -> None:
        if self._mode is not None:
            self._mode.__exit__(None, None, None)
            self._mode = None

    def _layer_hook(self, row: Row) -> Callable[..., None]:
        fused = row.info.kind == "recurrent"

        def hook(_module: nn.Module, args: Any, output: Any) -> None:
            out = next(tensors_in(output), None)
            if out is None or not out.is_floating_point():
                return
            axis = unit_axis(row.module, out)
            capture = self._capture(out)
            call = Call(row, None if fused else capture, capture, axis)
            if fused:
                call.activation, call.label, call.bare = None, "", False
            if id(out) in self._inner:
                # The activation was called inside of the layer's own forward.
                call.z, call.activation = self._inner[id(out)]
                call.label, call.bare = call.activation.name, False
            source = next(tensors_in(args), None)
            if source is not None:
                call.source = id(source)
                self._alive.append(source)
            self._add(call, out)

        return hook

    def _norm_hook(self, row: Row | None) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            source = next(tensors_in(args), None)
            out = next(tensors_in(output), None)
            if out is None:
                return
            call = self._pending.pop(id(source), None) if source is not None else None
            if call is not None and call.z is not None and call.z.tensor is source:
                call.z = call.h = self._capture(out)
                call.unclear = False
                self.folded.add(id(module))
                self._pending[id(out)] = self._alias[id(out)] = call
            elif row is not None:
                capture = self._capture(out)
                self._add(Call(row, capture, capture, unit_axis(module, out)), out)

        return hook

    def _enter(self, module: nn.Module, args: Any) -> None:
        source = next(tensors_in(args), None)
        found = self._before_activation(source)
        if found is not None and source is not None:
            self._entered[id(module)] = found
            if getattr(module, "inplace", False):
                self._keep(source)

    def _leave(self, module: nn.Module, _args: Any, output: Any) -> None:
        call, z = self._entered.pop(id(module), (None, None))
        out = next(tensors_in(output), None)
        if call is None or z is None or out is None or out.shape != z.value.shape:
            return
        if call.bare or call.h.tensor is not out:
            name = type(module).__name__
            self._link(call, z, out, named(name, vars(module)), name.lower())

    # -- functions

    def function(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Called in place of a torch function while the model's forward runs."""
        began = time.perf_counter()
        source = next((a for a in args[:2] if isinstance(a, torch.Tensor)), None)
        before = self._guard(self._before_function, func, source, kwargs)
        self.seconds += time.perf_counter() - began
        out = func(*args, **kwargs)
        began = time.perf_counter()
        if before is not None and isinstance(out, torch.Tensor) and source is not None:
            operands = [a for a in args[:2] if isinstance(a, torch.Tensor)]
            self._guard(self._after_function, func, operands, before, out)
        self.seconds += time.perf_counter() - began
        return out

    def _before_function(
        self, func: Any, source: torch.Tensor | None, kwargs: dict[str, Any]
    ) -> tuple[tuple[Call, Capture] | None, Capture | None, Activation | None]:
        """The call that waits for this activation, if any; else a custom layer's own z."""
        name = getattr(func, "__name__", "")
        known, pointwise = _as_activation(name, kwargs)
        found = self._before_activation(source) if pointwise else None
        if source is not None and (_in_place(name) or kwargs.get("inplace")):
            self._keep(source)
        inner = None
        if found is None and known is not None and source is not None and source.requires_grad:
            # Nobody's output as yet: perhaps a custom layer's own pre-activation.
            inner = Capture.of(source, self._guard)
        return found, inner, known

    def _after_function(
        self,
        func: Any,
        operands: list[torch.Tensor],
        before: tuple[tuple[Call, Capture] | None, Capture | None, Activation | None],
        out: torch.Tensor,
    ) -> None:
        found, inner, known = before
        source, name = operands[0], getattr(func, "__name__", "")
        if found is not None and out.shape == source.shape:
            self._link(*found, out, known, name.strip("_"))
        elif inner is not None and known is not None:
            self._inner[id(out)] = (inner, known)
            self._alive += [out, source]
        self._follow(name, operands, out)
        if name in _SUMS:
            self._sum(operands, out)
        elif name in _SAME_SIGNAL and id(source) in self._alias:
            self._alias[id(out)] = self._alias[id(source)]
            self._alive.append(out)

    def _before_activation(self, source: torch.Tensor | None) -> tuple[Call, Capture] | None:
        """The call whose z is `source`, if it is one's; asked before the activation is."""
        call = self._pending.get(id(source))
        if call is not None and call.z is not None:
            return call, call.z
        call = self._sums.get(id(source))
        return (call, self._capture(source)) if call is not None and source is not None else None

    def _follow(self, name: str, operands: list[torch.Tensor], out: torch.Tensor) -> None:
        """Notice where a layer's output goes into an activation that is written out.

        That is: into a function that bends, or into a product of two things that are both
        functions of it and of nothing else.
        """
        sources = [self._pending.get(id(t)) or self._touched.get(id(t)) for t in operands]
        call = sources[0]
        if call is None or any(other is not call for other in sources):
            return
        if call.bare:
            bends = name in _BENDING and id(operands[0]) in self._pending
            product = name in _PRODUCTS and len(operands) == 2
            call.unclear = call.unclear or bends or product
        self._touched[id(out)] = call
        self._alive.append(out)

    def _sum(self, operands: list[torch.Tensor], out: torch.Tensor) -> None:
        """A residual is added: should an activation follow, z is what goes into it, the sum."""
        calls = [self._pending.get(id(t)) or self._sums.get(id(t)) for t in operands]
        late = [call for call in calls if call is not None and call.bare]
        if not late:
            return
        call = max(late, key=self.calls.index)
        if out.shape == call.h.value.shape:
            if out is operands[0]:
                self._pending.pop(id(out), None)
            self._sums[id(out)] = call
            self._alive.append(out)

    # -- what is common

    def _capture(self, tensor: torch.Tensor) -> Capture:
        capture = Capture.of(tensor, self._guard)
        self._by_id[id(tensor)] = capture
        self._alive.append(tensor)
        return capture

    def _keep(self, tensor: torch.Tensor) -> None:
        capture = self._by_id.get(id(tensor))
        if capture is not None:
            capture.keep()

    def _add(self, call: Call, out: torch.Tensor) -> None:
        self.calls.append(call)
        self._alias[id(out)] = call
        if call.bare:
            self._pending[id(out)] = call

    def _link(
        self, call: Call, z: Capture, out: torch.Tensor, known: Activation | None, label: str
    ) -> None:
        self._pending.pop(id(z.tensor), None)
        call.z, call.h = z, self._capture(out)
        call.activation, call.bare = known, False
        call.label = known.name if known else label
        self._alias[id(out)] = call


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


def _as_activation(name: str, options: dict[str, Any]) -> tuple[Activation | None, bool]:
    """The activation that a torch function is, if known; whether it is one at all."""
    plain = name.rstrip("_")
    known = named(plain, options) if plain not in ("linear", "identity", "") else None
    return known, known is not None or plain in _UNKNOWN_POINTWISE


def _in_place(name: str) -> bool:
    return name.startswith("__i") or (name.endswith("_") and not name.startswith("__"))
