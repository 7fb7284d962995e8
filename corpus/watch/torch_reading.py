"""Our own reading of a PyTorch training: plain hooks and float64 sums, no code of gradgauge."""

from __future__ import annotations

import functools
import math
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.overrides import TorchFunctionMode

from corpus.watch.case import Training

FUNCTIONS = {
    "relu": "relu",
    "relu_": "relu",
    "gelu": "gelu",
    "silu": "silu",
    "silu_": "silu",
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "leaky_relu": "leaky_relu",
    "elu": "elu",
    "softplus": "softplus",
    "mish": "mish",
    "relu6": "relu6",
    "hardtanh": "hardtanh",
    "selu": "selu",
    "softsign": "softsign",
    "hardswish": "hard_swish",
    "prelu": "prelu",
}


_CHANNELS_FIRST = (nn.modules.conv._ConvNd, nn.modules.batchnorm._NormBase, nn.GroupNorm)


def norm_of(tensor: Tensor) -> float:
    """Root of the sum of squares, summed in float64."""
    values = tensor.detach()
    values = values.coalesce().values() if values.is_sparse else values
    values = values.to(torch.complex128 if values.is_complex() else torch.float64)
    return float(torch.linalg.vector_norm(values))


@dataclass
class Moments:
    """Sums over rows of one layer's h, in float64."""

    rows: int = 0
    first: Any = 0.0
    second: Any = 0.0

    def add(self, h: Tensor) -> None:
        flat = h.detach().to(torch.float64).reshape(-1, h.shape[-1])
        if self.rows and len(self.first) != flat.shape[1]:
            self.rows, self.first, self.second = 0, 0.0, 0.0
        self.rows += len(flat)
        self.first, self.second = self.first + flat.sum(0), self.second + (flat**2).sum(0)

    @property
    def spread(self) -> float:
        if not self.rows:
            return math.nan
        mean, square = self.first / self.rows, self.second / self.rows
        whole = float(square.sum())
        return float((square - mean**2).sum()) / whole if whole else math.nan


@dataclass
class Step:
    """Figures of one step. By layer: delta, g, spread, slope, units, activation; by parameter: norms."""

    delta: dict[str, float] = field(default_factory=dict)
    g: dict[str, float] = field(default_factory=dict)
    spread: dict[str, float] = field(default_factory=dict)
    slope: dict[str, float] = field(default_factory=dict)
    units: dict[str, int] = field(default_factory=dict)
    activation: dict[str, str] = field(default_factory=dict)
    gradient: dict[int, float] = field(default_factory=dict)
    clipped: dict[int, float] = field(default_factory=dict)
    weight: dict[int, float] = field(default_factory=dict)
    change: dict[int, float] = field(default_factory=dict)


@dataclass
class Call:
    """One call of a layer since the last step."""

    z: Moments = field(default_factory=Moments)
    h: Moments | None = None
    delta: float = 0.0
    g: float | None = None
    back: Tensor | None = None
    slope: Callable[[], Tensor] | None = None
    activation: str = ""
    arrived: bool = False

    @property
    def sloped(self) -> float:
        """The norm of g f'(z); NaN where f is not seen."""
        if self.back is None or self.slope is None:
            return math.nan
        return norm_of(self.back.double() * self.slope())


def _slope(function: Any, z: Tensor) -> Tensor:
    """f'(z) by autograd, in float64."""
    with torch.enable_grad():
        at = z.detach().double().requires_grad_()
        (slope,) = torch.autograd.grad(function(at).sum(), at)
    return slope


def _joint(moments: list[Moments]) -> Moments:
    whole = Moments()
    for one in moments:
        if whole.rows and len(whole.first) != len(one.first):
            whole = Moments()
        whole = Moments(whole.rows + one.rows, whole.first + one.first, whole.second + one.second)
    return whole


class _Functions(TorchFunctionMode):
    def __init__(self, reader: Reader):
        super().__init__()
        self.reader = reader

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name in FUNCTIONS and args and isinstance(args[0], Tensor):
            exact = kwargs.get("approximate", "none") == "none"
            label = FUNCTIONS[name] if exact else "gelu_tanh"
            plain = not (name.endswith("_") or kwargs.get("inplace") or name == "prelu")
            again = (lambda z: func(z, *args[1:], **kwargs)) if plain else None
            self.reader.function(label, again, args[0], out)
        return out


class Reader:
    """Reads a training while it is inside of the block.

    Args:
        training: the model, and where z and h of its layers are.
    """

    def __init__(self, training: Training):
        self.training, self.model = training, training.model
        self.steps: list[Step] = []
        self.calls: dict[str, list[Call]] = defaultdict(list)
        self._raw: dict[int, float] = {}
        self._scale, self._is_new = 1.0, True
        self._stepped: set[int] = set()
        self._before: dict[int, Tensor] = {}
        self._found: list[tuple[Tensor, str, Call]] = []
        self._handles: list[Any] = []
        self._patched: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> Reader:
        for name, module in self.model.named_modules():
            if any(True for _ in module.parameters(recurse=False)):
                self._tap(self.where(name, self.training.z) or f"out {name}", name, self._z)
                if where := self.where(name, self.training.h):
                    self._tap(where, name, self._h)
        for p in self.model.parameters():
            if p.requires_grad:
                self._handles.append(p.register_post_accumulate_grad_hook(self._accumulated))
        self._handles += [
            register_optimizer_step_pre_hook(self._before_step),
            register_optimizer_step_post_hook(self._after_step),
        ]
        self._patch(torch.optim.Optimizer, "zero_grad", self._optimizer_clears)
        self._patch(nn.Module, "zero_grad", lambda module: self.forget(list(module.parameters())))
        self._patch(torch.amp.GradScaler, "scale", self._scaler_scales)
        self._mode = _Functions(self)
        self._mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._mode.__exit__(*error)
        while self._patched:
            setattr(*self._patched.pop())
        for handle in self._handles:
            handle.remove()

    def _patch(self, owner: Any, name: str, told: Any) -> None:
        """Be told when a method is called, before it is."""
        plain = getattr(owner, name)

        def method(instance: Any, *args: Any, **kwargs: Any) -> Any:
            told(instance)
            return plain(instance, *args, **kwargs)

        self._patched.append((owner, name, plain))
        setattr(owner, name, method)

    def _optimizer_clears(self, optimizer: Any) -> None:
        self.forget([p for group in optimizer.param_groups for p in group["params"]])

    def _scaler_scales(self, scaler: Any) -> None:
        self._scale = scaler.get_scale()

    # -- signals

    def where(self, name: str, places: Any) -> str | None:
        """What `places` says of a name: the first pattern's that fits."""
        for pattern, template in places.items():
            if match := re.fullmatch(pattern, name):
                return match.expand(template)
        return None

    def _tap(self, where: str, name: str, take: Any) -> None:
        side, place = where.split(" ") if " " in where else (where, "")
        module = self.model.get_submodule(place)

        def output(_: Any, __: Any, out: Any) -> None:
            take(name, out)

        def given(_: Any, args: Any, kwargs: Any) -> None:
            take(name, args[0] if args else next(iter(kwargs.values())))

        if side == "out":
            self._handles.append(module.register_forward_hook(output))
        else:
            self._handles.append(module.register_forward_pre_hook(given, with_kwargs=True))

    def _counts(self, tensor: Any) -> bool:
        inside = torch._C._current_graph_task_id() != -1  # a checkpoint's second pass
        return (
            isinstance(tensor, Tensor)
            and torch.is_grad_enabled()
            and not inside
            and tensor.is_floating_point()
        )

    def _rows(self, name: str, tensor: Tensor) -> Tensor:
        module = self.model.get_submodule(name)
        first = getattr(module, "data_format", "") == "channels_first"
        first = first or isinstance(module, _CHANNELS_FIRST)
        return tensor.movedim(1, -1) if first and tensor.dim() > 2 else tensor

    def _z(self, name: str, out: Any) -> None:
        tensor: Any = out[0] if isinstance(out, tuple) and out else out
        if not isinstance(tensor, Tensor) or not self._counts(tensor):
            return
        call = Call()
        call.z.add(self._rows(name, tensor))
        self.calls[name].append(call)
        self._found.append((tensor, name, call))

        def arrived(gradient: Tensor) -> None:
            call.delta, call.arrived = math.hypot(call.delta, norm_of(gradient)), True

        if tensor.requires_grad:
            tensor.register_hook(arrived)

    def _h(self, name: str, out: Any) -> None:
        if self._counts(out) and self.calls[name]:
            self._take_h(name, out, self.calls[name][-1])

    def _take_h(self, name: str, out: Tensor, call: Call) -> None:
        call.h = Moments()
        call.h.add(self._rows(name, out))

        def arrived(gradient: Tensor) -> None:
            # Two calls of one function on one z are one h: what comes back is added up.
            call.back = gradient if call.back is None else call.back + gradient
            call.g = norm_of(call.back)

        if out.requires_grad:
            out.register_hook(arrived)

    def function(self, activation: str, function: Any, z: Tensor, h: Tensor) -> None:
        """What PyTorch's function `activation` made of some tensor."""
        for tensor, name, call in self._found:
            if tensor is z and self._counts(h):
                call.activation = activation
                if function is not None:
                    call.slope = functools.partial(_slope, function, z.detach())
                if self.where(name, self.training.h) is None:
                    self._take_h(name, h, call)

    def forget(self, parameters: list[Tensor]) -> None:
        """Gradients of these are thrown away: so are the signals that made them."""
        ids = {id(p) for p in parameters}
        for name, module in self.model.named_modules():
            own = [p for p in module.parameters(recurse=False) if p.requires_grad]
            if own and all(id(p) in ids and p.grad is not None for p in own):
                self.calls[name] = [call for call in self.calls[name] if not call.arrived]

    # -- parameters

    def _accumulated(self, p: Tensor) -> None:
        self._is_new = True
        if p.grad is not None:
            self._raw[id(p)] = norm_of(p.grad)

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> Any:
        """Read what the update is made of; a closure makes its passes within the step."""
        if not self._moved_by(optimizer):
            return None
        closure = kwargs.get("closure") or next(filter(callable, args[1:]), None)
        if closure is None:
            self._read(optimizer)
            return None

        @functools.wraps(closure, updated=())
        def read(*given: Any) -> Any:
            loss = closure(*given)
            if not self._before:
                self._read(optimizer)
            return loss

        told = [read if one is closure else one for one in args]
        return tuple(told), {k: read if v is closure else v for k, v in kwargs.items()}

    def _read(self, optimizer: Any) -> None:
        if self._is_new or id(optimizer) in self._stepped:
            self.steps.append(self._signals())
            self.calls, self._found = defaultdict(list), []
            self._stepped, self._is_new = set(), False
        self._stepped.add(id(optimizer))
        step = self.steps[-1]
        for p in self._moved_by(optimizer):
            key = id(p)
            self._before[key] = p.detach().clone()
            if p.grad is not None:
                step.clipped[key] = norm_of(p.grad)
                step.gradient[key] = self._raw.pop(key, math.nan) / self._scale
                if math.isnan(step.gradient[key]):  # No backward pass has put it there.
                    step.gradient[key] = step.clipped[key]

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:  # noqa: ARG002
        for p in self._moved_by(optimizer):
            before = self._before.pop(id(p), None)
            if before is not None:
                wide = torch.complex128 if p.is_complex() else torch.float64
                self.steps[-1].change[id(p)] = norm_of(p.detach().to(wide) - before.to(wide))

    def _moved_by(self, optimizer: Any) -> list[Tensor]:
        """The model's parameters that an optimizer has."""
        ids = {id(p) for group in optimizer.param_groups for p in group["params"]}
        return [p for p in self.model.parameters() if id(p) in ids]

    def _signals(self) -> Step:
        """A step, with what the passes before its updates have shown."""
        step, scale = Step(), self._scale
        step.weight = {id(p): norm_of(p) for p in self.model.parameters()}
        for name, calls in self.calls.items():
            if not calls:
                continue
            whole = _joint([call.h or call.z for call in calls])
            step.spread[name], step.units[name] = whole.spread, len(calls[-1].z.first)
            if activation := calls[-1].activation:
                step.activation[name] = activation
            sloped = [c.sloped for c in calls]
            if g := math.hypot(*(c.g or 0.0 for c in calls)):
                step.slope[name] = math.hypot(*sloped) / g
            if any(call.arrived for call in calls):
                back = (c.delta if c.g is None else c.g for c in calls)
                step.delta[name] = math.hypot(*(c.delta for c in calls)) / scale
                step.g[name] = math.hypot(*back) / scale
        return step
