"""Orders: what a page may ask for. Everything else that a page sends is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gradgauge.play.settings import MOST_DEPTH, MOST_LETTERS, MOST_WIDTH

MOST_BYTES = 2 * MOST_LETTERS
"""Of one message from a page."""

_MOST_STEPS = 10**9


class BadOrder(ValueError):
    """A message that no page of ours sends."""


def _text(most: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and len(value) <= most


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    )


def _unit(value: Any) -> bool:
    return value is None or _whole(1, MOST_WIDTH)(value)


_NETWORK = _whole(0, 1)

DRIVING: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "open": {"fragment": _text(MOST_LETTERS)},
    "play": {},
    "pause": {},
    "step": {},
    "reset": {},
    "speed": {"frames": _whole(1, 20)},
    "rate": {"network": _NETWORK, "value": _text(40)},
    "why": {"network": _NETWORK},
    "remedy": {"network": _NETWORK},
}
"""Orders of whoever drives a room, and what each takes."""

LOOKING: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "look": {
        "network": _NETWORK,
        "layer": _whole(1, MOST_DEPTH),
        "unit": _unit,
        "step": _whole(0, _MOST_STEPS),
    },
    "own": {},
    "back": {},
}
"""Orders of everybody: a look, a room of one's own, and back."""


def read_order(text: str | bytes, driving: bool) -> dict[str, Any]:
    """An order as a page sent it.

    Args:
        text: one message.
        driving: whether the page may drive.

    Raises:
        BadOrder: too long, not JSON, unknown, not allowed, or with other fields than it takes.
    """
    if len(text) > MOST_BYTES:
        raise BadOrder("too long")
    try:
        order = json.loads(text)
    except (ValueError, RecursionError):
        raise BadOrder("not JSON") from None
    known = {**LOOKING, **(DRIVING if driving else {})}
    if not isinstance(order, dict) or not isinstance(kind := order.get("order"), str):
        raise BadOrder("no order")
    if kind not in known:
        raise BadOrder("unknown")
    fields = known[kind]
    if order.keys() - {"order"} != fields.keys():
        raise BadOrder("other fields")
    if not all(right(order[name]) for name, right in fields.items()):
        raise BadOrder("a field's value")
    return order
