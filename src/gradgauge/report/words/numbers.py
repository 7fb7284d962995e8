"""How a number is written: short, and never prettier than it is."""

from __future__ import annotations

import math
import re

NO_VALUE = "–"
"""Where a quantity has no meaning, or nothing was measured."""

MINUS = "\N{MINUS SIGN}"

_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e5


def number(value: float | None, digits: int = 3) -> str:
    """`0.237`, `1.73e-13`, `0`, `NaN`, `inf`; an en dash for None.

    Args:
        value: what to write.
        digits: significant digits.
    """
    if value is None:
        return NO_VALUE
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    if _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
        return f"{value:.{decimals}f}"
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def decades(value: float) -> str:
    """A number of decades without its sign: `6.1`."""
    return _one_decimal(abs(value))


def signed_decades(value: float) -> str:
    """A number of decades with its sign: `+0.1`, and a minus sign that is one."""
    text = _one_decimal(abs(value))
    if text in ("0.0", "NaN"):
        return text
    return f"{MINUS if value < 0 else '+'}{text}"


def _one_decimal(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "∞" if math.isinf(value) else f"{value:.1f}"


def percent(value: float) -> str:
    """A share: `96.0%`."""
    return f"{100 * value:.1f}%" if math.isfinite(value) else "NaN"


def fixed(value: float | None) -> str:
    """An accuracy or a loss, to four places: `0.9597`."""
    if value is None:
        return NO_VALUE
    if math.isfinite(value) and abs(value) < _PLAIN_BELOW:
        return f"{value:.4f}"
    return number(value)


def interval(bounds: tuple[float, float] | None) -> str:
    """`0.9560 – 0.9700`, or a dash where there is none."""
    return NO_VALUE if bounds is None else f"{fixed(bounds[0])} – {fixed(bounds[1])}"


_SCIENTIFIC = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)e(-?)(\d+)(?![0-9A-Za-z_])")


def as_powers(text: str) -> str:
    """`1.7e-13` in prose as HTML: 1.7 x 10 to the power of -13."""

    def power(match: re.Match[str]) -> str:
        sign = MINUS if match[2] else ""
        return f"{match[1]}\u202f×\u202f10<sup>{sign}{match[3]}</sup>"

    return _SCIENTIFIC.sub(power, text)


def signed_share(value: float) -> str:
    """A difference of shares, in percentage points without the words: `+75.2`."""
    text = f"{abs(100 * value):.1f}"
    if text == "0.0" or not math.isfinite(value):
        return "0.0" if math.isfinite(value) else "NaN"
    return f"{MINUS if value < 0 else '+'}{text}"
