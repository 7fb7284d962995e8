"""The limits: data with a source each, in thresholds.toml; a user can override them.

thresholds_ko.toml says the same sources in Korean.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gradgauge.errors import InvalidValue, UnknownName

_FILE = Path(__file__).with_name("thresholds.toml")
_KOREAN = Path(__file__).with_name("thresholds_ko.toml")
_OVERRIDE = "override"
"""The source of a limit that the user has set."""


@dataclass(frozen=True)
class Limit:
    """A limit and where it comes from."""

    value: float
    source: str


RuleLimits = Mapping[str, Limit]
"""Limit's name -> the limit, of one rule."""

Limits = Mapping[str, RuleLimits]
"""Rule -> limit's name -> the limit."""


@functools.cache
def shipped() -> dict[str, dict[str, Limit]]:
    """The limits as they are shipped."""
    table = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {
        rule: {name: Limit(float(entry["value"]), entry["source"]) for name, entry in rows.items()}
        for rule, rows in table.items()
    }


def source_in(source: str, lang: str) -> str:
    """A limit's source in `en` or `ko`; a paper's name, or any other text, as it is."""
    return _korean_sources().get(source, source) if lang == "ko" else source


@functools.cache
def _korean_sources() -> dict[str, str]:
    """English source -> Korean."""
    korean = tomllib.loads(_KOREAN.read_text(encoding="utf-8"))
    sources = {
        limit.source: korean[rule][name]
        for rule, rows in shipped().items()
        for name, limit in rows.items()
    }
    return {**sources, _OVERRIDE: korean[_OVERRIDE]}


def limits_with(overrides: Mapping[str, float] | None = None) -> dict[str, dict[str, Limit]]:
    """The shipped limits, some replaced.

    Args:
        overrides: `rule.limit` -> value, such as `vanishing-gradient.decades`.

    Raises:
        UnknownName: no such rule or limit.
        InvalidValue: no number.
    """
    limits = {rule: dict(rows) for rule, rows in shipped().items()}
    for key, value in (overrides or {}).items():
        rule, _, name = key.partition(".")
        if name not in limits.get(rule, {}):
            known = [f"{r}.{n}" for r, rows in limits.items() for n in rows]
            raise UnknownName("limit", key, known)
        try:
            limits[rule][name] = Limit(float(value), _OVERRIDE)
        except (TypeError, ValueError):
            raise InvalidValue(key, value, "number") from None
    return limits


def read_overrides(texts: Iterable[str]) -> dict[str, float]:
    """`rule.limit=value` as a mapping.

    Raises:
        InvalidValue: not of that form.
    """
    overrides: dict[str, float] = {}
    for text in texts:
        key, _, value = text.partition("=")
        try:
            overrides[key.strip()] = float(value)
        except ValueError:
            raise InvalidValue("limit", text, "limit_and_value") from None
    return overrides
