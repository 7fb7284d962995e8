"""Checks that specs share: each raises InvalidValue with the field's name."""

from __future__ import annotations

import math
from numbers import Integral, Real

from gradgauge.errors import InvalidValue


def whole_number(field: str, value: object, least: int) -> None:
    """Raise unless `value` is a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, Integral) or int(value) < least:
        raise InvalidValue(field, value, "whole_number", least=least)


def positive(field: str, value: object) -> None:
    """Raise unless `value` is a finite number above 0."""
    if not _finite(value) or float(value) <= 0:  # type: ignore[arg-type]
        raise InvalidValue(field, value, "positive")


def not_negative(field: str, value: object) -> None:
    """Raise unless `value` is a finite number of at least 0."""
    if not _finite(value) or float(value) < 0:  # type: ignore[arg-type]
        raise InvalidValue(field, value, "not_negative")


def fraction(field: str, value: object) -> None:
    """Raise unless `value` lies in [0, 1)."""
    if not _finite(value) or not 0 <= float(value) < 1:  # type: ignore[arg-type]
        raise InvalidValue(field, value, "fraction")


def _finite(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(float(value))
