"""Which modules of a PyTorch model are layers, and what their weights are."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterator, Sequence
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
    (nn.modules.conv._ConvNd, "convolution"),
)

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)

WHOLE: tuple[type[nn.Module], ...] = (nn.RNNBase, nn.RNNCellBase, nn.MultiheadAttention)
"""Modules that are one layer with all that is in them: their parts are never called."""

_SOME, _LEAST_ROWS = 64, 4
"""Samples by which a normalisation is told, and the fewest rows and entries that tell it."""

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
        container: whether layers are inside of it: its own output is then theirs.
        alone: whether it is a parameter by itself, not a layer: a scale, a token, a temperature.
        weight_axis: the axis of its weight over units.
        role: what the graph shows that it is for; empty: nothing; None: not looked for yet.
    """

    module: nn.Module
    info: LayerInfo
    weights: list[nn.Parameter]
    container: bool = False
    alone: bool = False
    weight_axis: int = 0
    role: str | None = None

    @property
    def is_called(self) -> bool:
        """Whether what it computes is a layer's output."""
        return not (self.container or self.alone)

    def folded(self, norms: set[int]) -> bool:
        """Whether it is one of these normalisations, which are parts of other layers."""
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


_FOUND: weakref.WeakSet[nn.Module] = weakref.WeakSet()
"""Normalisations that were told by what they compute."""

_EVEN, _UNEVEN = 1e-3, 2e-2
"""How much mean squares differ, in shares of their mean, behind a normalisation and before it."""


def found_to_normalize(module: nn.Module, source: torch.Tensor, out: torch.Tensor) -> bool:
    """Whether `module`, which no name tells to be a normalisation, is one by what it did: what it
    gives, without scale and offset, has one mean square everywhere, and what it got had not."""
    parameters = list(module.named_parameters(recurse=False))
    if source.shape != out.shape or out.ndim < 2 or len(parameters) > 2:
        return False
    x, y = (t.detach()[:_SOME].double() for t in (source, out))
    for axis in dict.fromkeys((out.ndim - 1, 1)):
        plain = _without(parameters, y, axis)
        others = tuple(i for i in range(out.ndim) if i != axis)
        spans = ((axis,), tuple(range(1, out.ndim)), others)
        if plain is not None and any(_evens_out(x, plain, span) for span in spans):
            _FOUND.add(module)
            return True
    return False


def _without(
    parameters: Sequence[tuple[str, nn.Parameter]], y: torch.Tensor, axis: int
) -> torch.Tensor | None:
    """What stood there before scale and offset; None where they are of another size."""
    plain = y.movedim(axis, -1)
    if any(p.numel() != plain.shape[-1] for _, p in parameters):
        return None
    for name, parameter in sorted(parameters, key=lambda pair: not _is_bias(pair[0])):
        values = parameter.detach().double().reshape(-1)
        plain = plain - values if _is_bias(name) else plain / values
    return plain.movedim(-1, axis)


def _evens_out(before: torch.Tensor, behind: torch.Tensor, span: tuple[int, ...]) -> bool:
    squares = [t.square().mean(span) for t in (before, behind)]
    if squares[0].numel() < _LEAST_ROWS or behind.numel() // squares[1].numel() < _LEAST_ROWS:
        return False
    uneven, even = (float(s.std() / s.mean()) for s in squares)
    sizes = behind.abs()  # Of a sign nothing was taken away but the size.
    bent = float(sizes.std() / sizes.mean()) < _UNEVEN
    return even < _EVEN and uneven > _UNEVEN and not bent


def is_normalization(module: nn.Module) -> bool:
    """Whether `module` is a normalisation; with its activation inside of it, perhaps.

    By its class, by its class's name, for users write their own, or by what it was seen to
    compute; nothing in it has a matrix.
    """
    named = isinstance(module, _NORMS) or "norm" in type(module).__name__.lower()
    if not (named or module in _FOUND) or any(p.ndim > 1 for p in module.parameters()):
        return False
    return not any(is_normalization(child) for child in module.children())


def is_over_channels(module: nn.Module) -> bool:
    """Whether `module` normalises every channel over the batch, as convolutions have it."""
    return isinstance(module, _NORMS[0]) or getattr(module, "running_mean", None) is not None


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
    """Every module with weights of its own, in the order of definition; norms among them, and
    parameters of one dimension that are no biases.

    Args:
        model: the module.
        biases: whether biases have rows, too.
    """
    rows = list(_candidates(model, biases))
    layers = {id(row.module) for row in rows if not row.alone}
    for row in rows:
        parts = (part for part in row.module.modules() if part is not row.module)
        row.container = any(id(part) in layers for part in parts)
    return rows


def _candidates(model: nn.Module, biases: bool) -> Iterator[Row]:
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
        if weights:
            yield _row(name or type(module).__name__, module, weights, first)
        inner = biases and isinstance(module, WHOLE)
        for own, parameter in module.named_parameters(recurse=inner):
            kind = _kind_alone(module, own, parameter)
            if kind == "scale" or (biases and kind == "bias"):
                whole = f"{name}.{own}" if name else own
                row = _row(whole, module, [parameter], first)
                row.alone, row.info.kind, row.info.fan_in = True, kind, 0
                yield row


def normalization_row(name: str, module: nn.Module) -> Row | None:
    """The row of a normalisation that was told by what it computes; None without a scale."""
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
    if _is_bias(name):
        return "bias"
    return "" if is_normalization(module) else "scale"


def _is_bias(name: str) -> bool:
    return "bias" in name or name == "b"


def _weights(module: nn.Module) -> list[nn.Parameter]:
    recurse = isinstance(module, nn.MultiheadAttention)
    own = [(n, p) for n, p in module.named_parameters(recurse=recurse) if is_real(p)]
    if is_parametrized(module):
        own += [(n, p) for n, p in _parametrizations(module).named_parameters() if is_real(p)]
    if is_normalization(module):
        return [p for n, p in own if not _is_bias(n)]
    return [p for _, p in own if p.ndim > 1]


def _parametrizations(module: nn.Module) -> nn.ModuleDict:
    """Where `torch.nn.utils.parametrize` keeps the weights that `module` computes its own from."""
    return module.parametrizations  # type: ignore[return-value]


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
    if is_over_channels(module) or isinstance(module, nn.GroupNorm):
        return 1
    if is_normalization(module):
        sizes = {p.numel() for p in module.parameters(recurse=False)}
        if out.shape[1] not in sizes:
            return -1
        return 1 if out.shape[-1] not in sizes or _is_normalized(module, out, 1) else -1
    return -1


def _is_normalized(module: nn.Module, out: torch.Tensor, axis: int) -> bool:
    """Whether the entries of `out` along `axis`, before scale and offset, rather than those along
    the last one, have one mean square everywhere: where both axes have one size, only values tell."""
    scale = [p for n, p in module.named_parameters(recurse=False) if not _is_bias(n)]
    offset = [p for n, p in module.named_parameters(recurse=False) if _is_bias(n)]
    spreads = []
    for at in (axis, -1):
        plain = out.detach()[:8].double().movedim(at, -1)
        plain = plain - offset[0].detach().double() if offset else plain
        plain = plain / scale[0].detach().double() if scale else plain
        spreads.append(plain.square().mean(-1).std())
    return bool(spreads[0] < spreads[1])


def is_compiled(model: nn.Module) -> bool:
    """Whether `model` or a part of it runs through torch.compile."""
    return any(
        hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None
        for module in model.modules()
    )


def eager(model: nn.Module) -> nn.Module:
    """The module inside torch.compile's wrapper; `model` itself without one."""
    return getattr(model, "_orig_mod", model)
