"""What PyTorch's operations do to a signal, by the names that autograd gives their nodes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from gradgauge.parts.activations import Activation
from gradgauge.watchers.activations import named

_NUMBERED = re.compile(r"Backward\d*$")

MOVING = frozenset(
    [
        "view",
        "unsafeview",
        "reshapealias",
        "alias",
        "transpose",
        "t",
        "permute",
        "unsqueeze",
        "squeeze",
        "clone",
        "tocopy",
        "to",
        "movedim",
        "contiguous",
        "reshape",
        "flatten",
        "float",
        "double",
        "half",
        "type",
        "lift",
        "viewasreal",
        "viewascomplex",
    ]
)
"""Entries move, and keep their values."""

_SELECTING = frozenset(
    [
        "expand",
        "slice",
        "select",
        "split",
        "splitwithsizes",
        "unsafesplit",
        "unbind",
        "chunk",
        "narrow",
        "index",
        "indexselect",
        "gather",
        "repeat",
        "roll",
        "flip",
        "asstrided",
        "unfold",
        "diagonal",
        "cat",
        "stack",
        "copyslices",
        "pixelshuffle",
        "pixelunshuffle",
        "constantpadnd",
        "reflectionpad1d",
        "reflectionpad2d",
        "replicationpad1d",
        "replicationpad2d",
        "asstridedscatter",
        "slicescatter",
        "selectscatter",
        "packpaddedsequence",
    ]
)
_POOLING = re.compile(r"(avgpool|maxpool|upsample|maxunpool|fractionalmaxpool|gridsampler)")
_ADDING = frozenset(
    [
        "add",
        "sub",
        "rsub",
        "neg",
        "mean",
        "sum",
        "nativedropout",
        "fuseddropout",
        "featuredropout",
        "indexadd",
        "scatteradd",
        "scatterreduce",
        "segmentreduce",
        "indexput",
        "dropout",
        "iadd",
        "isub",
        "addcmul",
        "maskedfill",
    ]
)
_SCALING = frozenset(["mul", "div", "imul", "truediv", "itruediv", "rmul"])
_MATRIX = re.compile(
    r"(mm$|mv$|^dot|matmul|convolution|conv\dd|scaleddotproduct|embedding|^linear|einsum|"
    r"cudnnrnn|thnnfused|mkldnn|miopenrnn|^bilinear|fft)"
)
_MIXING = re.compile(
    r"(softmax|norm|logsumexp|cumsum|cumprod|sort|topk|amax|amin|^var|^std|^prod|glu$|median|"
    r"^max$|^min$|logcumsumexp|cdist|renorm)"
)
NORMS = re.compile(r"(layernorm|batchnorm|groupnorm|instancenorm|rmsnorm)")


def operation(node_or_name: Any) -> str:
    """An operation's name in one spelling: `leakyrelu` for LeakyReluBackward0 and leaky_relu_."""
    name = node_or_name if isinstance(node_or_name, str) else type(node_or_name).__name__
    return _NUMBERED.sub("", name).replace("_", "").lower()


def is_linear(name: str, ways_in: int) -> bool:
    """Whether an operation leaves a signal as it is but for place, scale, offset or selection.

    Args:
        name: see `operation`.
        ways_in: how many of its operands depend on the signal.
    """
    if name in MOVING or name in _SELECTING or name in _ADDING or _POOLING.search(name):
        return True
    return ways_in == 1 and (name in _SCALING or _MATRIX.search(name) is not None)


def is_affine(name: str) -> bool:
    """Whether a linear operation scales every entry and adds to it: it may belong to what is
    after it, as the 1 / sqrt(2) inside of an error function does."""
    return name in _SCALING or name in ("add", "sub", "rsub", "neg", "iadd", "isub")


def is_carrying(name: str, ways_in: int) -> bool:
    """Whether an operation leaves entries as they are but for place, selection and a scale, as a
    dropout does.

    Args:
        name: see `operation`.
        ways_in: how many of its operands depend on the signal.
    """
    if name in MOVING or name in _SELECTING:
        return True
    return ways_in == 1 and (name in _SCALING or name.endswith("dropout"))


def is_matrix_product(name: str) -> bool:
    """Whether a weight or another signal may be multiplied in, as a layer or attention does."""
    return _MATRIX.search(name) is not None


def mixes_units(name: str) -> bool:
    """Whether each entry of the result depends on several ones of the operand."""
    return name in ("mean", "sum") or _MIXING.search(name) is not None


def _elu(node: Any) -> Activation | None:
    scale, alpha = float(node._saved_scale), float(node._saved_alpha)
    if scale != 1.0:
        return named("selu")
    return named("elu", {"alpha": alpha}) if float(node._saved_input_scale) == 1.0 else None


def _bounds(node: Any) -> Activation | None:
    low, high = node._saved_min_val, node._saved_max_val
    return named("hardtanh", {"min_val": float(low), "max_val": float(high)})


_KNOWN: dict[str, Callable[[Any], Activation | None]] = {
    **{
        name: lambda _node, name=name: named(name)
        for name in (
            [
                "relu",
                "sigmoid",
                "tanh",
                "erf",
                "atan",
                "sin",
                "silu",
                "mish",
                "hardsigmoid",
                "hardswish",
                "logsigmoid",
            ]
        )
    },
    "elu": _elu,
    "celu": lambda node: named("celu", {"alpha": float(node._saved_alpha)}),
    "gelu": lambda node: named("gelu", {"approximate": node._saved_approximate}),
    "hardtanh": _bounds,
    "leakyrelu": lambda node: named(
        "leaky_relu", {"negative_slope": float(node._saved_negative_slope)}
    ),
    "softplus": lambda node: named(
        "softplus",
        {"beta": float(node._saved_beta), "threshold": float(node._saved_threshold)},
    ),
    "softshrink": lambda node: named("softshrink", {"lambd": float(node._saved_lambd)}),
    "hardshrink": lambda node: named("hardshrink", {"lambd": float(node._saved_lambd)}),
}


def activation_of(node: Any) -> Activation | None:
    """The activation that a node of the graph is, with its parameters; None: not one of them.

    Only numbers are asked of the node: its saved tensors may be recomputed when they are touched.
    """
    known = _KNOWN.get(operation(node))
    return known(node) if known is not None else None
