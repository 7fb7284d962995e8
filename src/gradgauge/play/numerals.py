"""Numbers as they stand in an address: one text a number, and back."""

from __future__ import annotations

import math
from decimal import Decimal

from gradgauge.errors import InvalidValue

_MOST_DIGITS = 12
_PLAIN_FROM, _PLAIN_BELOW = Decimal("0.01"), Decimal(10) ** 6


def decimal(value: float) -> str:
    """The shortest decimal number that reads back as `value`: `1e-3`, `0.9`, `400`."""
    exact = Decimal(repr(float(value))).normalize()
    if not exact or _PLAIN_FROM <= abs(exact) < _PLAIN_BELOW:
        return f"{exact:f}" if exact else "0"
    sign, digits, _ = exact.as_tuple()
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    mantissa = f"{first}.{rest}" if rest else first
    return f"{'-' if sign else ''}{mantissa}e{exact.adjusted()}"


def fraction(key: str, text: str) -> float:
    """A finite number of at least 0.

    Raises:
        InvalidValue: it is none.
    """
    try:
        value = float(text)
    except ValueError:
        raise InvalidValue(key, text, "number") from None
    if not math.isfinite(value) or value < 0:
        raise InvalidValue(key, text, "not_negative")
    return value


def natural(key: str, text: str, least: int, most: int | None = None) -> int:
    """A whole number between `least` and `most`.

    Raises:
        InvalidValue: it is none.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS) or int(text) < least:
        raise InvalidValue(key, text, "whole_number", least=least)
    if most is not None and int(text) > most:
        raise InvalidValue(key, text, "play_at_most", most=most)
    return int(text)
