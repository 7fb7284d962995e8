"""The Korean font: for pictures, and inside files that carry it with them."""

from __future__ import annotations

import base64
import functools
from pathlib import Path

FOLDER = Path(__file__).parent / "fonts"
FAMILY = "Noto Sans KR"
STACK = f"'{FAMILY}', 'Apple SD Gothic Neo', 'Malgun Gothic', Helvetica, Arial, sans-serif"


@functools.cache
def font_face() -> str:
    """A CSS rule that holds the font itself."""
    data = base64.b64encode((FOLDER / "NotoSansKR-subset.woff2").read_bytes()).decode("ascii")
    return (
        f"@font-face{{font-family:'{FAMILY}';font-style:normal;font-weight:100 900;"
        f"src:url(data:font/woff2;base64,{data}) format('woff2')}}"
    )
