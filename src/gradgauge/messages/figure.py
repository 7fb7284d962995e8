"""A number that fills a placeholder; the sentence says how: `{value}`, or `{value:%}` for a share."""

from __future__ import annotations

import math

MINUS = "\N{MINUS SIGN}"

_DIGITS = 3
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e6
_SHARE_FROM = 1e-4
"""Smaller shares are written as numbers: `2.1e-13` says more than a percentage of eleven zeros."""


class Figure(float):
    """A float that writes itself: `0.237`, `12,300`, `1.73e-13`, and with `%` as `23.7%`."""

    def __format__(self, spec: str) -> str:
        if spec == "%":
            return share(self)
        return format(float(self), spec) if spec else plain(self)

    def __str__(self) -> str:
        return plain(self)


class Word(str):
    """A fact that is no fraction: it stays what it is where a share is asked for."""

    def __format__(self, spec: str) -> str:
        return str(self) if spec == "%" else format(str(self), spec)


def signed(value: float, digits: int = 3) -> str:
    """With its sign, a minus as print has it, and so many decimals: `+0.310`."""
    return f"{value:+.{digits}f}".replace("-", MINUS)


def plain(value: float) -> str:
    """Three significant digits; whole numbers in full, and no exponent from 0.001 to a million."""
    value = float(value)
    size = abs(value)
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    if not _PLAIN_FROM <= size < _PLAIN_BELOW:
        mantissa, _, exponent = f"{value:.{_DIGITS}g}".partition("e")
        return f"{mantissa}e{int(exponent)}" if exponent else mantissa
    if value.is_integer():
        return f"{value:,.0f}"
    rounded = float(f"{value:.{_DIGITS}g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 10**_DIGITS else f"{rounded:g}"


def share(value: float) -> str:
    """A share as a percentage, never rounded up to all: `25%`, `0.4%`, `99.9%`."""
    value = float(value)
    if not math.isfinite(value) or 0 < abs(value) < _SHARE_FROM:
        return plain(value)
    text = plain(100 * value)
    if text == "100" and value < 1:
        text = f"{math.floor(1000 * value) / 10:g}"
    return f"{text}%"
