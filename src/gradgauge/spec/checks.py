"""Checks that specs share: each raises InvalidValue with the field's name."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, TypeGuard

from gradgauge.errors import InvalidValue, UnknownName

LARGEST = 2**63 - 1
"""What 64 bits hold: neither arrays nor Runs take more."""

MOST_SEEDS = 10_000
"""Trainings of one network: its Run holds them all in memory."""


def whole_number(field: str, value: object, least: int, most: int = LARGEST) -> None:
    """Raise unless `value` is a whole number from `least` to `most`."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
        raise InvalidValue(field, value, "whole_number", least=least)
    if int(value) > most:
        raise InvalidValue(field, value, "at_most", most=f"{most:,}")


def seed_count(field: str, value: object) -> None:
    """Raise unless `value` is how many trainings there are: from 1 to MOST_SEEDS."""
    if isinstance(value, Iterable):
        raise InvalidValue(field, value, "seed_count")
    whole_number(field, value, 1, MOST_SEEDS)


def name_among(kind: str, value: object, known: Iterable[str]) -> None:
    """Raise unless `value` is a text, as the names that there are."""
    if not isinstance(value, str):
        raise UnknownName(kind, f"{value}", known)


def positive(field: str, value: object) -> None:
    """Raise unless `value` is a finite number above 0."""
    if not _finite(value) or float(value) <= 0:
        raise InvalidValue(field, value, "positive")


def not_negative(field: str, value: object) -> None:
    """Raise unless `value` is a finite number of at least 0."""
    if not _finite(value) or float(value) < 0:
        raise InvalidValue(field, value, "not_negative")


def fraction(field: str, value: object) -> None:
    """Raise unless `value` lies in [0, 1)."""
    if not _finite(value) or not 0 <= float(value) < 1:
        raise InvalidValue(field, value, "fraction")


def known_options(given: Iterable[str], known: Iterable[str]) -> None:
    """Raise at the first option that is not `known`; says the nearest one that is."""
    known = tuple(known)
    for name in given:
        if name not in known:
            raise UnknownName("option", name, known)


def options_of(function: Callable[..., Any]) -> list[str]:
    """Names of the parameters that `function` takes as keywords."""
    keywords = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in keywords and p.name != "self"]


def _finite(value: object) -> TypeGuard[Real]:
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # A whole number that no float holds.
        return False
