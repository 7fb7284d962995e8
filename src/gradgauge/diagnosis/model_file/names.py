"""The names that a model's description may give to Keras: an allow list, in `names.toml`.

Keras resolves a name wherever a JSON object has a `class_name`: layers, losses, optimizers, their
arguments, the arguments of operations. All of them are looked at here, those inside of strings
that hold JSON themselves included. A list of what is forbidden would have to be complete; a list
of what is allowed need not be.
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_FILE = Path(__file__).with_name("names.toml")

_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
"""Kinds that stand for a value. `__lambda__` and `__typespec__` stand for code and classes."""

_READ_FILES = ("vocabulary", "idf_weights")
"""Arguments of lookup layers that may be lists; as a text they are the path of another file."""

_TABLE_FUNCTIONS = {"deserialize", "serialize", "get"}
"""Functions in the tables in which the .h5 format looks names up that are no layer's business."""

_LEGACY_PREFIX = "Custom>"
"""Keras 2 wrote its own optimizers so."""


@functools.cache
def allowed() -> dict[str, dict[str, frozenset[str]]]:
    """`classes` and `functions`: module -> names."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        kind: {module: frozenset(names.split()) for module, names in table[kind].items()}
        for kind in ("classes", "functions")
    }


@functools.cache
def refused() -> frozenset[str]:
    """Classes of Keras that were looked at and are not allowed."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return frozenset(table["refused"]["classes"].split())


@functools.cache
def _anywhere(kind: str) -> frozenset[str]:
    return frozenset().union(*allowed()[kind].values())


def foreign_names(description: Any) -> Iterator[str]:
    """What a description asks for that is not on the list, in words for a sentence.

    Args:
        description: parsed JSON of a model's file.
    """
    waiting = [description]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str):
            waiting.extend(_json_in(item))
        elif isinstance(item, dict):
            yield from _foreign(item)
            waiting.extend(item.values())
            waiting.extend(inner for key in item for inner in _json_in(key))


def _json_in(text: str) -> list[Any]:
    """Objects and lists that a text holds as JSON."""
    if text.lstrip()[:1] not in ("{", "[", '"') or len(text) < 2:
        return []
    try:
        return [json.loads(text)]
    except ValueError:
        return []


def _foreign(item: dict[str, Any]) -> Iterator[str]:
    for key in _READ_FILES:
        if isinstance(item.get(key), str):
            yield f"{key}={item[key]}"
    for key, value in item.items():
        if key != "name" and isinstance(value, str) and value in _TABLE_FUNCTIONS:
            yield f"{key}={value}"
    for node in _nodes(item):
        if not _has_tensor(node):
            yield f"{item.get('class_name')}()"
    if "class_name" in item:
        module, kind = item.get("module"), item["class_name"]
        if not _is_allowed(module, kind, item):
            inner = (
                item.get("config") if kind == "function" else item.get("registered_name") or kind
            )
            yield ".".join(str(part) for part in (module, inner) if part)[:200]


def _is_allowed(module: Any, kind: Any, item: dict[str, Any]) -> bool:
    registered = item.get("registered_name")
    if not isinstance(kind, str) or not isinstance(module, str | None):
        return False
    if kind in _VALUES:
        return True
    if kind == "function":
        name = item.get("config")
        if not isinstance(name, str) or registered not in (None, "function", name):
            return False
        if module in (None, "builtins"):
            return name in _anywhere("functions")
        return name in allowed()["functions"].get(module, ())
    if registered not in (None, kind, kind.removeprefix(_LEGACY_PREFIX)):
        return False
    if module is None:
        return kind.removeprefix(_LEGACY_PREFIX) in _anywhere("classes")
    return kind in allowed()["classes"].get(module, ())


def _nodes(item: dict[str, Any]) -> list[dict[str, Any]]:
    """The calls of a layer or operation in a graph, as the .keras format has them."""
    nodes = item.get("inbound_nodes")
    if "class_name" not in item or not isinstance(nodes, list):
        return []
    return [node for node in nodes if isinstance(node, dict)]


def _has_tensor(node: Any) -> bool:
    """Whether a call takes a tensor of the graph: one without would be made while loading."""
    waiting = [node]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("class_name") == "__keras_tensor__":
                return True
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return False
