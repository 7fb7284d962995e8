"""One line of text <-> NetworkSpec: `784-64x50-10 tanh init=orthogonal scale=1.05 skip=2`.

Widths joined by `-`, `WxN` for N equal layers; a group's own activation after `:`, or one for
all hidden layers after the widths; then `key=value` where it is not the default. What `write`
prints, `parse` reads back to the same spec, and prints again letter for letter.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import Any

from gradgauge.errors import InvalidNotation
from gradgauge.parts.activations import ACTIVATIONS
from gradgauge.parts.spelling import known_name
from gradgauge.spec.network import MOST_LAYERS, Layer, NetworkSpec

_GROUP = re.compile(r"(?P<width>[0-9]+)(?:[x×*](?P<count>[0-9]+))?(?::(?P<activation>\w+))?\Z")
_NUMBER = re.compile(r"[0-9]+\Z")
_OPTIONS: dict[str, type] = {
    "init": str,
    "scale": float,
    "bias_std": float,
    "norm": str,
    "skip": int,
}
_MOST_DIGITS = 12
"""Of a number of units; what it takes in memory is for others to say."""


def looks_like_notation(text: str) -> bool:
    """Whether `text` is meant as a notation rather than as an activation's name."""
    return text[:1].isdigit() or "-" in text or " " in text.strip()


def looks_like_function(text: str) -> bool:
    """Whether `text` is meant as `module:function` or `file.py:function`, or as a file of them."""
    if text.endswith(".py"):
        return True
    module, colon, name = text.rpartition(":")
    dotted = module.endswith(".py") or all(part.isidentifier() for part in module.split("."))
    return bool(colon) and name.isidentifier() and dotted


def parse(text: str) -> NetworkSpec:
    """The network that a notation describes.

    Args:
        text: a network notation, such as "784-64x10-10 relu".

    Raises:
        InvalidNotation: it cannot be read; the message says where and why.
        UnknownName, InvalidValue: it contains an unknown activation or option, or an invalid value.

    Example:
        >>> network = parse("784-64x9:sigmoid-64:relu-10 init=he_normal")
        >>> network.depth, network.activations[-1]
        (10, 'relu')
    """
    words = [(m.group(), m.start()) for m in re.finditer(r"\S+", text)]
    if not words:
        raise InvalidNotation(text, 0, "empty")
    rest = words[1:]
    default = None
    if rest and "=" not in rest[0][0]:
        default = known_name(rest.pop(0)[0], ACTIVATIONS)
    inputs, groups, outputs = _widths(text, *words[0])
    hidden: list[Layer] = []
    for position, width, count, own in groups:
        if own is None and default is None:
            raise InvalidNotation(text, position, "no_activation")
        named = known_name(own, ACTIVATIONS) if own else default
        hidden += [Layer(width, named or "")] * count
    return NetworkSpec(inputs, tuple(hidden), outputs, **_options(text, rest))


def _widths(
    text: str, word: str, start: int
) -> tuple[int, list[tuple[int, int, int, str | None]], int]:
    """Inputs, hidden groups (position, width, count, own activation), outputs."""
    pieces: list[tuple[str, int]] = []
    for piece in word.split("-"):
        pieces.append((piece, start))
        start += len(piece) + 1
    if len(pieces) < 3:
        raise InvalidNotation(text, 0, "too_few_widths")
    for piece, position in (pieces[0], pieces[-1]):
        if not _NUMBER.match(piece):
            raise InvalidNotation(text, position, "not_a_number")
    for piece, position in pieces:
        if any(len(digits) > _MOST_DIGITS for digits in re.findall(r"[0-9]+", piece)):
            raise InvalidNotation(text, position, "too_long", most=_MOST_DIGITS)
    groups = []
    for piece, position in pieces[1:-1]:
        match = _GROUP.match(piece)
        if match is None:
            raise InvalidNotation(text, position, "bad_group")
        count = int(match["count"] or 1)
        if int(match["width"]) == 0 or count == 0:
            raise InvalidNotation(text, position, "zero_width")
        if count > MOST_LAYERS:
            raise InvalidNotation(text, position, "too_deep", most=MOST_LAYERS)
        groups.append((position, int(match["width"]), count, match["activation"]))
    return int(pieces[0][0]), groups, int(pieces[-1][0])


def _options(text: str, words: list[tuple[str, int]]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word, position in words:
        key, equals, value = word.partition("=")
        if not equals or key not in _OPTIONS:
            raise InvalidNotation(text, position, "unknown_option", known=", ".join(_OPTIONS))
        if key in options:
            raise InvalidNotation(text, position, "twice", option=key)
        try:
            options[key] = _OPTIONS[key](value)
        except ValueError:
            raise InvalidNotation(text, position + len(key) + 1, "not_a_number") from None
    return options


def write(network: NetworkSpec) -> str:
    """The network's notation in its one normal form."""
    uniform = len(set(network.activations)) == 1
    pieces = [str(network.inputs)]
    for layer, run in itertools.groupby(network.hidden):
        count = len(list(run))
        own = "" if uniform else f":{layer.activation}"
        pieces.append(f"{layer.width}{f'x{count}' if count > 1 else ''}{own}")
    words = ["-".join([*pieces, str(network.outputs)])]
    if uniform:
        words.append(network.hidden[0].activation)
    defaults = {field.name: field.default for field in dataclasses.fields(NetworkSpec)}
    for key in _OPTIONS:
        value = getattr(network, key)
        if value != defaults[key]:
            words.append(f"{key}={_number(value) if isinstance(value, float) else value}")
    return " ".join(words)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def read(text: str, inputs: int, outputs: int, depth: int, width: int) -> NetworkSpec:
    """A network from a notation, or from an activation's name and the sizes beside it.

    Raises:
        InvalidNotation, UnknownName, InvalidValue: as `parse`; an unknown activation.
    """
    text = known_name(text, ACTIVATIONS)
    if text in ACTIVATIONS or not looks_like_notation(text):
        return NetworkSpec.uniform(inputs, depth, width, outputs, text)
    return parse(text)
