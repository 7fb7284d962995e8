"""Lines of a text in a picture, which breaks none by itself."""

from __future__ import annotations

import unicodedata

_LETTER, _WIDE = 0.54, 0.95
"""Mean widths of a letter and of a wide one (Hangul), in sizes of the font."""


def breadth(text: str, size: float) -> float:
    """About how wide a text is, in the unit of `size`."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return size * (_LETTER * (len(text) - wide) + _WIDE * wide)


def wrapped(text: str, width: float, size: float) -> list[str]:
    """The text in lines of at most `width`, broken at spaces; a longer word stands alone."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and breadth(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
