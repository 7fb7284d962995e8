"""How a number is written: short, and never prettier than it is."""

from __future__ import annotations

import math
import re

from gradgauge.messages.catalog import sentence
from gradgauge.messages.figure import MINUS

NO_VALUE = "–"
"""Where a quantity has no meaning, or nothing was measured."""


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


def resolved(value: float, resolution: float, digits: int = 3) -> str:
    """A number, or `< 1e-13` where the arithmetic it was computed in cannot tell it from 0."""
    if 0 < value < resolution:
        return f"< {number(resolution, 1)}"
    return number(value, digits)


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


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_WRITTEN_OUT = 9
"""Factors of more decades than this are written as powers of ten."""


def factor(decades: float, lang: str = "en") -> str:
    """A number of decades as a factor that can be said aloud: `1/500,000`, `0.6`, `3,000 times`.

    One significant digit, two where the first is a 1; beyond a billion a power of ten.

    Args:
        decades: log10 of the factor.
        lang: `en` or `ko`.
    """
    size = abs(decades)
    if -1 < decades < 0:
        return sentence("report.factor.share", lang, count=f"{10**decades:.2g}")
    if size > _WRITTEN_OUT:
        count = "10" + str(round(size)).translate(_SUPERSCRIPTS)
    else:
        count = _count(_rounded(10**size), lang)
    return sentence(f"report.factor.{'part' if decades < 0 else 'times'}", lang, count=count)


def _rounded(value: float) -> float:
    digits = 1 if f"{value:.0e}"[0] != "1" and f"{value:.1e}"[0] != "1" else 2
    return float(f"{value:.{digits - 1}e}")


def _count(value: float, lang: str) -> str:
    """`500,000` in English, `50만` in Korean; one decimal below 10."""
    if value < 10:
        return f"{value:.1f}".removesuffix(".0")
    if lang == "ko":
        for unit, name in ((10**8, "억"), (10**4, "만")):
            if value >= unit:
                return f"{value / unit:,.1f}".removesuffix(".0") + name
    return f"{value:,.0f}"


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


_BELOW = re.compile(r"(<|&lt;) (?=\d)")
_SCIENTIFIC = re.compile(r"(?<![\w.-])(\d+(?:\.\d+)?)e(-?)(\d+)(?![0-9A-Za-z_])")


def as_powers(text: str) -> str:
    """`1.7e-13` in prose as HTML: 1.7 x 10 to the power of -13; no line ends after a `<`."""

    def power(match: re.Match[str]) -> str:
        sign = MINUS if match[2] else ""
        return f"{match[1]}\u202f×\u202f10<sup>{sign}{match[3]}</sup>"

    return _SCIENTIFIC.sub(power, _BELOW.sub("\\1\u202f", text))


def share_points(value: float) -> str:
    """A difference of shares, in percentage points without the words: `75.2`, `−1.3`."""
    text = f"{abs(100 * value):.1f}"
    if text == "0.0" or not math.isfinite(value):
        return "0.0" if math.isfinite(value) else "NaN"
    return f"{MINUS if value < 0 else ''}{text}"
