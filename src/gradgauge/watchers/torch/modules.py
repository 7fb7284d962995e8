"""Which modules of a PyTorch model are layers, and what their weights are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gradgauge.layers import LayerInfo
from gradgauge.watchers.torch.normalizations import (
    is_bias,
    is_normalization,
    is_over_channels,
    unit_axis_of,
)

_KINDS: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], str], ...] = (
    (nn.RNNBase, "recurrent"),
    (nn.RNNCellBase, "recurrent"),
    (nn.MultiheadAttention, "attention"),
    ((nn.Embedding, nn.EmbeddingBag), "embedding"),
    (nn.Linear, "dense"),
    (nn.modules.conv._ConvNd, "convolution"),
)

WHOLE: tuple[type[nn.Module], ...] = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)
"""Modules that are one layer with all that is in them: their parts are never called."""

_SHAPING = (
    "dropout",
    "flatten",
    "pooling",
    "padding",
    "upsampling",
    "fold",
    "pixelshuffle",
    "loss",
    "sparse",
    "distance",
    "channelshuffle",
)


@dataclass(eq=False)
class Row:
    """A module that is a layer, or a parameter by itself.

    Attributes:
        module: the module.
        info: what the Run says of it.
        weights: its weight parameters, biases left out.
        alone: whether it is a parameter by itself, not a layer: a scale, a token, a temperature.
        weight_axis: the axis of its weight over units.
        role: what the graph shows that it is for; empty: nothing; None: not looked for yet.
        has_learned: whether a gradient has reached all of its weights in some measured step.
        unrecorded: whether it was seen being called where no gradients are recorded.
    """

    module: nn.Module
    info: LayerInfo
    weights: list[nn.Parameter]
    alone: bool = False
    weight_axis: int = 0
    role: str | None = None
    has_learned: bool = False
    unrecorded: bool = False

    @property
    def is_called(self) -> bool:
        """Whether what it computes is a layer's output."""
        return not self.alone

    def folded(self, norms: set[int]) -> bool:
        """Whether it is one of these normalizations, which are parts of other layers."""
        return not self.alone and id(self.module) in norms

    def axis(self, out: torch.Tensor, source: torch.Tensor | None) -> int:
        """The axis of an output over units, by the shapes of input, weight and output.

        What a class of the user's own computes is known only now: the row's kind, fan-in and
        weight axis are settled along the way.
        """
        if self.info.kind == "normalization":
            return unit_axis(self.module, out)
        if self.info.kind == "other" and source is not None and len(self.weights) == 1:
            found = layout(self.weights[0].detach(), source, out)
            if found is not None:
                self.info.kind, self.weight_axis, axis = found
                weight = self.weights[0]
                self.info.fan_in = weight.numel() // weight.shape[self.weight_axis]
                return axis
        return unit_axis(self.module, out)


def layout(
    weight: torch.Tensor, source: torch.Tensor, out: torch.Tensor
) -> tuple[str, int, int] | None:
    """What a weight does, by shapes: (kind, its axis over units, the output's); None: unclear.

    Args:
        weight: of two or more dimensions.
        source: what went in.
        out: what came out.
    """
    if weight.ndim == 2 and source.ndim and out.ndim:
        ends = (source.shape[-1], out.shape[-1])
        backwards, forwards = tuple(weight.shape) == ends[::-1], tuple(weight.shape) == ends
        if backwards and forwards:
            return "dense", 1 if _multiplies(weight, source, out) else 0, -1
        if backwards or forwards:
            return "dense", 0 if backwards else 1, -1
    space = weight.ndim - 2
    axis = -space - 1
    if space >= 0 and min(source.ndim, out.ndim) > space + 1:
        if out.shape[axis] == weight.shape[0] and source.shape[axis] % weight.shape[1] == 0:
            return "convolution", 0, axis
        if source.shape[axis] == weight.shape[0] and out.shape[axis] % weight.shape[1] == 0:
            return "convolution", 1, axis
    return None


def _multiplies(weight: torch.Tensor, source: torch.Tensor, out: torch.Tensor) -> bool:
    """Whether a square weight stands on the right as it is: x W, and not x W^T.

    Differences between positions are compared: an offset falls out of them.
    """
    x, y = (t.detach().reshape(-1, t.shape[-1])[:17].double() for t in (source, out))
    steps, changes = x[1:] - x[:1], y[1:] - y[:1]
    straight = (steps @ weight.double() - changes).norm()
    turned = (steps @ weight.double().T - changes).norm()
    return bool(straight < turned)


def is_pointwise(module: nn.Module) -> bool:
    """Whether `module` may be an activation: no parts, no weight matrix, not one that shapes."""
    if any(True for _ in module.children()) or is_normalization(module):
        return False
    if any(p.ndim > 1 for p in module.parameters(recurse=False)):
        return False
    home = type(module).__module__
    plain = not (home.startswith("torch.nn.modules.") and home.rsplit(".", 1)[-1] in _SHAPING)
    return plain and not isinstance(module, (nn.Identity, nn.Softmax, nn.LogSoftmax, nn.Softmax2d))


def candidates(model: nn.Module, biases: bool = False) -> list[Row]:
    """Every module with weights of its own, in the order of definition; norms among them.

    Parameters that are not a layer's weights have rows by themselves: those of one dimension that
    are no biases, and those of a module that holds layers, or that is no function at all.

    Args:
        model: the module.
        biases: whether biases have rows, too.
    """
    layers = [(name, module) for name, module in _outermost(model) if _weights(module)]
    holders = {id(module) for _, module in layers if _is_holder(model, module, layers)}
    rows: list[Row] = []
    first: dict[int, str] = {}
    for name, module in _outermost(model):
        weights = _weights(module)
        if weights and id(module) not in holders:
            rows.append(_row(name or type(module).__name__, module, weights, first))
        held = {id(w) for w in weights} if id(module) in holders else set()
        inner = (biases and isinstance(module, WHOLE)) or (held and is_parametrized(module))
        for own, parameter in module.named_parameters(recurse=bool(inner)):
            kind = "other" if id(parameter) in held else _kind_alone(module, own, parameter)
            if kind in ("other", "scale") or (biases and kind == "bias"):
                row = _row(f"{name}.{own}" if name else own, module, [parameter], first)
                row.alone, row.info.kind, row.info.fan_in = True, kind, 0
                rows.append(row)
    return rows


def _outermost(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """All modules but the parts of those that are one layer with all that is in them."""
    inside: set[int] = set()
    for name, module in model.named_modules():
        if id(module) in inside:
            continue
        if isinstance(module, WHOLE):
            inside.update(id(part) for part in module.modules() if part is not module)
        if is_parametrized(module):
            inside.update(id(part) for part in _parametrizations(module).modules())
        yield name, module


def _is_holder(
    model: nn.Module, module: nn.Module, layers: Sequence[tuple[str, nn.Module]]
) -> bool:
    """Whether the weights of `module` are not those of one layer: others are in it, or it is never
    called, or it is a whole network that is written out."""
    if isinstance(module, (nn.ParameterList, nn.ParameterDict)):
        return True
    parts = {id(part) for part in module.modules() if part is not module}
    if any(id(other) in parts for _, other in layers):
        return True
    plain = isinstance(module, WHOLE) or is_parametrized(module) or is_normalization(module)
    return module is model and not plain and len(_weights(module)) > 1


def normalization_row(name: str, module: nn.Module) -> Row | None:
    """The row of a normalization that was told by what it computes; None without a scale."""
    weights = _weights(module)
    return _row(name, module, weights, {}) if weights else None


def _row(name: str, module: nn.Module, weights: list[nn.Parameter], first: dict[int, str]) -> Row:
    info = LayerInfo(
        name=name,
        kind=_kind(module),
        fan_in=_fan_in(module, weights[0]),
        parameters=sum(w.numel() for w in weights),
        trainable=any(w.requires_grad for w in weights),
        shares=first.get(id(weights[0]), ""),
    )
    for weight in weights:
        first.setdefault(id(weight), info.name)
    return Row(module, info, weights, weight_axis=_weight_axis(module))


def _kind_alone(module: nn.Module, name: str, parameter: nn.Parameter) -> str:
    """`scale` or `bias` of a parameter that is no layer's weight; else empty."""
    if parameter.ndim > 1 or not is_real(parameter):
        return ""
    if is_bias(name):
        return "bias"
    return "" if is_normalization(module) else "scale"


def _weights(module: nn.Module) -> list[nn.Parameter]:
    recurse = isinstance(module, nn.MultiheadAttention)
    own = [(n, p) for n, p in module.named_parameters(recurse=recurse) if is_real(p)]
    if is_parametrized(module):
        own += [(n, p) for n, p in _parametrizations(module).named_parameters() if is_real(p)]
    if is_normalization(module):
        return [p for n, p in own if not is_bias(n)]
    return [p for _, p in own if p.ndim > 1]


def _parametrizations(module: nn.Module) -> nn.Module:
    """Where `torch.nn.utils.parametrize` keeps the weights that `module` computes its own from."""
    return module.get_submodule("parametrizations")


def is_lazy(tensor: torch.Tensor) -> bool:
    """Whether it has no shape yet: a lazy module's, before its first call."""
    return isinstance(
        tensor, (nn.parameter.UninitializedParameter, nn.parameter.UninitializedBuffer)
    )


def is_real(parameter: nn.Parameter) -> bool:
    """Whether it holds numbers that a norm can be taken of."""
    return not is_lazy(parameter) and (parameter.is_floating_point() or parameter.is_complex())


def _kind(module: nn.Module) -> str:
    if is_normalization(module):
        return "normalization"
    for classes, kind in _KINDS:
        if isinstance(module, classes):
            return kind
    return "other"


def _is_transposed(module: nn.Module) -> bool:
    return isinstance(module, nn.modules.conv._ConvTransposeNd)


def _weight_axis(module: nn.Module) -> int:
    return int(_is_transposed(module) or isinstance(module, (nn.Embedding, nn.EmbeddingBag)))


def _fan_in(module: nn.Module, weight: nn.Parameter) -> int:
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) or is_normalization(module):
        return 0
    if _is_transposed(module):
        return int(weight.shape[0])
    # Indexing a weight spread over processes gathers it.
    return math.prod(weight.shape[1:]) if weight.ndim else 0


def unit_axis(module: nn.Module, out: torch.Tensor) -> int:
    """The axis of `out` that runs over units: PyTorch's convolutions have it before space."""
    if isinstance(module, nn.modules.conv._ConvNd):
        return -len(module.kernel_size) - 1
    if out.ndim < 3:
        return -1
    if is_normalization(module) or is_over_channels(module):
        return unit_axis_of(module, out)
    return -1


def is_compiled(model: nn.Module) -> bool:
    """Whether `model` or a part of it runs through torch.compile."""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )


def eager(model: nn.Module) -> nn.Module:
    """The module inside torch.compile's wrapper; `model` itself without one."""
    return getattr(model, "_orig_mod", model)
