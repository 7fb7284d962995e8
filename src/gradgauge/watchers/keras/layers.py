"""Which layers of a Keras model are layers of the Run, and what they are."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import keras

from gradgauge.layers import LayerInfo
from gradgauge.parts.activations import Activation
from gradgauge.watchers.activations import named

Layer = Any
Variable = Any

_KINDS: tuple[tuple[Any, str], ...] = (
    (keras.layers.RNN, "recurrent"),
    (keras.layers.Embedding, "embedding"),
    (keras.layers.Dense, "dense"),
)

_ATTENTION = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)

_OPAQUE = (keras.layers.RNN, keras.layers.TimeDistributed)
"""Layers whose parts run inside a loop of the backend: nothing in there can be tapped."""

_BIAS = re.compile(r"(?:.*_)?(?:b|bias|beta|offset|shift)\d*", re.IGNORECASE)
"""Names of variables that are added, not multiplied."""

_POINTWISE = (
    keras.layers.Activation,
    keras.layers.ReLU,
    keras.layers.LeakyReLU,
    keras.layers.ELU,
    keras.layers.PReLU,
    keras.layers.Softmax,
)


@dataclass(eq=False)
class Row:
    """A layer of the Run.

    Attributes:
        layer: the Keras layer.
        info: what the Run says of it.
        weights: its weight variables, biases and statistics left out.
        opaque: whether only its output can be seen.
        container: whether layers are inside of it: its own output is then theirs.
        alone: whether it is a parameter beside a layer's weights, with no output of its own.
    """

    layer: Layer
    info: LayerInfo
    weights: list[Variable]
    opaque: bool = False
    container: bool = False
    alone: bool = False

    @property
    def is_called(self) -> bool:
        """Whether what it computes is a layer's output."""
        return not (self.container or self.alone)


def leaves(model: Any) -> list[Layer]:
    """Layers without parts, and those whose parts cannot be tapped, each once."""
    found: dict[int, Layer] = {}
    hidden: set[int] = set()
    for layer in model._flatten_layers(include_self=False):
        if id(layer) in hidden:
            continue
        parts = list(layer._flatten_layers(include_self=False))
        opaque = isinstance(layer, _OPAQUE)
        if opaque:
            hidden.update(id(part) for part in parts)
        own = _own_variables(layer, parts)
        activation_only = bool(parts) and all(is_pointwise(part) for part in parts)
        if not parts or opaque or own or activation_only:
            found.setdefault(id(layer), layer)
            if activation_only and getattr(layer, "activation", None) in parts:
                hidden.update(id(part) for part in parts)
    return list(found.values())


def rows_of_model(model: Any) -> list[Row]:
    """Every layer with weights of its own, in the order of definition.

    A parameter of one dimension that is no bias is a row, too: the only one of a layer stands for
    the layer, any other one for itself.
    """
    rows: list[Row] = []
    first: dict[int, str] = {}
    names: dict[str, int] = {}
    attention = {
        id(part)
        for layer in model._flatten_layers()
        if isinstance(layer, _ATTENTION)
        for part in layer._flatten_layers(include_self=False)
    }
    for layer in leaves(model):
        weights, scales = _weights(layer), _scales(layer)
        opaque = isinstance(layer, _OPAQUE)
        parts = [p for p in layer._flatten_layers(include_self=False) if not is_pointwise(p)]
        found = "attention" if id(layer) in attention else kind(layer)
        if len(scales) == 1 and not (weights or parts or is_pointwise(layer)):
            weights, scales, found = scales, [], "scale"
        if weights:
            info = _info(_name(layer, names), found, weights, first)
            info.fan_in = _fan_in(layer, weights[0])
            rows.append(Row(layer, info, weights, opaque, bool(parts) and not opaque))
        for scale in scales:
            info = _info(_name(scale, names), "scale", [scale], first)
            rows.append(Row(layer, info, [scale], alone=True))
    return rows


def _info(name: str, kind: str, weights: list[Variable], first: dict[int, str]) -> LayerInfo:
    """Of a row. `first`: ids of variables -> the row that had them first."""
    info = LayerInfo(
        name=name,
        kind=kind,
        parameters=sum(_size(w) for w in weights),
        trainable=any(w.trainable for w in weights),
        shares=first.get(id(weights[0]), ""),
    )
    for weight in weights:
        first.setdefault(id(weight), name)
    return info


def kind(layer: Layer) -> str:
    """One of KINDS."""
    name = type(layer).__name__
    if is_normalization(layer):
        return "normalization"
    if "Conv" in name:
        return "convolution"
    for classes, found in _KINDS:
        if isinstance(layer, classes):
            return found
    return "dense" if isinstance(layer, keras.layers.EinsumDense) else "other"


def is_normalization(layer: Layer) -> bool:
    """Whether `layer` is a normalization, by its class's name: users write their own."""
    return "normalization" in type(layer).__name__.lower() or "norm" in type(layer).__name__.lower()


def is_pointwise(layer: Layer) -> bool:
    """Whether `layer` is an activation."""
    return isinstance(layer, _POINTWISE)


def may_bend(layer: Layer) -> bool:
    """Whether `layer` may be an activation that a user has written: none of Keras's own."""
    own = not type(layer).__module__.startswith("keras.")
    return isinstance(layer, keras.layers.Lambda) or (own and not is_normalization(layer))


def is_attention_part(row: Row) -> bool:
    """Whether what follows the row's output is attention's own arithmetic."""
    return row.info.kind == "attention"


def activation_of(layer_or_function: Any) -> tuple[Activation | None, str]:
    """The activation that a function or an activation layer is, if known, and its name."""
    if isinstance(layer_or_function, keras.layers.Activation):
        layer_or_function = layer_or_function.activation
    if isinstance(layer_or_function, keras.layers.Layer):
        name = type(layer_or_function).__name__
        if isinstance(layer_or_function, keras.layers.ReLU):
            return _relu(layer_or_function)
        found = named(name, vars(layer_or_function))
        return found, found.name if found else name.lower()
    name = getattr(layer_or_function, "__name__", type(layer_or_function).__name__)
    home = getattr(layer_or_function, "__module__", "") or ""
    if not home.startswith("keras"):
        return None, name
    found = named(name, {"negative_slope": 0.2} if name == "leaky_relu" else {})
    return found, found.name if found else name


def _relu(layer: Any) -> tuple[Activation | None, str]:
    if layer.threshold:
        return None, "relu"
    if layer.max_value is not None:
        known = named("relu6") if layer.max_value == 6 and not layer.negative_slope else None
        return known, "relu6" if known else "relu"
    if layer.negative_slope:
        return named("leaky_relu", {"negative_slope": layer.negative_slope}), "leaky_relu"
    return named("relu"), "relu"


def _own_variables(layer: Layer, parts: list[Layer]) -> list[Variable]:
    theirs = {id(v) for part in parts for v in part.variables}
    return [v for v in layer.variables if id(v) not in theirs]


def _weights(layer: Layer) -> list[Variable]:
    variables = (
        layer.weights
        if isinstance(layer, _OPAQUE)
        else _own_variables(layer, list(layer._flatten_layers(include_self=False)))
    )
    if is_normalization(layer):
        scales = [v for v in variables if v.name in ("gamma", "scale")]
        return scales or [v for v in _trained(layer, variables) if not _BIAS.fullmatch(v.name)][:1]
    if is_pointwise(layer):
        return []
    return [v for v in variables if len(v.shape) > 1 and _is_float(v)]


def _scales(layer: Layer) -> list[Variable]:
    """What a layer has beside weight matrices and biases: a layer scale, an activation's slope."""
    if isinstance(layer, _OPAQUE) or is_normalization(layer):
        return []
    variables = _own_variables(layer, list(layer._flatten_layers(include_self=False)))
    found = [v for v in _trained(layer, variables) if not _BIAS.fullmatch(v.name)]
    return [v for v in found if len(v.shape) < 2 or is_pointwise(layer)]


def _trained(layer: Layer, variables: list[Variable]) -> list[Variable]:
    """Those that were made to be trained, whether or not the layer is frozen."""
    made = {id(v) for v in layer._trainable_variables}
    return [v for v in variables if id(v) in made and _is_float(v)]


def _is_float(variable: Variable) -> bool:
    return "float" in str(variable.dtype)


def _size(variable: Variable) -> int:
    size = 1
    for n in variable.shape:
        size *= int(n)
    return size


def _fan_in(layer: Layer, weight: Variable) -> int:
    shape = [int(n) for n in weight.shape]
    if len(shape) < 2 or isinstance(layer, keras.layers.Embedding):
        return 0
    if isinstance(layer, keras.layers.EinsumDense):
        free = _free_letters(layer)
        sizes = zip(_letters(layer)[1], shape, strict=False)
        return _size(weight) // math.prod(size for letter, size in sizes if letter in free)
    if "Depthwise" in type(layer).__name__:
        return _size(weight) // (shape[-1] * shape[-2])
    if "Transpose" in type(layer).__name__:
        return _size(weight) // shape[-2]
    return _size(weight) // shape[-1]


def _name(layer: Layer | Variable, names: dict[str, int]) -> str:
    """The path of a layer or a variable: names alone repeat inside of blocks."""
    name = str(getattr(layer, "path", "") or layer.name)
    names[name] = names.get(name, 0) + 1
    return name if names[name] == 1 else f"{name}#{names[name]}"


def _letters(layer: Layer) -> tuple[str, str, str]:
    """The axes of an EinsumDense's input, kernel and output."""
    given, _, output = layer.equation.replace(" ", "").replace("...", "").partition("->")
    source, _, kernel = given.partition(",")
    return source, kernel, output


def _free_letters(layer: Layer) -> set[str]:
    source, kernel, output = _letters(layer)
    return set(kernel) & set(output) - set(source)


def axes_of_units(layer: Layer) -> int:
    """How many of the last axes of the output run over units: heads and their width, say."""
    if not isinstance(layer, keras.layers.EinsumDense):
        return 1
    output, free = _letters(layer)[2], _free_letters(layer)
    return len(free) if free and set(output[-len(free) :]) == free else 1


def unit_axis(layer: Layer) -> int:
    """The axis of the layer's output over units."""
    if getattr(layer, "data_format", None) == "channels_first":
        return 1
    axis = getattr(layer, "axis", -1)
    return axis if isinstance(axis, int) and is_normalization(layer) else -1
