"""The Korean font: for pictures, and inside files that carry it with them."""

from __future__ import annotations

import base64
import functools
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "fonts"
FAMILY = "Noto Sans KR"
STACK = f"'{FAMILY}', 'Apple SD Gothic Neo', 'Malgun Gothic', Helvetica, Arial, sans-serif"


HANGUL_FAMILY = "Gradgauge Hangul"
"""What pages call the font that serves for Hangul alone: their style sheets name it in every stack."""

HANGUL = "U+1100-11FF,U+3000-30FF,U+3130-318F,U+AC00-D7A3"
_LETTERS = re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]")


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


def has_hangul(text: str) -> bool:
    """Whether a text asks for the font: a Korean sentence, or a layer with a Korean name."""
    return _LETTERS.search(text) is not None


def hangul_face(text: str) -> str:
    """The rule for the Hangul of a page that shows `text`; empty where there is none in it."""
    return font_face(HANGUL_FAMILY, HANGUL) if has_hangul(text) else ""


def in_our_font(spec: dict[str, Any]) -> dict[str, Any]:
    """A Vega-Lite picture whose words are set in STACK."""
    return {**spec, "config": {**spec.get("config", {}), "font": STACK}}
