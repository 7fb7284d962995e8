"""The Korean font: for pictures, and inside files that carry it with them."""

from __future__ import annotations

import base64
import functools
from pathlib import Path

FOLDER = Path(__file__).parent / "fonts"
FAMILY = "Noto Sans KR"
STACK = f"'{FAMILY}', 'Apple SD Gothic Neo', 'Malgun Gothic', Helvetica, Arial, sans-serif"


HANGUL = "U+1100-11FF,U+3000-30FF,U+3130-318F,U+AC00-D7A3"


@functools.cache
def font_face(family: str = FAMILY, characters: str = "") -> str:
    """A CSS rule that holds the font itself.

    Args:
        family: what it is called there.
        characters: a CSS unicode-range, if it serves for these only.
    """
    data = base64.b64encode((FOLDER / "NotoSansKR-subset.woff2").read_bytes()).decode("ascii")
    only = f"unicode-range:{characters};" if characters else ""
    return (
        f"@font-face{{font-family:'{family}';font-style:normal;font-weight:400;{only}"
        f"font-display:block;src:url(data:font/woff2;base64,{data}) format('woff2')}}"
    )
