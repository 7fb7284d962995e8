"""Which modules of a PyTorch model are layers, and what their weights are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.utils.parametrize import is_parametrized

from gradgauge.layers import LayerInfo

_KINDS: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], str], ...] = (
    (nn.RNNBase, "recurrent"),
    (nn.RNNCellBase, "recurrent"),
    (nn.MultiheadAttention, "attention"),
    ((nn.Embedding, nn.EmbeddingBag), "embedding"),
    (nn.Linear, "dense"),
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


@dataclass
class Row:
    """A module that is a layer.

    Attributes:
        module: the module.
        info: what the Run says of it.
        weights: its weight parameters, biases left out.
        container: whether layers are inside of it: its own output is then theirs.
    """

    module: nn.Module
    info: LayerInfo
    weights: list[nn.Parameter]
    container: bool = False


def is_normalization(module: nn.Module) -> bool:
    """Whether `module` is a normalisation, by its class's name: users write their own."""
    return "norm" in type(module).__name__.lower() and not list(module.children())


def is_pointwise(module: nn.Module) -> bool:
    """Whether `module` may be an activation: no parts, no weight matrix, not one that shapes."""
    if any(True for _ in module.children()) or is_normalization(module):
        return False
    if any(p.ndim > 1 for p in module.parameters(recurse=False)):
        return False
    home = type(module).__module__
    plain = not (home.startswith("torch.nn.modules.") and home.rsplit(".", 1)[-1] in _SHAPING)
    return plain and not isinstance(module, (nn.Identity, nn.Softmax, nn.LogSoftmax, nn.Softmax2d))


def candidates(model: nn.Module) -> list[Row]:
    """Every module with weights of its own, in the order of definition; norms among them."""
    rows = list(_candidates(model))
    layers = {id(row.module) for row in rows}
    for row in rows:
        parts = (part for part in row.module.modules() if part is not row.module)
        row.container = any(id(part) in layers for part in parts)
    return rows


def _candidates(model: nn.Module) -> Iterator[Row]:
    inside: set[int] = set()
    first: dict[int, str] = {}
    for name, module in model.named_modules():
        if id(module) in inside:
            continue
        if isinstance(module, WHOLE):
            inside.update(id(part) for part in module.modules() if part is not module)
        if is_parametrized(module):
            inside.update(id(part) for part in _parametrizations(module).modules())
        weights = _weights(module)
        if not weights:
            continue
        info = LayerInfo(
            name=name or type(module).__name__,
            kind=_kind(module),
            fan_in=_fan_in(module, weights[0]),
            parameters=sum(w.numel() for w in weights),
            trainable=any(w.requires_grad for w in weights),
            shares=first.get(id(weights[0]), ""),
        )
        for weight in weights:
            first.setdefault(id(weight), info.name)
        yield Row(module, info, weights)


def _weights(module: nn.Module) -> list[nn.Parameter]:
    recurse = isinstance(module, nn.MultiheadAttention)
    own = [(n, p) for n, p in module.named_parameters(recurse=recurse) if _real(p)]
    if is_parametrized(module):
        own += [(n, p) for n, p in _parametrizations(module).named_parameters() if _real(p)]
    if is_normalization(module):
        return [p for n, p in own if "bias" not in n]
    return [p for _, p in own if p.ndim > 1]


def _parametrizations(module: nn.Module) -> nn.ModuleDict:
    """Where `torch.nn.utils.parametrize` keeps the weights that `module` computes its own from."""
    return module.parametrizations  # type: ignore[return-value]


def _real(parameter: nn.Parameter) -> bool:
    lazy = isinstance(parameter, nn.parameter.UninitializedParameter)
    return not lazy and parameter.is_floating_point()


def _kind(module: nn.Module) -> str:
    if is_normalization(module):
        return "normalization"
    if "Conv" in type(module).__name__:
        return "convolution"
    for classes, kind in _KINDS:
        if isinstance(module, classes):
            return kind
    return "other"


def _fan_in(module: nn.Module, weight: nn.Parameter) -> int:
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)) or is_normalization(module):
        return 0
    if "ConvTranspose" in type(module).__name__:
        return int(weight.shape[0])
    return math.prod(weight.shape[1:])  # Indexing a weight spread over processes gathers it.


def unit_axis(module: nn.Module, out: torch.Tensor) -> int:
    """The axis of `out` that runs over units: PyTorch's convolutions have it second."""
    channels = _kind(module) == "convolution" or type(module).__name__.startswith(
        ("BatchNorm", "InstanceNorm", "GroupNorm", "SyncBatchNorm")
    )
    batched = out.ndim > 2
    return 1 if channels and batched else -1


def is_compiled(model: nn.Module) -> bool:
    """Whether `model` or a part of it runs through torch.compile."""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )


def eager(model: nn.Module) -> nn.Module:
    """The module inside torch.compile's wrapper; `model` itself without one."""
    return getattr(model, "_orig_mod", model)
